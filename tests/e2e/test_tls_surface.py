"""The TLS that a scanner finds: what is offered, with openssl's own client."""

import re
import subprocess

import pytest

from tests.e2e.server import running
from typha.config.ciphers import TlsPolicy

pytestmark = pytest.mark.e2e

EVERYTHING = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Serve an empty folder with the policy that nothing sets otherwise."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "manifests").mkdir()
    with running(folder, folder / "manifests") as started:
        yield started


def s_client(server, *arguments, text=""):
    """Connect with openssl as a proper client, say something, and give all that it shows."""
    tls = server.tls
    done = subprocess.run(
        [
            *("openssl", "s_client", "-connect", f"127.0.0.1:{server.port}"),
            *("-CAfile", tls.ca_file, "-cert", tls.cert_file, "-key", tls.key_file),
            *arguments,
        ],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout + done.stderr


def chosen(shown):
    """Find the suite that the server chose; nothing when it refused."""
    words = shown.partition("Cipher is ")[2].split()
    return "" if not words or words[0] == "(NONE)" else words[0]


def scan(server, version, option):
    """Find all suites that the server takes: refuse each that it chose until it takes none."""
    found = []
    while True:
        without = ":".join([EVERYTHING, *(f"!{suite}" for suite in found)])
        if option == "-ciphersuites":
            known = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"]
            known += ["TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256"]
            without = ":".join(suite for suite in known if suite not in found)
        suite = chosen(s_client(server, version, option, without)) if without else ""
        if not suite:
            return found
        assert suite not in found
        found.append(suite)


def test_tls_1_2_offers_the_original_s_suites_and_no_others(server):
    """Those for this certificate's kind of key; forward secrecy with each."""
    allowed = TlsPolicy().openssl_ciphers.split(":")
    found = scan(server, "-tls1_2", "-cipher")
    assert sorted(found) == sorted(suite for suite in allowed if "ECDSA" in suite)
    assert all(suite.startswith("ECDHE-") for suite in found)


def test_tls_1_3_offers_its_three_suites(server):
    """Which nobody can choose, here as in the original."""
    assert sorted(scan(server, "-tls1_3", "-ciphersuites")) == [
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
    ]


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_older_versions_are_refused(server, version):
    """Whatever suites they ask for."""
    shown = s_client(server, version, "-cipher", EVERYTHING)
    assert not chosen(shown)
    assert "alert protocol version" in shown


def test_a_client_cannot_have_the_keys_made_anew(server):
    """It would cost us a handshake, and costs it nothing."""
    shown = s_client(server, "-tls1_2", text="R\n")
    assert chosen(shown)
    assert "RENEGOTIATING" in shown
    assert "no renegotiation" in shown


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_nothing_is_compressed_and_nothing_is_resumed(server, version):
    """Compression leaks secrets; tickets are of no use to clients that keep none."""
    shown = s_client(server, version, "-comp")
    assert chosen(shown)
    assert "Compression: NONE" in shown
    assert "Expansion: NONE" in shown
    assert "session ticket" not in shown.lower()
    assert "Early data was accepted" not in shown


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_names_asked_for_and_protocols_offered_change_nothing(server, version):
    """There is one certificate, and no ALPN."""
    shown = s_client(server, version, "-servername", "somebody.example", "-alpn", "h2,http/1.1")
    assert chosen(shown)
    assert "No ALPN negotiated" in shown
    assert re.search("CN ?= ?calico-typha", shown)  # openssl 3.2 took the blanks out
