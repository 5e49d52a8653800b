"""Who may come in, who may not, and that nobody else notices."""

import contextlib
import socket
import ssl
import struct
import subprocess

import pytest

from tests.e2e.server import running, wait_for
from typha.dialing import DialError
from typha.syncproto import client_schema, generations
from typha.syncproto.messages import SyncerType

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Serve an empty folder over mutual TLS to clients called calico-node."""
    yield from serving(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    """Serve the same, but wait for nobody; on a loaded machine good clients need some time."""
    yield from serving(tmp_path_factory.mktemp("server"), serverhandshaketimeoutsecs="3")


def serving(folder, **settings):
    """Serve an empty folder, and see in the end whether all is well."""
    (folder / "manifests").mkdir()
    with running(folder, folder / "manifests", **settings) as started:
        yield started
        assert started.follower().status == 2  # whatever was done to it


def openssl(*arguments, **options):
    """Run openssl."""
    return subprocess.run(
        ["openssl", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **options,
    )


def signed(folder, name, subject, *extensions, ca=None, days="1"):
    """Make a key and a certificate with real openssl; give their paths."""
    ca = ca or folder / "typhaca"
    key, crt = folder / f"{name}.key", folder / f"{name}.crt"
    openssl(
        *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-keyout", key, "-out", folder / f"{name}.csr", "-subj", subject),
    )
    extra = []
    if extensions:
        (folder / f"{name}.ext").write_text("\n".join(extensions))
        extra = ["-extfile", folder / f"{name}.ext"]
    done = openssl(
        *("x509", "-req", "-in", folder / f"{name}.csr", "-CA", f"{ca}.crt"),
        *("-CAkey", f"{ca}.key", "-CAcreateserial", "-days", days, "-out", crt, *extra),
    )
    assert done.returncode == 0, done.stderr
    return crt, key


def s_client(server, *arguments):
    """Connect with openssl, and wait for what the server makes of it."""
    done = openssl(
        *("s_client", "-connect", f"127.0.0.1:{server.port}", "-CAfile", server.tls.ca_file),
        *arguments,
        input="",
    )
    return done.stdout + done.stderr


def said(server, text):
    """Wait for a line in the log."""
    wait_for(lambda: text in server.log(), f"{text!r} in the log")


def test_curl_without_a_certificate_is_turned_away_by_an_alert(server):
    """As the installation guide shows."""
    done = subprocess.run(
        [
            *("curl", "-v", "--tls-max", "1.2", "--cacert", server.tls.ca_file),
            *("--connect-to", f"calico-typha:{server.port}:127.0.0.1:{server.port}"),
            f"https://calico-typha:{server.port}",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode != 0
    assert "alert" in done.stderr
    said(server, "tls-failed")


@pytest.mark.parametrize(
    ("version", "alert"),
    [("-tls1_3", "certificate required"), ("-tls1_2", "handshake failure")],
)
def test_openssl_without_a_certificate_sees_the_alert_of_its_version(server, version, alert):
    """The same ones that the original sends."""
    shown = s_client(server, version, "-ign_eof")
    assert alert in shown


def test_tls_1_1_is_refused(server):
    """The minimum is 1.2."""
    assert "Cipher is (NONE)" in s_client(server, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_serve_and_no_tickets_are_given(server, version):
    """Clients of the reference never resume."""
    context = client_context(server, server.tls.cert_file, server.tls.key_file)
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")
    with dialled(server, context) as stream:
        assert stream.version() == {772: "TLSv1.3", 771: "TLSv1.2"}[version]
        if version == ssl.TLSVersion.TLSv1_2:  # the client's preference counts, not ours
            assert stream.cipher()[0] == "ECDHE-ECDSA-AES128-GCM-SHA256"
        assert len(answer(stream)) > 400
        assert not stream.session.has_ticket


def client_context(server, crt, key):
    """Make a client's context."""
    context = ssl.create_default_context(cafile=server.tls.ca_file)
    context.check_hostname = False
    if crt:
        context.load_cert_chain(crt, key)
    return context


def dialled(server, context):
    """Connect."""
    raw = socket.create_connection(("127.0.0.1", server.port), 60)
    return context.wrap_socket(raw)


def answer(stream):
    """Say hello, and read what comes first; nothing when the server closes."""
    hello = generations.hello(SyncerType.FELIX, hostname="n")
    try:
        stream.sendall(client_schema.hello(hello))
        return stream.recv(65536)
    except (OSError, ssl.SSLError):
        return b""


