"""What the TLS side of a worker takes and refuses, shaking hands in memory."""

import dataclasses
import datetime as dt
import shutil
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from typha.certs import contexts, making
from typha.certs.making import Issued, Plan
from typha.config.ciphers import TlsPolicy
from typha.config.settings import TlsSettings
from workers import tls

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)
URI = "spiffe://x/calico-node"
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
    """Make a certificate with these names, in this order; common ones if nothing else is said."""
    key = ec.generate_private_key(ec.SECP256R1())
    named = [name if isinstance(name, tuple) else (NameOID.COMMON_NAME, name) for name in names]
    attributes = [x509.NameAttribute(*each) for each in named]
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


def test_an_intermediate_authority_may_be_all_that_is_trusted(settings, authority, tmp_path):
    """Whoever puts it into CAFile trusts it, and none of those that its root vouches for."""
    middle = issued(authority, "middle", ca=True, use="")
    file = tmp_path / "middle.crt"
    file.write_bytes(middle.certificate.public_bytes(serialization.Encoding.PEM))
    settings = dataclasses.replace(settings, ca_file=str(file))
    client = issued(middle, "calico-node")
    assert verdict(settings, present(tmp_path, client)) == "calico-node"
    assert verdict(settings, present(tmp_path, client, middle)) == "calico-node"
    sibling = present(tmp_path, issued(authority, "calico-node"), authority)
    assert verdict(settings, sibling)[0] == "unknown_ca"


def test_who_gives_our_authority_s_key_another_number_is_a_stranger(settings, authority, tmp_path):
    """OpenSSL looks for an authority of that number; `typha check` says so of our own."""
    number = x509.AuthorityKeyIdentifier(b"\1\2\3", None, None)
    client = issued(authority, "calico-node", extra=number)
    assert verdict(settings, present(tmp_path, client))[0] == "unknown_ca"


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
    wanted = dataclasses.replace(settings, client_cn="", client_uri_san=URI)
    client = issued(authority, "calico-node", sans=[x509.UniformResourceIdentifier(uri)])
    assert verdict(wanted, present(tmp_path, client))[0] == "cn_mismatch"


@pytest.fixture
def either(settings):
    """Let in whoever has the name or the URI."""
    return dataclasses.replace(settings, client_uri_san=URI)


def test_either_of_the_names_suffices(either, authority, tmp_path):
    """Where both are set."""
    by_name = issued(authority, "calico-node")
    by_uri = issued(authority, "somebody", sans=[x509.UniformResourceIdentifier(URI)])
    assert verdict(either, present(tmp_path, by_name)) == "calico-node"
    assert verdict(either, present(tmp_path, by_uri)) == "somebody"
    label, text = verdict(either, present(tmp_path, issued(authority, "calico-nod")))
    assert label == "cn_mismatch"
    assert text.endswith(f"URI SANs none, required is CN 'calico-node' or URI SAN '{URI}'")


def test_a_name_that_is_not_asked_for_lets_nobody_in(settings, authority, tmp_path):
    """Least of all one that is empty, as is what was not set."""
    by_uri = dataclasses.replace(settings, client_cn="", client_uri_san=URI)
    by_name = dataclasses.replace(settings, client_cn="calico-node", client_uri_san="")
    for refused, client in (
        (by_uri, issued(authority)),
        (by_uri, issued(authority, "calico-node")),
        (by_name, issued(authority, "x", sans=[x509.UniformResourceIdentifier("")])),
        (by_name, issued(authority, "x", sans=[x509.UniformResourceIdentifier("calico-node")])),
    ):
        assert verdict(refused, present(tmp_path, client))[0] == "cn_mismatch"


@pytest.mark.parametrize("kind", [x509.DNSName, x509.RFC822Name])
def test_only_a_uri_is_a_uri(settings, authority, tmp_path, kind):
    """Whatever it reads like."""
    wanted = dataclasses.replace(settings, client_cn="", client_uri_san=URI)
    context = present(tmp_path, issued(authority, "calico-node", sans=[kind(URI)]))
    label, text = verdict(wanted, context)
    assert label == "cn_mismatch"
    assert "URI SANs none, required is URI SAN" in text


def test_only_the_common_name_is_one(settings, authority, tmp_path):
    """An organisation may be called as it likes."""
    names = [(NameOID.COMMON_NAME, "somebody"), (NameOID.ORGANIZATION_NAME, "calico-node")]
    context = present(tmp_path, issued(authority, *names))
    label, text = verdict(settings, context)
    assert label == "cn_mismatch"
    assert "CN 'somebody'" in text


