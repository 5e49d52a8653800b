"""Which spelling of policy keys each client gets."""

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
