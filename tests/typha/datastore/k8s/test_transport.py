"""Which hosts are reached without the proxy, and how connections are ended."""

import dataclasses
import datetime as dt
import socket
import ssl

import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fake_api import FakeApi
from tests.pki import Authority
from typha.certs import contexts
from typha.datastore.k8s import transport
from typha.datastore.k8s.account import Endpoint

HERE = Endpoint(
    url="https://127.0.0.1:6443",
    ca_file=None,
    cert_file=None,
    key_file=None,
    verify=True,
    server_name=None,
    proxy=None,
    no_proxy="",
    versions=(),
)


@pytest.mark.parametrize(
    ("host", "no_proxy", "direct"),
    [
        ("api.local", "", False),
        ("api.local", "*", True),
        ("api.local", "local", True),
        ("api.local", ".local", True),
        ("API.local", "api.LOCAL", True),
        ("xlocal", "local", False),
        ("api.local", "other, api.local", True),
        ("10.96.0.1", "10.0.0.0/8", True),
        ("10.96.0.1", "10.96.0.1", True),
        ("11.96.0.1", "10.0.0.0/8", False),
        ("fd00::1", "fd00::/8", True),
        ("api", "10.0.0.0/8,not/a/net", False),
    ],
)
def test_the_proxy_is_passed_by_for_names_domains_and_networks(host, no_proxy, direct):
    """As the Go client reads NO_PROXY."""
    assert transport.is_direct(host, no_proxy) is direct


def test_open_sockets_are_shut_also_those_that_come_later():
    """Whoever reads from one sees its end."""
    sockets = transport.OpenSockets()
    early, late = socket.socketpair(), socket.socketpair()
    with early[0], early[1], late[0], late[1]:
        sockets.add(early[0])
        sockets.shut()
        sockets.add(late[0])
        assert early[0].recv(1) == b""
        assert late[0].recv(1) == b""


def test_a_socket_that_is_closed_already_is_no_trouble():
    """It is nobody's any more."""
    sockets = transport.OpenSockets()
    one, other = socket.socketpair()
    sockets.add(one)
    one.close()
    other.close()
    sockets.shut()


def shake_hands(endpoint, server, name="127.0.0.1"):
    """Have both sides shake hands in memory; give the server's, raise what the client raises."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    ours = transport._tls(endpoint).wrap_bio(to_client, to_server, server_hostname=name)
    for _ in range(5):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return theirs


@pytest.fixture
def authority(tmp_path):
    """Make an authority as some clusters have it."""
    return Authority(tmp_path)


def trusting(authority, **changes):
    """Trust an authority, and nobody else."""
    return dataclasses.replace(HERE, ca_file=str(authority.file), **changes)


def test_a_server_of_the_cluster_s_authority_is_trusted(authority):
    """Though that has neither key identifiers nor key usage; HTTP/1.1 is what is spoken."""
    server = authority.server()
    server.set_alpn_protocols(["h2", "http/1.1"])
    theirs = shake_hands(trusting(authority), server)
    assert theirs.selected_alpn_protocol() == "http/1.1"
    assert theirs.getpeercert() is None


def test_nobody_else_is(authority, tmp_path):
    """Not by another authority, nor by another name."""
    (tmp_path / "other").mkdir()
    foreign = Authority(tmp_path / "other").server()
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(trusting(authority), foreign)
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        shake_hands(trusting(authority), authority.server(), "127.0.0.2")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(HERE, authority.server())


def test_where_it_is_configured_so_everybody_is_trusted(authority):
    """Whatever its name, and whatever authority there is besides."""
    shake_hands(trusting(authority, verify=False), authority.server(), "elsewhere")
    shake_hands(dataclasses.replace(HERE, verify=False), authority.server(), "elsewhere")


def test_without_an_authority_the_system_s_count(authority, monkeypatch):
    """As where the API server is behind a public name."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    shake_hands(HERE, authority.server())


