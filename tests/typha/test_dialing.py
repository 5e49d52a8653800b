"""A client of ours against real sockets: what it hears, and how each failure is named.

One module, as what it tests is one: each case is a peer and the words for it.
"""

import contextlib
import datetime as dt
import socket
import ssl
import struct
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import ThreadedServer, elements, server_context
from typha import dialing
from typha.certs import making
from typha.certs.making import Plan, Subject
from typha.dialing import (
    Address,
    ClosedError,
    Connection,
    DialError,
    ProtocolError,
    RefusedError,
    SilenceError,
    Timeouts,
    Tls,
    TlsError,
    UnreachableError,
)
from typha.syncproto import generations
from typha.syncproto.client import ClientSession
from typha.syncproto.messages import (
    ClientHello,
    KVs,
    Ping,
    SerializedUpdate,
    SyncerType,
    SyncStatus,
    SyncStatusMessage,
)

HELLO = generations.hello(hostname="node-1")
SNAPSHOT = tuple(
    SerializedUpdate(key=f"/calico/v1/config/{n}", value=b"%d" % n, revision="7", update_type=1)
    for n in range(2500)
)
IN_SYNC = SyncStatusMessage(status=SyncStatus.IN_SYNC)
URI = "spiffe://cluster/typha"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make certificates for server and client, and such of another CA in the folder `other`."""
    folder = tmp_path_factory.mktemp("certificates")
    subjects = (
        Subject(stem="typha", common_name="calico-typha", uri=URI, server=True),
        Subject(stem="calico-node", common_name="calico-node"),
    )
    making.make(Plan(subjects=subjects), folder)
    making.make(Plan(subjects=subjects), folder / "other")
    return folder


def tls(folder: Path, **changes: str) -> Tls:
    """Return what a client uses that expects calico-typha."""
    settings = {
        "ca_file": str(folder / "typhaca.crt"),
        "cert_file": str(folder / "calico-node.crt"),
        "key_file": str(folder / "calico-node.key"),
        "server_cn": "calico-typha",
    }
    return Tls(**(settings | changes))


def dial(
    server: ThreadedServer, hello: ClientHello = HELLO, with_tls: Tls | None = None
) -> Connection:
    """Connect to a server of this test."""
    return dialing.connect(Address("127.0.0.1", server.port), hello, tls=with_tls)


def everything_until_in_sync(connection: Connection) -> list[SerializedUpdate]:
    """Return the updates of the snapshot."""
    updates: list[SerializedUpdate] = []
    for message in connection:
        if isinstance(message, KVs):
            updates += message.updates
        if message == IN_SYNC:
            break
    return updates


# ---- addresses ----


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("localhost:5474", "localhost", 5474),
        ("typha", "typha", 5473),
        ("10.0.0.1", "10.0.0.1", 5473),
        ("[::1]:5474", "::1", 5474),
        ("[fd00::1]", "fd00::1", 5473),
    ],
)
def test_an_address_is_read_and_written(text: str, host: str, port: int) -> None:
    """The port may be left out; IPv6 stands in brackets."""
    address = Address.parse(text)
    assert address == (host, port)
    assert Address.parse(address.text) == address


@pytest.mark.parametrize(
    "text", ["", ":5473", "host:", "host:x", "host:0", "host:70000", "::1", "::1:5473", "a:b:5473"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """Rather than resolved to something."""
    with pytest.raises(ValueError, match=r"no HOST:PORT|no port"):
        Address.parse(text)


# ---- what is heard ----


@pytest.mark.parametrize("version", ["v3.8.9", "v3.28.5", "v3.32.1"])
def test_a_client_hears_snapshot_and_changes(version: str) -> None:
    """In whichever way its generation is served, and its pings are answered."""
    hello = generations.hello(version=version)
    with ThreadedServer(elements(SNAPSHOT)) as server:
        with dial(server, hello) as connection:
            assert connection.server.connection_id == 42
            assert everything_until_in_sync(connection) == list(SNAPSHOT)
            server.wait_until_streaming(1)
            server.ping(77)
            server.publish(elements(SNAPSHOT[:3]), SyncStatus.RESYNC)
            heard = [connection.receive() for _ in range(3)]
        server.wait_for_endings(1)
        assert server.shells[0].pongs == [77]
        assert server.endings == ["client-left"]
    assert heard == [
        Ping(unix_nanoseconds=77),
        KVs(updates=SNAPSHOT[:3]),
        SyncStatusMessage(status=SyncStatus.RESYNC),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"server_cn": "", "server_uri": URI},
        {"server_cn": "calico-typha", "server_uri": "spiffe://other"},
        {"server_cn": "other", "server_uri": URI},
    ],
    ids=["cn", "uri", "cn of two", "uri of two"],
)
def test_over_tls_either_name_will_do(certificates: Path, changes: dict[str, str]) -> None:
    """And host names play no part: the certificate knows nothing of 127.0.0.1."""
    context = server_context(certificates)
    with (
        ThreadedServer(elements(SNAPSHOT), context=context) as server,
        dial(server, with_tls=tls(certificates, **changes)) as connection,
    ):
        assert len(everything_until_in_sync(connection)) == len(SNAPSHOT)


# ---- how failures are named ----


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"server_cn": "calico-typhb"}, "not that of calico-typhb"),
        ({"server_cn": "CALICO-TYPHA"}, "not that of CALICO-TYPHA"),
        ({"server_cn": "", "server_uri": "spiffe://other"}, "not that of spiffe://other"),
        ({"server_cn": "", "server_uri": "calico-typha"}, "not that of calico-typha"),  # a host's
        ({"server_cn": "a", "server_uri": "b"}, "not that of a or b"),
        ({"ca_file": "other/typhaca.crt"}, "does not pass"),
        ({"ca_file": "missing.crt"}, "missing.crt' cannot be read: No such file"),
        ({"key_file": "other/calico-node.key"}, "key values mismatch"),
        ({"cert_file": "typha.key"}, "typha.key' and key .* cannot be used"),
    ],
)
def test_a_wrong_certificate_or_name_is_a_tls_error(
    certificates: Path, changes: dict[str, str], text: str
) -> None:
    """Which says what is wrong with which file or name."""
    files = {
        name: str(certificates / value) if name.endswith("_file") else value
        for name, value in changes.items()
    }
    with (
        ThreadedServer([], context=server_context(certificates)) as server,
        pytest.raises(TlsError, match=text),
    ):
        dial(server, with_tls=tls(certificates, **files))


def test_an_expired_certificate_is_not_blamed_on_the_authority(
    certificates: Path, tmp_path: Path
) -> None:
    """The hint would lead astray."""
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=30)
    making.make(making.Plan(days=1), tmp_path, now=long_ago)
    with (
        ThreadedServer([], context=server_context(tmp_path)) as server,
        pytest.raises(TlsError, match="certificate has expired") as caught,
    ):
        dial(server, with_tls=tls(certificates, ca_file=str(tmp_path / "typhaca.crt")))
    assert caught.value.hint == ""


def test_a_certificate_for_clients_does_not_make_a_server(certificates: Path) -> None:
    """Its purpose is checked, as Felix does."""
    context = server_context(certificates, stem="calico-node")
    with (
        ThreadedServer([], context=context) as server,
        pytest.raises(TlsError, match="purpose"),
    ):
        dial(server, with_tls=tls(certificates, server_cn="calico-node"))


@pytest.mark.parametrize("maximum", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_the_server_refuses_is_named(
    certificates: Path, maximum: ssl.TLSVersion
) -> None:
    """With TLS 1.3 the handshake seems to succeed, and the alert comes later."""
    context = server_context(certificates)
    context.maximum_version = maximum
    with (
        ThreadedServer([], context=context) as server,
        pytest.raises((TlsError, RefusedError), match="alert unknown ca") as caught,
    ):
        dial(server, with_tls=foreign(certificates))
    assert "CAFile" in caught.value.hint


@pytest.mark.parametrize(("stem", "hint"), [("late", "has expired"), ("typha", "not one for")])
def test_a_server_s_alert_comes_with_what_it_means(
    certificates: Path, tmp_path: Path, stem: str, hint: str
) -> None:
    """What is wrong is our own certificate: its time, or its purpose."""
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=30)
    late = Plan(subjects=(Subject(stem="late", common_name="calico-node"),), days=1)
    making.make(late, tmp_path, now=long_ago)
    folder = tmp_path if stem == "late" else certificates
    context = server_context(certificates)
    context.load_verify_locations(folder / "typhaca.crt")
    own = {"cert_file": str(folder / f"{stem}.crt"), "key_file": str(folder / f"{stem}.key")}
    with (
        ThreadedServer([], context=context) as server,
        pytest.raises((TlsError, RefusedError)) as caught,
    ):
        dial(server, with_tls=tls(certificates, **own))
    assert hint in caught.value.hint


def foreign(certificates: Path) -> Tls:
    """Return what a client uses whose certificate is of another authority."""
    other = certificates / "other"
    files = {
        "cert_file": str(other / "calico-node.crt"),
        "key_file": str(other / "calico-node.key"),
    }
    return tls(certificates, **files)


def test_an_alert_is_heard_where_the_connection_is_closed_before_our_hello(
    certificates: Path,
) -> None:
    """Writing fails, and what the server said is still to be read."""
    context = server_context(certificates)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        def refuse() -> None:
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(theirs, server_side=True)

        thread = threading.Thread(target=refuse)
        thread.start()
        settings = foreign(certificates)
        with dialing._context(settings).wrap_socket(ours) as stream:
            thread.join()
            with pytest.raises(RefusedError, match="alert unknown ca"):
                Connection(stream, ClientSession(HELLO), Timeouts())


def test_servers_before_tls_1_2_are_refused(certificates: Path) -> None:
    """Nothing older is offered."""
    context = server_context(certificates)
    with warnings.catch_warnings(action="ignore"):  # about versions as old as these
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with ThreadedServer([], context=context) as server, pytest.raises(TlsError):
        dial(server, with_tls=tls(certificates))


def test_a_plain_client_of_a_tls_server_is_refused(certificates: Path) -> None:
    """By the closing of the connection, for which the hint names the likely cause."""
    with (
        ThreadedServer([], context=server_context(certificates)) as server,
        pytest.raises(RefusedError) as caught,
    ):
        dial(server)
    assert "TLS on one side only" in caught.value.hint


def test_nobody_listening_is_unreachable() -> None:
    """The address is in the text."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address("127.0.0.1", listener.getsockname()[1])
    with pytest.raises(UnreachableError, match=f"{address.port}: Connection refused"):
        dialing.connect(address, HELLO)


