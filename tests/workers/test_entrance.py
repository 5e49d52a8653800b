"""Who has to wait until others of its address are through."""

import socket
import struct

import pytest

from typha.certs import making
from typha.config.settings import ServerSettings, TlsSettings
from typha.scoreboard import Scoreboard
from typha.telemetry.closing import CloseReason
from workers import admission as admissions, entrance as entrances, tls
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


def test_only_so_many_may_wait(entrance, arrivals, counts, monkeypatch):
    """Each takes a descriptor."""
    monkeypatch.setattr(entrances, "MOST_OUTSIDE", 3)
    for number in range(5):
        entrance.let_in(arrivals(), "10.0.0.1", number, 0.0)
    assert counts.closed == {CloseReason.TOO_MANY_CONNECTIONS: 2}


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
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    return accepted


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


def test_in_plaintext_there_is_nothing_to_prove(arrivals, counts):
    """So nobody has to make room."""
    board = Scoreboard(1)
    board.workers[0].pid = 1
    entrance = Entrance(SETTINGS, None, admissions.Admission(board, 0, 1, 1), counts)
    for number in range(5):
        assert entrance.let_in(arrivals(), "10.0.0.1", number, 0.0) is not None
    assert board.unproven() == 0
    assert entrance.surplus() is None
