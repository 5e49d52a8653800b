"""Certificates for Typha and its clients, as the installation guide makes them, but complete.

The guide's openssl commands give certificates without extensions; these have all that strict
peers ask for: key identifiers, basic constraints, key usage, purpose, and their names as SANs.
"""

import datetime as dt
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_STEM: Final = "typhaca"

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_AUTHORITY_NAME: Final = "Calico Typha CA"  # the guide's
_KEY_MODE: Final = 0o600
_CERTIFICATE_MODE: Final = 0o644
_RSA_BITS: Final = 4096  # the guide's
_RSA_EXPONENT: Final = 65537
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_CLOCK_SKEW: Final = dt.timedelta(minutes=5)  # nodes whose clocks are a little behind


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who a certificate is for, and the stem of its files' names."""

    stem: str
    common_name: str
    uri: str = ""
    server: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to make: an authority, and certificates signed by it, all valid for `days`."""

    subjects: tuple[Subject, ...] = (
        Subject(stem="typha", common_name="calico-typha", server=True),
        Subject(stem="calico-node", common_name="calico-node"),
    )
    days: int = 365
    use_rsa: bool = False

    def files(self) -> list[str]:
        """Name the files, certificate and key of each in turn."""
        stems = [AUTHORITY_STEM, *(subject.stem for subject in self.subjects)]
        return [f"{stem}.{ending}" for stem in stems for ending in ("crt", "key")]


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and the key that goes with it."""

    certificate: x509.Certificate
    key: Key


def make(plan: Plan, folder: Path, *, now: dt.datetime | None = None) -> list[Path]:
    """Make all of a plan's certificates and return the files; files of those names are replaced.

    Keys are readable by their owner alone.  Raise OSError if a file cannot be written, ValueError
    for a name that X.509 cannot hold; no file is touched then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    start = now or dt.datetime.now(dt.UTC)
    authority = make_authority(plan, start)
    issued = {AUTHORITY_STEM: authority}
    for subject in plan.subjects:
        issued[subject.stem] = issue(subject, plan, authority, start)
    return [path for stem, each in issued.items() for path in _save(each, folder / stem)]


def make_authority(plan: Plan, now: dt.datetime) -> Issued:
    """Make a certificate authority that signs itself, and nothing but leaves."""
    key = _make_key(plan)
    name = _name(_AUTHORITY_NAME)
    builder = (
        _begin(name, key, plan, now)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
    )
    return Issued(builder.sign(key, hashes.SHA256()), key)


def issue(subject: Subject, plan: Plan, authority: Issued, now: dt.datetime) -> Issued:
    """Make a key for a server or a client, and a certificate of it.

    Raise ValueError for a name that X.509 cannot hold: empty, over 64 characters, a URI that is
    not ASCII.
    """
    key = _make_key(plan)
    role = ExtendedKeyUsageOID.SERVER_AUTH if subject.server else ExtendedKeyUsageOID.CLIENT_AUTH
    issuer = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    builder = (
        _begin(_name(subject.common_name), key, plan, now)
        .issuer_name(authority.certificate.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            _usage(digital_signature=True, key_encipherment=plan.use_rsa), critical=True
        )
        .add_extension(x509.ExtendedKeyUsage([role]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer.value),
            critical=False,
        )
    )
    if names := _names(subject):
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Issued(builder.sign(authority.key, hashes.SHA256()), key)


def _names(subject: Subject) -> list[x509.GeneralName]:
    """Return the names that go into the SAN: the common name if it could be a host's, the URI."""
    names: list[x509.GeneralName] = []
    if _HOST_NAME.fullmatch(subject.common_name):
        names.append(x509.DNSName(subject.common_name))
    if subject.uri:
        names.append(x509.UniformResourceIdentifier(subject.uri))
    return names


def _begin(name: x509.Name, key: Key, plan: Plan, now: dt.datetime) -> x509.CertificateBuilder:
    """Start a certificate with what authority and leaves have in common."""
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + dt.timedelta(days=plan.days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _make_key(plan: Plan) -> Key:
    if plan.use_rsa:
        return rsa.generate_private_key(_RSA_EXPONENT, _RSA_BITS)
    return ec.generate_private_key(ec.SECP256R1())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(
    *,
    digital_signature: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_encipherment=key_encipherment,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _save(issued: Issued, stem: Path) -> list[Path]:
    """Write a certificate and its key beside each other."""
    certificate, key = stem.with_name(f"{stem.name}.crt"), stem.with_name(f"{stem.name}.key")
    private = issued.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(key, private, _KEY_MODE)
    public = issued.certificate.public_bytes(serialization.Encoding.PEM)
    _write(certificate, public, _CERTIFICATE_MODE)
    return [certificate, key]


def _write(path: Path, content: bytes, mode: int) -> None:
    """Put a file in its place whole, with its mode from the start."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    new.replace(path)