CASES = {
    "other name": (("/CN=somebody",), False),
    "longer name": (("/CN=calico-node2",), False),
    "other case": (("/CN=Calico-Node",), False),
    "the name as a DNS name only": (("/CN=x", "subjectAltName=DNS:calico-node"), False),
    "server use only": (("/CN=calico-node", "extendedKeyUsage=serverAuth"), False),
    "client use": (("/CN=calico-node", "extendedKeyUsage=clientAuth"), True),
    "no extensions at all": (("/CN=calico-node",), True),
    "many names": (
        ("/CN=calico-node", "subjectAltName=" + ",".join(f"DNS:h{n}" for n in range(2000))),
        True,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_certificate_decides(server, tmp_path, case):
    """The chain, the purpose, then the exact common name."""
    subject, welcome = CASES[case]
    for ca in ("typhaca.crt", "typhaca.key"):
        (tmp_path / ca).write_bytes((server.certificates / ca).read_bytes())
    crt, key = signed(tmp_path, "client", *subject)
    try:
        with dialled(server, client_context(server, crt, key)) as stream:
            assert bool(answer(stream)) is welcome
    except ssl.SSLError:
        assert not welcome


def test_a_foreign_ca_is_refused(server, tmp_path):
    """Whatever name its certificates carry."""
    key, crt = tmp_path / "own.key", tmp_path / "own.crt"
    openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-keyout", key, "-out", crt, "-subj", "/CN=calico-node", "-days", "1"),
    )
    try:
        with dialled(server, client_context(server, crt, key)) as stream:
            assert answer(stream) == b""
    except ssl.SSLError:
        pass


def test_a_uri_does_as_well_where_one_is_required(tmp_path):
    """Either the common name or the URI suffices."""
    (tmp_path / "manifests").mkdir()
    uri = {"clienturisan": "spiffe://felix", "clientcn": "somebody-else"}
    with running(tmp_path, tmp_path / "manifests", **uri) as server:
        assert server.follower().status == 2
        crt, key = signed(server.certificates, "u", "/CN=x", "subjectAltName=URI:spiffe://other")
        with dialled(server, client_context(server, crt, key)) as stream:
            assert answer(stream) == b""


GARBAGE = {
    # Several, as one is taken for the beginning of a message.
    "HTTP requests": b"GET / HTTP/1.1\r\nHost: typha\r\n\r\n" * 10,
    "zeros": bytes(1000),
    "all bits": b"\xff" * 1000,
    "a huge length": b"\xf8\x7f\xff\xff\xff\xff\xff\xff\xff" + bytes(100),
}


@pytest.mark.parametrize("what", GARBAGE)
@pytest.mark.parametrize("encrypted", [False, True])
def test_garbage_ends_only_its_own_connection(server, what, encrypted):
    """Before and after the handshake; others hear nothing of it."""
    witness = server.follower()
    with socket.create_connection(("127.0.0.1", server.port), 60) as raw:
        stream = raw
        if encrypted:
            context = client_context(server, server.tls.cert_file, server.tls.key_file)
            stream = context.wrap_socket(raw)
        stream.settimeout(60)
        try:
            stream.sendall(GARBAGE[what])
            while stream.recv(1000):
                pass
        except OSError:
            pass
        stream.close()
    assert witness.status == 2
    witness.connection.close()
    server.clients.remove(witness)


def test_who_only_looks_whether_the_port_is_open_was_not_refused(impatient):
    """Load balancers do, every few seconds; no alert should come of that."""
    with socket.create_connection(("127.0.0.1", impatient.port), 60):
        pass
    said(impatient, "left before its handshake was over")
    assert "tls-failed" not in impatient.log()


def test_resets_end_no_worker(server):
    """Of connections that are over before they are accepted."""
    witness = server.follower()
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", server.port), 60) as stream:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    said(server, "connection-lost")
    assert server.follower().status == 2
    assert witness.status == 2
    assert "process ended" not in server.log()


def test_whoever_says_nothing_is_closed_after_the_handshake_timeout(impatient):
    """Plain silence, half a handshake, and silence or half a hello behind a whole one."""
    context = client_context(impatient, impatient.tls.cert_file, impatient.tls.key_file)
    silent, half = (socket.create_connection(("127.0.0.1", impatient.port), 60) for _ in range(2))
    half.sendall(b"\x16\x03\x01\x02\x00\x01")
    whole, more = dialled(impatient, context), dialled(impatient, context)
    more.sendall(client_schema.hello(generations.hello(SyncerType.FELIX))[:50])
    for stream in (silent, half, whole, more):
        with contextlib.suppress(ConnectionResetError):
            assert stream.recv(10) == b""
        stream.close()
    said(impatient, "handshake-timeout")


def test_one_byte_at_a_time_is_a_hello_all_the_same(server):
    """Slow is not wrong."""
    context = client_context(server, server.tls.cert_file, server.tls.key_file)
    with dialled(server, context) as stream:
        hello = client_schema.hello(generations.hello(SyncerType.FELIX))
        for start in range(len(hello) - 1):
            stream.sendall(hello[start : start + 1])
        stream.sendall(hello[-1:])
        assert stream.recv(65536)


def test_settings_that_contradict_each_other_keep_it_from_starting(tmp_path):
    """One line that names the setting; exit code 1."""
    (tmp_path / "manifests").mkdir()
    with (
        pytest.raises((AssertionError, DialError)),
        running(tmp_path, tmp_path / "manifests", clientcn="none") as server,
    ):
        server.connect()
    assert "ClientCN" in (tmp_path / "serve.log").read_text()
