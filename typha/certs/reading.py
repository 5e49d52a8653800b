"""What certificates and keys say, and what is wrong with them.

Files are read here and judged at a moment that is passed in.  The judgements are those that
Typha's peers make: chain, dates, purpose; DNS names and addresses play no role.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from typha.certs import exposure

EXPIRES_SOON: Final = dt.timedelta(days=30)  # time enough to notice and to act

_PURPOSES: Final = {
    "server": ExtendedKeyUsageOID.SERVER_AUTH,
    "client": ExtendedKeyUsageOID.CLIENT_AUTH,
}

_PARTS: Final = (
    *("version", "subject", "issuer", "extensions"),
    *("not_valid_before_utc", "not_valid_after_utc"),
)
_BROKEN: Final = (
    *(ValueError, UnsupportedAlgorithm, x509.InvalidVersion),
    *(x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)


# As where an authority is renewed with its old key, by a tool that numbers keys in another way.
_OTHER_KEY: Final = (
    "gives its authority's key another number than the authority does (key identifiers): Go takes "
    "it, OpenSSL and this server take it for a stranger's"
)


class UnreadableError(Exception):
    """A file is not what it should be; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong; `serious` if a peer refuses it already."""

    text: str
    serious: bool


def certificates(path: str) -> list[x509.Certificate]:
    """Read the certificates of a PEM file, at least one; raise UnreadableError."""
    try:
        found = x509.load_pem_x509_certificates(Path(path).read_bytes())
    except OSError as error:
        raise UnreadableError(f"it cannot be read: {error.strerror}") from error
    except _BROKEN as error:
        raise UnreadableError("there is no certificate in it (PEM is expected)") from error
    for number, certificate in enumerate(found, start=1):
        try:
            _read_all_of(certificate)
        except _BROKEN as error:
            raise UnreadableError(f"certificate {number} in it is broken: {error}") from error
    return found


def public_key(path: str) -> bytes:
    """Return, in a form to compare, the public half of a private key; raise UnreadableError."""
    try:
        key = serialization.load_pem_private_key(Path(path).read_bytes(), password=None)
    except OSError as error:
        raise UnreadableError(f"it cannot be read: {error.strerror}") from error
    except TypeError as error:
        raise UnreadableError("it is encrypted; a server cannot ask for its password") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnreadableError("there is no private key in it (PEM is expected)") from error
    return _comparable(key.public_key())


def belongs(certificate: x509.Certificate, public: bytes) -> bool:
    """Say whether a certificate is about a key whose public half this is."""
    return _comparable(certificate.public_key()) == public


def common_name(certificate: x509.Certificate) -> str:
    """Return the subject's common name, the last if there are several, as peers take it."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[-1].value) if names else ""


def uris(certificate: x509.Certificate) -> list[str]:
    """Return the URIs among the alternative names."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def date_problems(certificate: x509.Certificate, now: dt.datetime) -> Iterator[Problem]:
    """Find what the dates have against it."""
    starts, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < starts:
        yield Problem(f"is not valid before {starts:%Y-%m-%d %H:%M} UTC", serious=True)
    elif now > ends:
        yield Problem(f"expired on {ends:%Y-%m-%d %H:%M} UTC", serious=True)
    elif now > ends - EXPIRES_SOON:
        yield Problem(f"expires on {ends:%Y-%m-%d %H:%M} UTC", serious=False)


def purpose_problems(certificate: x509.Certificate, role: str) -> Iterator[Problem]:
    """Find whether it forbids its use by a "server" or a "client"; without a list any is fine."""
    try:
        allowed = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not {_PURPOSES[role], ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & {*allowed}:
        yield Problem(f"is not allowed to be a {role}'s (extended key usage)", serious=True)


def authority_problems(certificate: x509.Certificate) -> Iterator[Problem]:
    """Find whether it may sign others at all."""
    try:
        limits = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        if certificate.version is not x509.Version.v1:
            yield Problem("does not say that it is an authority (basic constraints)", serious=True)
        return
    if not limits.ca:
        yield Problem("is not an authority's (basic constraints)", serious=True)


def chain_problems(
    chain: list[x509.Certificate], authorities: list[x509.Certificate]
) -> Iterator[Problem]:
    """Find whether no way leads from the first certificate to one of the authorities."""
    current, steps = chain[0], 0
    while steps <= len(chain):
        if signers := [each for each in authorities if _signed(current, each)]:
            if not any(_agrees(current, signer) for signer in signers):
                yield Problem(_OTHER_KEY, serious=False)
            return
        issuers = [each for each in chain[1:] if each != current and _signed(current, each)]
        if not issuers:
            break
        current, steps = issuers[0], steps + 1
    issuer = current.issuer.rfc4514_string()
    yield Problem(f"comes from {issuer!r}, which is not among the authorities", serious=False)


def exposure_problems(path: str) -> Iterator[Problem]:
    """Find whether users other than its owner and group can read a key."""
    if mode := exposure.readable_by_everybody(path):
        yield Problem(f"can be read by everybody (mode {mode})", serious=False)


def _read_all_of(certificate: x509.Certificate) -> None:
    """Read what the library would read only when it is asked for; raise one of _BROKEN."""
    for part in _PARTS:
        getattr(certificate, part)
    certificate.public_key()


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _agrees(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Tell whether both give the issuer's key the same number, where both give one."""
    try:
        named = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return True
    return named.key_identifier in (None, own.digest)


def _comparable(key: object) -> bytes:
    assert hasattr(key, "public_bytes")
    encoded: bytes = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded
