"""Who goes when connections have to go."""

import socket
from dataclasses import dataclass

import pytest
from hypothesis import given, strategies as st

from typha.syncproto.frames import Topic
from typha.syncproto.messages import Codec, Dialect, SyncerType
from typha.syncproto.server import ServerSession
from workers import departures
from workers.connection import Connection, Stage
from workers.replica import Replica


@dataclass(frozen=True)
class Client:
    """Somebody who came at some time."""

    accepted_at: float


def came(*moments: float) -> list[Client]:
    """Make clients."""
    return [Client(moment) for moment in moments]


def test_the_newest_go_first():
    """They lose least."""
    clients = came(3, 1, 5, 2, 4)
    assert departures.newest_first(clients, 3, now=100, newcomer_seconds=0) == came(5, 4, 3)


def test_newcomers_go_last_and_the_newest_of_them_last_of_all():
    """Who has just been sent away by a peer is not sent away again while there is another."""
    clients = came(10, 95, 20, 99, 97)
    chosen = departures.newest_first(clients, 5, now=100, newcomer_seconds=60)
    assert chosen == came(20, 10, 95, 97, 99)


@given(
    st.lists(st.floats(0, 100).map(Client), unique=True),
    st.integers(0, 12),
    st.floats(0, 100),
)
def test_as_many_are_chosen_as_there_are_and_never_one_twice(clients, count, newcomer_seconds):
    """Whatever the order is."""
    for chosen in (
        departures.newest_first(clients, count, 100, newcomer_seconds),
        departures.at_random(clients, count),
    ):
        assert len(chosen) == len(set(chosen)) == min(count, len(clients))
        assert set(chosen) <= set(clients)


@pytest.fixture
def connection():
    """Make one that was told everything, up to sequence number 7."""
    ours, theirs = socket.socketpair()
    session = ServerSession(version="v", connection_id=1, refuse_legacy=False)
    made = Connection(1, ours, "127.0.0.1", session)
    made.replica = Replica(Topic.serving(SyncerType.FELIX, Dialect.MODERN, Codec.PLAIN), 1000)
    made.replica.log.last = made.position = 7
    made.state = Stage.STREAMING
    with ours, theirs:
        yield made


def test_who_was_told_everything_may_go(connection):
    """It knows all there is to know."""
    assert departures.settled([connection]) == [connection]


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("state", Stage.HANDSHAKE),
        ("state", Stage.HELLO),
        ("state", Stage.SNAPSHOT),
        ("unsent", b"rest of a frame"),
        ("is_catching_up", True),
        ("position", 6),
        ("replica", None),
    ],
)
def test_who_waits_for_something_stays(connection, attribute, value):
    """Elsewhere it would have to begin again."""
    setattr(connection, attribute, value)
    assert departures.settled([connection]) == []
