"""Mutual TLS with clients: the context, made anew when its files change, and who may come in.

The rules are the reference's: the chain against the CA, purpose client authentication, then the
subject's common name or a URI name of the certificate.  DNS names and addresses play no role.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from typha.certs import contexts
from typha.certs.contexts import File
from typha.config.settings import TlsSettings

REMEMBERED_CERTIFICATES: Final = 64  # where each node has its own, no more are kept
_MINIMUM: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class CertificateError(Exception):
    """A client whose certificate is genuine but not one that may come in."""


def server_context(settings: TlsSettings) -> ssl.SSLContext:
    """Make a context from the files; raises contexts.UnusableError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _MINIMUM[settings.policy.min_version]
    context.set_ciphers(settings.policy.openssl_ciphers)
    contexts.show(
        context,
        File("ServerCertFile", settings.cert_file),
        File("ServerKeyFile", settings.key_file),
    )
    contexts.trust(context, File("CAFile", settings.ca_file))
    context.verify_mode = ssl.CERT_REQUIRED
    # The reference's clients keep no sessions, so tickets are pure cost; and they know better
    # than OpenSSL's order which cipher their hardware likes.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    return context


def common_name(certificate: Mapping[str, Any]) -> str:
    """Give the last common name of a certificate's subject, as the reference reads it."""
    names = [v for rdn in certificate.get("subject", ()) for k, v in rdn if k == "commonName"]
    return names[-1] if names else ""


def check_client(certificate: Mapping[str, Any] | None, settings: TlsSettings) -> str:
    """Return the client's common name; raises CertificateError when it may not come in."""
    certificate = certificate or {}
    name = common_name(certificate)
    uris = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "URI"]
    if settings.client_cn and name == settings.client_cn:
        return name
    if settings.client_uri_san and settings.client_uri_san in uris:
        return name
    wanted = [
        f"{what} {value!r}"
        for what, value in (("CN", settings.client_cn), ("URI SAN", settings.client_uri_san))
        if value
    ]
    shown = ", ".join(repr(uri) for uri in uris[:4]) or "none"
    raise CertificateError(
        f"certificate has CN {name!r} and URI SANs {shown}, required is {' or '.join(wanted)}"
    )


def failure(error: ssl.SSLError) -> str:
    """Name, for a metric, why a handshake failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFICATION.get(error.verify_code, "unknown_ca")
    return _FAILURES.get(error.reason, "protocol")


def explanation(error: ssl.SSLError) -> str:
    """Say, for the log, why a handshake failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    reason = error.reason or str(error)
    if failure(error) == _REFUSED_BY_CLIENT:
        return f"the client does not accept our certificate, its authority or its name: {reason}"
    return reason


_REFUSED_BY_CLIENT: Final = "server_refused"
_FAILURES: Final = {  # by OpenSSL's names
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "no_cert",
    # Alerts that clients send.  Felix, as everything in Go, judges names by itself: a bad one.
    "SSLV3_ALERT_BAD_CERTIFICATE": _REFUSED_BY_CLIENT,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": _REFUSED_BY_CLIENT,
    "SSLV3_ALERT_CERTIFICATE_REVOKED": _REFUSED_BY_CLIENT,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": _REFUSED_BY_CLIENT,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _REFUSED_BY_CLIENT,
    "TLSV1_ALERT_UNKNOWN_CA": _REFUSED_BY_CLIENT,
}
_VERIFICATION: Final = {9: "not_yet_valid", 10: "expired", 26: "wrong_purpose"}  # X509_V_ERR_*


@dataclass(slots=True)
class Certificates:
    """The context in force; `refresh` follows the files, a bad set keeps the old one."""

    settings: TlsSettings
    context: ssl.SSLContext = field(init=False)
    _told: dict[bytes, Mapping[str, Any]] = field(init=False, default_factory=dict)
    _seen: tuple[tuple[int, int, int], ...] = field(init=False)

    def __post_init__(self) -> None:
        """Read the files; raises contexts.UnusableError."""
        self._seen = self._fingerprint()
        self.context = server_context(self.settings)

    def refresh(self) -> bool:
        """Take changed files; tells whether there was a change.

        Raises contexts.UnusableError when the new set is no good, once for each set.
        """
        fingerprint = self._fingerprint()
        if fingerprint == self._seen:
            return False
        self._seen = fingerprint
        self.context = server_context(self.settings)
        return True

    def of_peer(self, connection: ssl.SSLSocket | ssl.SSLObject) -> Mapping[str, Any]:
        """Tell what the certificate says with which a handshake was completed.

        OpenSSL verifies it in each handshake; what its bytes say is read once, as nodes mostly
        share one certificate.  Raises CertificateError for what cannot be read.
        """
        encoded = connection.getpeercert(binary_form=True) or b""
        told = self._told.get(encoded)
        if told is None:
            try:
                told = connection.getpeercert() or {}
            except ValueError as error:  # Python takes every text in it for UTF-8
                raise CertificateError(f"certificate cannot be read: {error}") from error
            if len(self._told) >= REMEMBERED_CERTIFICATES:
                self._told.clear()
            self._told[encoded] = told
        return told

    def _fingerprint(self) -> tuple[tuple[int, int, int], ...]:
        files = (self.settings.cert_file, self.settings.key_file, self.settings.ca_file)
        return tuple(_identity(file) for file in files)


def _identity(file: str) -> tuple[int, int, int]:
    try:
        found = Path(file).stat()
    except OSError:
        return (0, 0, 0)
    return found.st_mtime_ns, found.st_ino, found.st_size