def test_thousands_of_names_do_no_harm(settings, authority, tmp_path):
    """And are shown four at most."""
    uris = [x509.UniformResourceIdentifier(f"spiffe://x/{number}") for number in range(3000)]
    context = present(tmp_path, issued(authority, "somebody", sans=uris))
    label, text = verdict(settings, context)
    assert label == "cn_mismatch"
    assert text.count("spiffe://") == 4


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


@pytest.mark.parametrize(
    "alert",
    [
        "BAD_CERTIFICATE",
        "UNSUPPORTED_CERTIFICATE",
        "CERTIFICATE_REVOKED",
        "CERTIFICATE_EXPIRED",
        "CERTIFICATE_UNKNOWN",
    ],
)
def test_every_alert_on_our_certificate_says_so(alert):
    """Which of them comes depends on the client's library."""
    error = ssl.SSLError(1, "as told by OpenSSL")
    error.reason = f"SSLV3_ALERT_{alert}"
    assert tls.failure(error) == "server_refused"
    assert tls.explanation(error).startswith("the client does not accept our certificate")
    assert tls.explanation(error).endswith(error.reason)


def test_an_error_without_a_name_is_told_as_it_is():
    """Some of OpenSSL's have none."""
    error = ssl.SSLError(1, "as told by OpenSSL")
    error.reason = None
    assert tls.failure(error) == "protocol"
    assert "as told by OpenSSL" in tls.explanation(error)


def test_older_versions_are_refused_where_the_newest_is_asked_for(settings, authority, tmp_path):
    """And what is allowed is what was set."""
    context = present(tmp_path, issued(authority, "calico-node"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    strict = dataclasses.replace(settings, policy=TlsPolicy(min_version="1.3"))
    assert verdict(strict, context) == ("protocol", "UNSUPPORTED_PROTOCOL")
    assert verdict(settings, context) == "calico-node"


def test_of_the_ciphers_that_are_allowed_the_client_chooses(settings, authority, tmp_path):
    """It knows what its hardware does best."""
    allowed = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"]
    policy = TlsPolicy(openssl_ciphers=":".join(allowed))
    server = tls.server_context(dataclasses.replace(settings, policy=policy))
    context = present(tmp_path, issued(authority, "calico-node"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    for wish in (allowed, allowed[::-1], ["ECDHE-ECDSA-CHACHA20-POLY1305", *allowed]):
        context.set_ciphers(":".join(wish))
        chosen, _, _ = Handshake(server, context).run().cipher()
        assert chosen == next(each for each in wish if each in allowed)


@pytest.fixture
def renewable(settings, tmp_path):
    """Give settings whose files may be changed."""
    names = ("key_file", "cert_file", "ca_file")
    copies = {name: tmp_path / Path(getattr(settings, name)).name for name in names}
    for name, copy in copies.items():
        shutil.copy2(getattr(settings, name), copy)
    return dataclasses.replace(settings, **{name: str(copy) for name, copy in copies.items()})


def renew(file, content):
    """Put another file in the place of one, as the kubelet does."""
    fresh = Path(f"{file}.new")
    fresh.write_bytes(content)
    fresh.replace(file)


def test_a_changed_file_is_taken_once(renewable):
    """Nothing is made anew while nothing changes."""
    certificates = tls.Certificates(renewable)
    first = certificates.context
    assert not certificates.refresh()
    assert certificates.context is first
    for file in (renewable.key_file, renewable.cert_file, renewable.ca_file):
        renew(file, Path(file).read_bytes())
        before = certificates.context
        assert certificates.refresh()
        assert certificates.context is not before
        assert not certificates.refresh()


def test_files_that_are_no_good_are_refused_once_and_the_old_stay(renewable):
    """However they are no good; when they are good again they are taken."""
    certificates = tls.Certificates(renewable)
    first, good = certificates.context, Path(renewable.cert_file).read_bytes()
    renew(renewable.cert_file, b"half of")
    for expected in ("cannot be used", "cannot be read"):
        with pytest.raises(contexts.UnusableError, match=expected):
            certificates.refresh()
        assert not certificates.refresh()
        assert certificates.context is first
        Path(renewable.cert_file).unlink(missing_ok=True)
    renew(renewable.cert_file, good)
    assert certificates.refresh()
    assert certificates.context is not first
