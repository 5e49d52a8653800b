"""Who has to wait until others of its address are through."""

import socket

import pytest

from typha.config.settings import ServerSettings
from typha.telemetry.closing import CloseReason
from workers import entrance as entrances
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
