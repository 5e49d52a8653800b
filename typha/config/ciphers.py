"""Which TLS versions and cipher suites are allowed, for every TLS side there is.

The names that users write are IANA's; OpenSSL has its own.  TLS 1.3 suites can be named but not
chosen, here as in Go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from typha.config.errors import ConfigError

# In the order the original offers them.
_DEFAULT: Final = {
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
}
_ON_REQUEST: Final = {
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
}
_TLS13: Final = (
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_GCM_SHA256",
)
SUITES: Final = (*_DEFAULT, *_ON_REQUEST, *_TLS13)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsPolicy:
    """What both sides of a handshake may agree on.

    `openssl_ciphers` is for SSLContext.set_ciphers and means TLS 1.2 alone.
    """

    min_version: str = "1.2"
    openssl_ciphers: str = ":".join(_DEFAULT.values())


def policy(environ: Mapping[str, str]) -> TlsPolicy:
    """Read TLS_MIN_VERSION and TLS_CIPHER_SUITES; raise ConfigError for an unknown suite.

    A version that is not known means 1.2, as in the original: `unknown_version` tells.
    """
    version = environ.get("TLS_MIN_VERSION", "")
    version = version if version == "1.3" else "1.2"
    names = [name.strip() for name in environ.get("TLS_CIPHER_SUITES", "").split(",")]
    names = [name for name in names if name]
    known = _DEFAULT | _ON_REQUEST
    for name in names:
        if name not in SUITES:
            raise ConfigError("TLS_CIPHER_SUITES", name, "the suites are " + ", ".join(SUITES))
    if not names:
        return TlsPolicy(min_version=version)
    ciphers = [known[name] for name in names if name in known]
    if not ciphers:  # only suites of TLS 1.3: nothing is left for 1.2
        return TlsPolicy(min_version="1.3")
    return TlsPolicy(min_version=version, openssl_ciphers=":".join(ciphers))


def unknown_version(environ: Mapping[str, str]) -> bool:
    """Say whether TLS_MIN_VERSION is set to something that means nothing."""
    return environ.get("TLS_MIN_VERSION", "") not in {"", "1.2", "1.3"}
