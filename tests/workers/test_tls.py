"""What the TLS side of a worker takes and refuses, shaking hands in memory."""

import datetime as dt
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from typha.certs import making
from typha.certs.making import Issued, Plan
from typha.config.settings import TlsSettings
from workers import tls

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)
USES = {"client": ExtendedKeyUsageOID.CLIENT_AUTH, "server": ExtendedKeyUsageOID.SERVER_AUTH}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make the certificates of the installation guide."""
    made = tmp_path_factory.mktemp("certs")
    making.make(Plan(days=2), made)
    return made


@pytest.fixture(scope="module")
def authority(folder):
    """Load the authority."""
    key = serialization.load_pem_private_key((folder / "typhaca.key").read_bytes(), None)
    return Issued(x509.load_pem_x509_certificate((folder / "typhaca.crt").read_bytes()), key)


@pytest.fixture(scope="module")
def settings(folder):
    """Make a server's settings."""
    return TlsSettings(
        key_file=str(folder / "typha.key"),
        cert_file=str(folder / "typha.crt"),
        ca_file=str(folder / "typhaca.crt"),
        client_cn="calico-node",
    )


def issued(
    issuer,
    *names,
    start=NOW - DAY,
    end=NOW + DAY,
    use="client",
    key_usage=None,
    sans=(),
    ca=False,
    extra=None,
):
    """Make a certificate with these common names, in this order."""
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names]
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(attributes))
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if use:
        builder = builder.add_extension(x509.ExtendedKeyUsage([USES[use]]), critical=False)
    if key_usage:
        usage = making._usage(**key_usage)
        builder = builder.add_extension(usage, critical=True)
    if sans:
        builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
    if extra:
        builder = builder.add_extension(extra, critical=False)
    return Issued(builder.sign(issuer.key, hashes.SHA256()), key)


def self_made_authority():
    """Make an authority that calls itself as ours does."""
    return making.make_authority(Plan(days=2), NOW)


def present(tmp_path, *chain, **options):
    """Make a client's context that shows a chain, the client's own certificate first."""
    encoding = serialization.Encoding.PEM
    certs = b"".join(each.certificate.public_bytes(encoding) for each in chain)
    key = chain[0].key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "shown.crt").write_bytes(certs)
    (tmp_path / "shown.key").write_bytes(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(tmp_path / "shown.crt", tmp_path / "shown.key")
    for name, value in options.items():
        setattr(context, name, value)
    return context


class Handshake:
    """Both sides, in memory."""

    def __init__(self, server_context, client_context):
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = server_context.wrap_bio(to_server, to_client, server_side=True)
        self.client = client_context.wrap_bio(to_client, to_server)

    def run(self):
        """Go on until the server is done; raises what its side raises."""
        for _ in range(10):
            for side in (self.client, self.server):
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    continue
                except ssl.SSLError:
                    if side is self.server:
                        raise
                    continue  # the server is told by an alert
                if side is self.server:
                    return self.server
        raise AssertionError("no end of it")


def name_of(server, certificates):
    """Say under which name a client comes in; raises CertificateError if it does not."""
    return tls.check_client(certificates.of_peer(server), certificates.settings)


def verdict(settings, context):
    """Say what becomes of a client: its name, or the metric's label and the log's text."""
    certificates = tls.Certificates(settings)
    try:
        return name_of(Handshake(certificates.context, context).run(), certificates)
    except tls.CertificateError as error:
        return "cn_mismatch", str(error)
    except ssl.SSLError as error:
        return tls.failure(error), tls.explanation(error)


def test_a_genuine_client_is_let_in(settings, authority, tmp_path):
    """Under the name in its certificate."""
    client = issued(authority, "calico-node")
    assert verdict(settings, present(tmp_path, client)) == "calico-node"


def test_what_is_remembered_of_a_certificate_holds_for_no_other(settings, authority, tmp_path):
    """Nodes that share one, and one that nearly has its name."""
    certificates = tls.Certificates(settings)
    genuine = present(tmp_path, issued(authority, "calico-node"))
    false = present(tmp_path, issued(authority, "calico-nod"))
    for _ in range(2):
        server = Handshake(certificates.context, genuine).run()
        assert certificates.of_peer(server) == server.getpeercert()
        assert name_of(server, certificates) == "calico-node"
        with pytest.raises(tls.CertificateError, match="'calico-nod'"):
            name_of(Handshake(certificates.context, false).run(), certificates)


def test_few_certificates_are_remembered(settings, authority, tmp_path, monkeypatch):
    """Where each node has its own, they would only take memory."""
    monkeypatch.setattr(tls, "REMEMBERED_CERTIFICATES", 2)
    certificates = tls.Certificates(settings)
    for name in "abcab":
        context = present(tmp_path, issued(authority, name))
        told = certificates.of_peer(Handshake(certificates.context, context).run())
        assert tls.common_name(told) == name


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("options", "label", "text"),
    [
        ({"end": NOW - DAY / 2}, "expired", "certificate has expired"),
        ({"start": NOW + DAY / 2}, "not_yet_valid", "certificate is not yet valid"),
        ({"use": "server"}, "wrong_purpose", "certificate purpose"),
        ({"key_usage": {"key_cert_sign": True}}, "wrong_purpose", "certificate purpose"),
    ],
)
def test_a_false_date_or_purpose_is_named(
    settings, authority, tmp_path, *, version, options, label, text
):
    """In the metric and in the log."""
    context = present(tmp_path, issued(authority, "calico-node", **options))
    context.minimum_version = context.maximum_version = version
    found, said = verdict(settings, context)
    assert found == label
    assert text in said


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_who_does_not_accept_our_certificate_is_told_from_whom_we_refuse(
    settings, authority, tmp_path, version
):
    """Its alert reads as if it was about the client's; it is the client that has to be mended."""
    context = present(tmp_path, issued(authority, "calico-node"))
    context.minimum_version = context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    label, text = verdict(settings, context)
    assert label == "server_refused"
    assert text.startswith("the client does not accept our certificate")
    assert "UNKNOWN_CA" in text


