"""One connection's socket and what is written to it."""

import socket
from types import SimpleNamespace

import pytest

from workers.connection import BYTES_A_TURN, Connection, Progress
from workers.egress import PIECE_BYTES

PIECES_A_TURN = BYTES_A_TURN // PIECE_BYTES


class Roomy(socket.socket):
    """A socket that takes whatever it is given at once."""

    def send(self, data):
        """Take it."""
        return len(data)


@pytest.fixture
def connection():
    """Give a connection to a client that takes everything."""
    with Roomy() as client:
        yield Connection(1, client, "10.0.0.9", SimpleNamespace())


@pytest.mark.parametrize("pieces", range(1, 2 * PIECES_A_TURN + 2))
def test_the_end_of_a_snapshot_shows_in_the_turn_that_sends_it(connection, pieces):
    """The client may acknowledge it at once, whatever fits into a turn."""
    size = pieces * PIECE_BYTES
    connection.send_snapshot(SimpleNamespace(view=memoryview(bytes(size))))
    turns = 1
    while (progress := connection.write(0.0)) is Progress.TURN_OVER:
        turns += 1
    assert progress is Progress.SNAPSHOT_SENT
    assert turns == -(-pieces // PIECES_A_TURN)


def test_what_is_left_for_the_next_turn_goes_out_in_it(connection):
    """Looking ahead neither loses a piece nor sends one twice."""
    sent = []
    connection.send = lambda data: sent.append(bytes(data)) or len(data)
    told = bytes(range(256)) * (PIECE_BYTES * 2 * PIECES_A_TURN // 256) + b"end"
    connection.send_snapshot(SimpleNamespace(view=memoryview(told)))
    while connection.write(0.0) is Progress.TURN_OVER:
        pass
    assert b"".join(sent) == told


def test_packets_are_filled_until_the_snapshot_has_gone(connection):
    """Then small messages go at once."""
    option = (socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert connection.socket.getsockopt(*option) == 0
    connection.hurry()
    assert connection.socket.getsockopt(*option) != 0


def test_hurrying_a_client_that_has_gone_is_no_error(connection):
    """Its next use shows that, and ends it."""
    connection.socket.close()
    connection.hurry()
    assert connection.ending is None
