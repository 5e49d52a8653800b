"""What cannot be used is named, as the operator named it."""

import ssl
import subprocess
from pathlib import Path

import pytest

from typha.certs import contexts, making
from typha.certs.contexts import File, UnusableError


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Make the certificates of the guide, a key of somebody else, and an encrypted one."""
    made = tmp_path_factory.mktemp("certs")
    making.make(making.Plan(days=2), made)
    making.make(making.Plan(days=2), made / "other")
    command = ["openssl", "pkey", "-aes256", "-passout", "pass:secret"]
    command += ["-in", str(made / "typha.key"), "-out", str(made / "encrypted.key")]
    subprocess.run(command, check=True, capture_output=True)
    return made


@pytest.fixture
def context() -> ssl.SSLContext:
    """Begin without certificates."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def test_good_files_are_taken(folder, context):
    """Without a word."""
    contexts.show(context, file(folder, "typha.crt"), file(folder, "typha.key"))
    contexts.trust(context, file(folder, "typhaca.crt"))
    assert len(context.get_ca_certs()) == 1


def file(folder: Path, name: str) -> File:
    """Name a file as a setting would."""
    return File("SomeFile", str(folder / name))


@pytest.mark.parametrize(
    ("certificate", "key", "text"),
    [
        ("missing.crt", "typha.key", r"SomeFile '.*/missing.crt' cannot be read: No such file"),
        ("typha.crt", "missing.key", r"SomeFile '.*/missing.key' cannot be read: No such file"),
        ("typha.crt", "other", r"SomeFile '.*/other' cannot be read: Is a directory"),
        (
            "typha.crt",
            "other/typha.key",
            r"typha.crt' and SomeFile .* key values mismatch; a cert",
        ),
        ("typha.key", "typha.key", r"as PEM without a password"),
        ("typha.crt", "typhaca.crt", r"as PEM without a password"),
        ("typha.crt", "encrypted.key", r"as PEM without a password"),
    ],
)
def test_a_pair_that_is_none(folder, context, certificate, key, text):
    """Nobody is asked for a password."""
    with pytest.raises(UnusableError, match=text):
        contexts.show(context, file(folder, certificate), file(folder, key))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("missing.crt", "cannot be read: No such file"),
        ("typha.key", "no certificate or crl found; PEM certificates are expected"),
    ],
)
def test_authorities_that_are_none(folder, context, name, text):
    """Each names the setting."""
    with pytest.raises(UnusableError, match=f"SomeFile '.*/{name}' .*{text}"):
        contexts.trust(context, file(folder, name))


def named(error, reason):
    """Give an error of OpenSSL its name."""
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (named(ssl.SSLError(1, "long"), "KEY_VALUES_MISMATCH"), "key values mismatch"),
        (named(ssl.SSLError(1, "long"), None), "long"),
        (named(ssl.SSLEOFError(8, "long"), None), ""),
        (FileNotFoundError(2, "No such file or directory"), "No such file or directory"),
        (OSError("as it is"), "as it is"),
        (ValueError("as it is"), "as it is"),
    ],
)
def test_errors_are_told_in_few_words(error, reason):
    """Without numbers and source lines; an end that says nothing is left to be told otherwise."""
    assert contexts.reason(error) == reason