@pytest.mark.parametrize("kind", [0x81, 0x82, 0x86], ids=["mail", "dns", "uri"])
def test_a_certificate_that_python_cannot_read_is_refused(settings, authority, tmp_path, kind):
    """Its authority may have written its names in any way."""
    names = bytes([0x30, 4, kind, 2]) + "ü".encode("latin-1") + b"x"
    extension = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, names)
    context = present(tmp_path, issued(authority, "calico-node", extra=extension))
    label, text = verdict(settings, context)
    assert label == "cn_mismatch"
    assert "certificate cannot be read" in text


def test_another_authority_of_the_same_name_is_none(settings, tmp_path):
    """Names prove nothing."""
    foreign = self_made_authority()
    context = present(tmp_path, issued(foreign, "calico-node"), foreign)
    assert verdict(settings, context)[0] == "unknown_ca"


def test_a_client_s_certificate_signs_no_others(settings, authority, tmp_path):
    """Whoever has one cannot make more."""
    genuine = issued(authority, "calico-node")
    context = present(tmp_path, issued(genuine, "calico-node"), genuine)
    label, text = verdict(settings, context)
    assert label == "unknown_ca"
    assert text


LOOK_ALIKES = {
    "nul": ["calico-node\0.evil.example"],
    "cyrillic": ["\u0441alico-node"],
    "fullwidth": ["\uff43alico-node"],
    "soft hyphen": ["calico-\u00adnode"],
    "space": ["calico-node "],
    "capital": ["Calico-node"],
    "prefix": ["calico-nod"],
    "several in one": ["calico-node,CN=calico-node"],
    "the right one is not the last": ["calico-node", "somebody"],
    "none": [],
}


@pytest.mark.parametrize("names", LOOK_ALIKES.values(), ids=LOOK_ALIKES)
def test_a_name_that_only_looks_alike_is_refused(settings, authority, tmp_path, names):
    """The common name is compared byte by byte, and of several the last counts."""
    sans = [x509.DNSName("calico-node"), x509.RFC822Name("calico-node@example.org")]
    context = present(tmp_path, issued(authority, *names, sans=sans))
    label, text = verdict(settings, context)
    assert label == "cn_mismatch"
    assert "required is CN 'calico-node'" in text
    assert "\0" not in text


@pytest.mark.parametrize(
    "uri", ["spiffe://x/calico", "spiffe://x/calico-node/", "SPIFFE://x/calico-node"]
)
def test_a_uri_that_only_looks_alike_is_refused(settings, authority, tmp_path, uri):
    """As with names."""
    wanted = TlsSettings(
        key_file=settings.key_file,
        cert_file=settings.cert_file,
        ca_file=settings.ca_file,
        client_uri_san="spiffe://x/calico-node",
    )
    client = issued(authority, "calico-node", sans=[x509.UniformResourceIdentifier(uri)])
    assert verdict(wanted, present(tmp_path, client))[0] == "cn_mismatch"


def test_thousands_of_names_do_no_harm(settings, authority, tmp_path):
    """And are shown four at most."""
    uris = [x509.UniformResourceIdentifier(f"spiffe://x/{number}") for number in range(3000)]
    context = present(tmp_path, issued(authority, "somebody", sans=uris))
    label, text = verdict(settings, context)
    assert label == "cn_mismatch"
    assert len(text) < 300


def test_certificates_beyond_100_kib_are_not_even_looked_at(settings, authority, tmp_path):
    """OpenSSL's own limit, which holds here."""
    names = [x509.DNSName(f"host-{number}.example.org") for number in range(6000)]
    context = present(tmp_path, issued(authority, "calico-node", sans=names))
    assert verdict(settings, context) == ("protocol", "EXCESSIVE_MESSAGE_SIZE")


def test_a_huge_chain_is_refused(settings, authority, tmp_path):
    """However long it is, what is verified is bounded in bytes."""
    chain = [self_made_authority()]
    chain += [issued(chain[0], f"{number}", ca=True, use="") for number in range(500)]
    context = present(tmp_path, issued(authority, "calico-node"), *chain)
    assert verdict(settings, context) == ("protocol", "EXCESSIVE_MESSAGE_SIZE")
    short = present(tmp_path, issued(chain[1], "calico-node"), *chain[1:50])
    assert verdict(settings, short)[0] == "unknown_ca"


def test_no_certificate_is_named(settings):
    """A client without its TLS settings, or a port scanner."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    assert verdict(settings, context)[0] == "no_cert"


def test_the_context_has_no_tickets_compression_or_renegotiation(settings):
    """What a scanner finds is tested end to end; this is what was asked for."""
    context = tls.server_context(settings)
    for option in (ssl.OP_NO_TICKET, ssl.OP_NO_COMPRESSION, ssl.OP_NO_RENEGOTIATION):
        assert context.options & option
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.num_tickets == 0