@pytest.mark.parametrize("host", ["a..b", "a" * 64])
def test_what_cannot_be_a_host_s_name_is_unreachable(host: str) -> None:
    """Python would not even ask for it."""
    with pytest.raises(UnreachableError, match=f"cannot connect to {host}:1: no host can have"):
        dialing.connect(Address(host, 1), HELLO)


def test_another_protocol_is_a_protocol_error() -> None:
    """Here a web server answers."""
    answer = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n" + b"\r\n" * 40
    with (
        answering(answer) as address,
        pytest.raises(ProtocolError, match="not what a Typha server sends"),
    ):
        dialing.connect(address, HELLO)


def test_a_server_that_refuses_closes_without_a_word() -> None:
    """Here an unknown syncer."""
    hello = ClientHello(syncer_type="no-such")
    with ThreadedServer([]) as server:
        with pytest.raises(RefusedError, match="before its hello"):
            dial(server, hello)
        server.wait_for_endings(1)
        assert server.endings == ["unknown-syncer"]


def test_a_silent_server_is_left_in_time() -> None:
    """Whether it says nothing, or never finishes what it says."""
    timeouts = Timeouts(read=0.2)
    for said in (b"", b"\x40"):
        with (
            answering(said, stay=True) as address,
            pytest.raises(SilenceError, match=r"0\.2 s"),
        ):
            dialing.connect(address, HELLO, timeouts=timeouts)


