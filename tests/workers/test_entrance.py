"""Who has to wait until others of its address are through."""

import socket
import ssl
import struct
import time

import pytest

from typha.certs import making
from typha.config.settings import ServerSettings, TlsSettings
from typha.scoreboard import Scoreboard
from typha.telemetry.closing import CloseReason
from workers import admission as admissions, entrance as entrances, tls
from workers.connection import Stage
from workers.counting import Counts
from workers.entrance import Entrance

SETTINGS = ServerSettings(handshake_timeout=10.0)


class Admission:
    """Has as much room as the test says."""

    room = 0

    def enter(self, _address):
        """Let somebody in, if there is room."""
        self.room -= 1
        return self.room >= 0

    def prove(self, _address):
        """Leave the room to the test."""

    def is_crowded(self):
        """Have somebody go, if anybody is in."""
        return True


@pytest.fixture
def admission():
    """Begin without room."""
    return Admission()


@pytest.fixture
def counts():
    """Begin at nothing."""
    return Counts()


@pytest.fixture
def entrance(admission, counts):
    """Let clients in, in plaintext."""
    return Entrance(SETTINGS, None, admission, counts)


@pytest.fixture
def arrivals():
    """Make connections that were accepted, and close what is left of them."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listening:
        ends = []

        def arrive():
            ends.append(socket.create_connection(listening.getsockname()))
            ends.append(listening.accept()[0])
            return ends[-1]

        yield arrive
        for end in ends:
            end.close()


def test_who_has_to_wait_is_let_in_when_there_is_room(entrance, admission, arrivals, counts):
    """First come, first served."""
    assert [entrance.let_in(arrivals(), "10.0.0.1", number, 0.0) for number in (1, 2, 3)] == [
        None
    ] * 3
    assert entrance.patience() < 1.0
    admission.room = 2
    assert [connection.number for connection in entrance.let_in_later(1.0)] == [1, 2]
    admission.room = 9
    assert [connection.number for connection in entrance.let_in_later(2.0)] == [3]
    assert entrance.patience() > 1.0
    assert (counts.accepted, counts.closed) == (3, {})


def test_nobody_waits_for_longer_than_a_handshake_may_take(entrance, arrivals, counts):
    """Its own patience is at its end by then."""
    waiting = arrivals()
    entrance.let_in(waiting, "10.0.0.1", 1, 0.0)
    assert list(entrance.let_in_later(9.9)) == []
    assert counts.closed == {}
    assert list(entrance.let_in_later(10.0)) == []
    assert counts.closed == {CloseReason.TOO_MANY_CONNECTIONS: 1}
    assert waiting.fileno() == -1


def test_only_so_many_may_wait(entrance, arrivals, counts, monkeypatch, caplog):
    """Each takes a descriptor; the log tells of one of those who may not, once a minute."""
    monkeypatch.setattr(entrances, "MOST_OUTSIDE", 3)
    for number in range(5):
        entrance.let_in(arrivals(), "10.0.0.1", number, 0.0)
    assert counts.closed == {CloseReason.TOO_MANY_CONNECTIONS: 2}
    entrance.let_in(arrivals(), "10.0.0.2", 5, 60.0)
    assert [(each.client, each.connection) for each in caplog.records] == [
        ("10.0.0.1", 3),
        ("10.0.0.2", 5),
    ]
    assert "too many of their address" in caplog.text


@pytest.mark.filterwarnings("ignore:unclosed")  # the half-made TLS socket is closed as it is lost
def test_whoever_resets_at_once_harms_nobody_else(tmp_path, admission, counts, caplog):
    """As scanners and balancers do; a TLS socket can no longer be made of such a connection."""
    making.make(making.Plan(days=2), tmp_path)
    settings = TlsSettings(
        cert_file=str(tmp_path / "typha.crt"),
        key_file=str(tmp_path / "typha.key"),
        ca_file=str(tmp_path / "typhaca.crt"),
    )
    entrance = Entrance(SETTINGS, tls.Certificates(settings), admission, counts)
    caplog.set_level("INFO", "workers")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        gone, early = (reset(listening, with_data) for with_data in (False, True))
        admission.room = 1
        assert entrance.let_in(gone, "10.0.0.1", 1, 0.0) is None
        assert entrance.patience() > 1.0  # it does not wait outside
        assert entrance.let_in(early, "10.0.0.1", 2, 0.0) is None
        admission.room = 1
        assert list(entrance.let_in_later(1.0)) == []
    assert (counts.accepted, counts.closed) == (2, {CloseReason.CONNECTION_LOST: 2})
    assert entrance.surplus() is None
    assert [record.connection for record in caplog.records] == [1, 2]


def reset(listening, with_data):
    """Accept a connection that its client has cut off by then."""
    client = socket.create_connection(listening.getsockname())
    accepted = listening.accept()[0]
    if with_data:
        client.sendall(b"\x16\x03\x01")
    cut_off(client)
    return accepted


def cut_off(client):
    """Reset a connection."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def test_who_has_proven_nothing_takes_room_until_it_is_gone(tmp_path, arrivals, counts):
    """However it goes, and once: otherwise an address would have less room each time."""
    making.make(making.Plan(days=2), tmp_path)
    settings = TlsSettings(
        cert_file=str(tmp_path / "typha.crt"),
        key_file=str(tmp_path / "typha.key"),
        ca_file=str(tmp_path / "typhaca.crt"),
    )
    board = Scoreboard(1)
    board.workers[0].pid = 1
    limited = admissions.Admission(board, 0, 0, 2)
    entrance = Entrance(SETTINGS, tls.Certificates(settings), limited, counts)
    first, second, third = (
        entrance.let_in(arrivals(), "10.0.0.1", number, 0.0) for number in (1, 2, 3)
    )
    with first.socket, second.socket:
        assert third is None
        assert board.unproven() == 2
        assert not entrance.shake_hands(first)  # nothing has come from it yet
        entrance.leave(first)
        entrance.leave(first)
        assert board.unproven() == 1
        (third,) = entrance.let_in_later(1.0)
        third.socket.close()
        assert third.number == 3
        entrance.leave(second)
        assert board.unproven() == 1


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Make the certificates of a server, and of two clients of which one may come in."""
    folder = tmp_path_factory.mktemp("certificates")
    node = making.Subject(stem="node", common_name="calico-node")
    other = making.Subject(stem="other", common_name="somebody")
    server = making.Subject(stem="typha", common_name="calico-typha", server=True)
    making.make(making.Plan(subjects=(server, node, other), days=2), folder)
    return folder


class Secured:
    """An entrance that asks for certificates, and what it counts."""

    def __init__(self, certificates, most=0):
        settings = TlsSettings(
            cert_file=str(certificates / "typha.crt"),
            key_file=str(certificates / "typha.key"),
            ca_file=str(certificates / "typhaca.crt"),
            client_cn="calico-node",
        )
        self.counts = Counts()
        self.board = Scoreboard(1)
        self.board.workers[0].pid = 1
        limits = admissions.Admission(self.board, 0, most, 0)
        self.entrance = Entrance(SETTINGS, tls.Certificates(settings), limits, self.counts)

    def let_in(self, accepted, number=1):
        """Begin with a client."""
        return self.entrance.let_in(accepted, "10.0.0.1", number, 0.0)


@pytest.fixture
def secured(certificates):
    """Ask for certificates."""
    return Secured(certificates)


@pytest.fixture
def meeting(secured):
    """Let a client in; give our connection, and its own end."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        theirs = socket.create_connection(listening.getsockname())
        connection = secured.let_in(listening.accept()[0])
    with theirs, connection.socket:
        yield connection, theirs


