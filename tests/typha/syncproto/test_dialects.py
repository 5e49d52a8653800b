"""Which spelling of policy keys each client gets."""

import dataclasses

import pytest

from typha.syncproto import dialects
from typha.syncproto.messages import ClientHello, Dialect


@pytest.mark.parametrize(
    ("version", "dialect"),
    [
        ("v3.8.9", Dialect.LEGACY),
        ("v3.28.5", Dialect.LEGACY),
        ("v3.29.0", Dialect.V3_29),
        ("v3.29.7", Dialect.V3_29),
        ("v3.30.0", Dialect.V3_30),
        ("v3.31.3", Dialect.V3_30),
        ("v3.31.0-0.dev-641-g5b3f1a2c", Dialect.V3_30),
        ("3.30.1", Dialect.V3_30),
        ("v4.0.0", Dialect.V3_30),
        ("v3.4", Dialect.LEGACY),
        ("", Dialect.LEGACY),
        ("unknown", Dialect.LEGACY),
        ("v3", Dialect.LEGACY),
        ("v3.", Dialect.LEGACY),
        ("v3.99999", Dialect.LEGACY),
        ("release v3.31.3", Dialect.LEGACY),
    ],
)
def test_without_announcement_the_version_decides(version: str, dialect: Dialect) -> None:
    """What cannot be read as a version gets what every client can read."""
    assert dialects.of(ClientHello(version=version)) is dialect


@pytest.mark.parametrize("version", ["v3.32.1", "", "v3.8.9"])
def test_announced_modern_keys_decide_whatever_the_version(version: str) -> None:
    """The announcement is about keys, the version about the build."""
    hello = ClientHello(version=version, supports_modern_policy_keys=True)
    assert dialects.of(hello) is Dialect.MODERN


@pytest.mark.parametrize("version", ["", "<unknown>", "5b3f1a2c"])
def test_what_nothing_tells_is_a_guess(version: str) -> None:
    """Builds from a tree without tags name no release; those of v3.32 need none."""
    hello = ClientHello(version=version)
    assert dialects.is_guessed(hello)
    assert not dialects.is_guessed(dataclasses.replace(hello, supports_modern_policy_keys=True))
    assert not dialects.is_guessed(ClientHello(version="v3.8.9"))