def test_who_asks_for_a_message_says_how_long_to_wait() -> None:
    """Else it is as long as for every other."""
    with ThreadedServer([]) as server, dial(server) as connection:
        everything_until_in_sync(connection)
        with pytest.raises(SilenceError, match=r"no message from the server for 0\.05 s"):
            connection.receive(0.05)


def test_a_server_that_takes_nothing_is_left_in_time() -> None:
    """Its process may be stopped, with its kernel's room for us used up."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                ours.send(bytes(1 << 16))
        with pytest.raises(SilenceError, match="takes nothing any more"):
            Connection(ours, ClientSession(HELLO), Timeouts(write=0.05))


def test_a_plain_server_is_silent_towards_tls(certificates: Path) -> None:
    """It waits for a message to complete; the hint says so."""
    timeouts = Timeouts(connect=0.2)
    with answering(b"", stay=True) as address, pytest.raises(TlsError) as caught:
        dialing.connect(address, HELLO, tls=tls(certificates), timeouts=timeouts)
    assert "no answer" in str(caught.value)
    assert "without TLS" in caught.value.hint


def test_the_end_of_a_stream_is_an_error_too() -> None:
    """A server never ends one because it is complete."""
    with ThreadedServer([]) as server:
        connection = dial(server, generations.hello(SyncerType.BGP))
        everything_until_in_sync(connection)
    with connection, pytest.raises(ClosedError):
        connection.receive()


def test_every_failure_is_a_dial_error() -> None:
    """So that callers need to know one."""
    kinds = (UnreachableError, TlsError, RefusedError, ClosedError, SilenceError, ProtocolError)
    assert all(issubclass(kind, DialError) for kind in kinds)


@contextlib.contextmanager
def answering(answer: bytes, *, stay: bool = False) -> Iterator[Address]:
    """Listen for one client, and send it this whatever it says; close at once unless `stay`."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(answer)
                if stay:
                    done.wait(20)
                connection.recv(65536)

        thread = threading.Thread(target=serve)
        thread.start()
        yield Address("127.0.0.1", listener.getsockname()[1])
        done.set()
        thread.join()