def shake_hands(entrance, connection, client=None):
    """Go on, both in turn, until our side is through or has come to an end; tells which."""
    deadline = time.monotonic() + 60
    while connection.ending is None:
        if client is not None:
            try:
                client.do_handshake()
            except ssl.SSLWantReadError:
                pass
            else:
                client = None
        if entrance.shake_hands(connection):
            return True
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return False


def as_client(certificates, theirs, stem):
    """Make a client of an end of a connection, which shows a certificate or none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificates / "typhaca.crt")
    if stem:
        context.load_cert_chain(certificates / f"{stem}.crt", certificates / f"{stem}.key")
    theirs.settimeout(0)
    return context.wrap_socket(
        theirs, server_hostname="calico-typha", do_handshake_on_connect=False
    )


def test_who_proves_who_it_is_takes_no_room_any_more(secured, certificates, meeting):
    """From here on it is known by its name."""
    connection, theirs = meeting
    with as_client(certificates, theirs, "node") as client:
        assert secured.board.unproven() == 1
        assert shake_hands(secured.entrance, connection, client)
    assert connection.state is Stage.HELLO
    assert connection.certificate_name == "calico-node"
    assert connection.certificate_expires.endswith(" GMT")
    assert secured.board.unproven() == 0
    assert secured.counts.handshake_failures == {}


def test_who_proves_to_be_somebody_else_is_refused(secured, certificates, meeting):
    """And has proven nothing, until it is gone."""
    connection, theirs = meeting
    with as_client(certificates, theirs, "other") as client:
        assert not shake_hands(secured.entrance, connection, client)
    assert connection.ending is CloseReason.CERTIFICATE_REFUSED
    assert "CN 'somebody'" in connection.detail
    assert connection.state is Stage.HANDSHAKE
    assert secured.board.unproven() == 1
    secured.entrance.leave(connection)
    assert secured.board.unproven() == 0


def test_who_shows_no_certificate_is_refused(secured, certificates, meeting):
    """It is counted why."""
    connection, theirs = meeting
    with as_client(certificates, theirs, "") as client:
        assert not shake_hands(secured.entrance, connection, client)
    assert connection.ending is CloseReason.TLS_FAILED
    assert connection.detail == "PEER_DID_NOT_RETURN_A_CERTIFICATE"
    assert secured.counts.handshake_failures == {"no_cert": 1}


def test_what_is_no_tls_is_refused(secured, meeting):
    """A scrape of the wrong port, for instance."""
    connection, theirs = meeting
    theirs.send(b"GET /metrics HTTP/1.1\r\n\r\n")
    assert not shake_hands(secured.entrance, connection)
    assert connection.ending is CloseReason.TLS_FAILED
    assert connection.detail == "HTTP_REQUEST"
    assert secured.counts.handshake_failures == {"protocol": 1}


def test_a_check_of_the_port_is_no_failed_handshake(secured, meeting):
    """It said nothing, so nobody was refused."""
    connection, theirs = meeting
    theirs.close()
    assert not shake_hands(secured.entrance, connection)
    assert connection.ending is CloseReason.CONNECTION_LOST
    assert connection.detail == "left before its handshake was over"
    assert secured.counts.handshake_failures == {}


def test_a_reset_in_the_middle_is_no_failed_handshake(secured, meeting):
    """The network's doing, or a balancer's."""
    connection, theirs = meeting
    cut_off(theirs)
    assert not shake_hands(secured.entrance, connection)
    assert connection.ending is CloseReason.CONNECTION_LOST
    assert "reset" in connection.detail
    assert secured.counts.handshake_failures == {}


def test_for_a_newcomer_the_oldest_goes_that_has_proven_nothing(certificates, arrivals):
    """Only where there are too many, and never the newcomer itself."""
    alone = Secured(certificates, most=1)
    alone.board.workers[0].unproven = 5  # with all others
    with alone.let_in(arrivals(), 1).socket:
        assert alone.entrance.surplus() is None
    crowded = Secured(certificates, most=2)
    connections = [crowded.let_in(arrivals(), number) for number in range(3)]
    assert crowded.entrance.surplus() is connections[0]
    crowded.entrance.leave(connections[0])
    assert crowded.entrance.surplus() is None
    for connection in connections:
        connection.socket.close()


def test_a_client_s_socket_never_blocks_and_takes_little_ahead(entrance, admission, arrivals):
    """What waits in it is past conflating."""
    admission.room = 1
    accepted = arrivals()
    accepted.settimeout(5)
    connection = entrance.let_in(accepted, "10.0.0.1", 7, 0.0)
    assert connection.socket.gettimeout() == 0
    option = connection.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
    assert option == entrances.UNSENT_BYTES


def test_in_a_turn_so_many_are_looked_at(entrance, admission, arrivals, monkeypatch):
    """Whoever is still not let in is looked at after all others."""
    monkeypatch.setattr(entrances, "LOOKED_AT", 2)
    for number in range(4):
        entrance.let_in(arrivals(), "10.0.0.1", number, 0.0)
    admission.room = 0
    assert list(entrance.let_in_later(1.0)) == []
    admission.room = 9
    assert [each.number for each in entrance.let_in_later(1.0)] == [2, 3]
    assert [each.number for each in entrance.let_in_later(1.0)] == [0, 1]


def test_in_plaintext_there_is_nothing_to_prove(arrivals, counts):
    """So nobody has to make room."""
    board = Scoreboard(1)
    board.workers[0].pid = 1
    entrance = Entrance(SETTINGS, None, admissions.Admission(board, 0, 1, 1), counts)
    for number in range(5):
        assert entrance.let_in(arrivals(), "10.0.0.1", number, 0.0) is not None
    assert board.unproven() == 0
    assert entrance.surplus() is None