@pytest.mark.parametrize("is_one_file", [False, True])
def test_our_certificate_is_shown(authority, is_one_file):
    """Its key may stand in the same file."""
    mine = authority.sign("client")
    files = {"cert_file": str(mine.cert_file), "key_file": str(mine.key_file)}
    if is_one_file:
        with mine.cert_file.open("ab") as file:
            file.write(mine.key_file.read_bytes())
        files["key_file"] = None
    theirs = shake_hands(trusting(authority, **files), authority.server())
    assert int(theirs.getpeercert()["serialNumber"], 16) == mine.serial


def test_an_authority_between_is_enough(tmp_path):
    """Go trusts what it was given, though another one has signed that."""
    root, middle = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    signed = certificate("middle", middle.public_key(), "root", root, is_authority=True)
    (tmp_path / "middle.crt").write_bytes(signed)
    leaf = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "leaf.crt").write_bytes(certificate("leaf", leaf.public_key(), "middle", middle))
    (tmp_path / "leaf.key").write_bytes(
        leaf.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "leaf.crt", tmp_path / "leaf.key")
    trusted = dataclasses.replace(HERE, ca_file=str(tmp_path / "middle.crt"))
    shake_hands(trusted, server, "api")


def certificate(subject, key, issuer, issuer_key, *, is_authority=False):
    """Sign a certificate."""
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (subject, issuer)
    ]
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder(*reversed(names), key, x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("api")]), critical=False)
    )
    signed = builder.sign(issuer_key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


def test_a_file_that_is_no_good_is_named(authority, tmp_path):
    """Which of them it is."""
    for setting, text in (("ca_file", "API server's CA file"), ("cert_file", "our certificate")):
        changed = {setting: str(tmp_path / "gone")}
        with pytest.raises(contexts.UnusableError, match=f"{text}.*gone' cannot be read"):
            transport.pool_manager(
                dataclasses.replace(trusting(authority), **changed), transport.OpenSockets()
            )


def test_a_peer_that_has_gone_without_a_word_is_noticed():
    """By the kernel, within half a minute; and each socket is known, to be shut."""
    sockets = transport.OpenSockets()
    with FakeApi() as api:
        api.serve("/api/v1/nodes")
        endpoint = dataclasses.replace(HERE, url=api.url)
        with transport.pool_manager(endpoint, sockets) as manager:
            assert manager.request("GET", f"{api.url}/api/v1/nodes").status == 200
            (connection,) = sockets._sockets
            for level, option, value in transport.SOCKET_OPTIONS:
                assert connection.getsockopt(level, option) == value
            sockets.drop()
            assert connection.recv(1) == b""


@pytest.mark.parametrize(
    ("proxy", "no_proxy", "kind"),
    [
        (None, "", urllib3.PoolManager),
        ("http://proxy:3128", "", urllib3.ProxyManager),
        ("http://proxy:3128", "10.0.0.0/8", urllib3.ProxyManager),
        ("http://proxy:3128", "127.0.0.0/8", urllib3.PoolManager),
    ],
)
def test_a_proxy_is_used_for_hosts_that_are_not_excepted(proxy, no_proxy, kind):
    """By the host of the API server."""
    endpoint = dataclasses.replace(HERE, proxy=proxy, no_proxy=no_proxy)
    assert type(transport.pool_manager(endpoint, transport.OpenSockets())) is kind


def test_trouble_is_told_in_the_words_of_where_it_happened():
    """The library wraps it several times; what says nothing is told by its kind."""
    refused = ConnectionRefusedError(111, "Connection refused")
    wrapped = urllib3.exceptions.ProtocolError("Connection aborted.", refused)
    outer = urllib3.exceptions.HTTPError("outer")
    outer.__cause__ = wrapped
    assert transport.text(outer) == str(refused)
    assert transport.text(urllib3.exceptions.HTTPError("as it is")) == "as it is"
    assert transport.text(urllib3.exceptions.HTTPError()) == "HTTPError"
    unverified = ssl.SSLCertVerificationError(1, "long")
    unverified.verify_message = "certificate has expired"
    assert transport.text(urllib3.exceptions.SSLError(unverified)) == (
        "the API server's certificate is refused: certificate has expired"
    )
