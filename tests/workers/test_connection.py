"""One connection's socket and what is written to it."""

import socket
from types import SimpleNamespace

import pytest

from typha.gob import varint
from typha.syncproto import client_schema, generations
from typha.syncproto.events import HelloAccepted
from typha.syncproto.server import ServerSession
from workers.connection import BYTES_A_TURN, READS_A_TURN, Connection, Progress
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


@pytest.fixture
def records():
    """Give both ends of a connection that is read record by record, as TLS is."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(0)
    with ours, theirs:
        session = ServerSession(version="v9", connection_id=1)
        yield Connection(1, ours, "10.0.0.9", session), theirs


def gob_messages(data):
    """Cut a stream into its messages, as Go's encoder writes them."""
    while data:
        size, start = varint.decode_uint(data, 0)
        yield data[: start + size]
        data = data[start + size :]


def test_a_hello_in_many_records_is_read_in_one_turn(records):
    """Go writes each of its messages by itself, and they arrive together."""
    connection, client = records
    pieces = list(gob_messages(client_schema.hello(generations.hello())))
    assert 1 < len(pieces) < READS_A_TURN
    for piece in pieces:
        client.send(piece)
    (event,) = connection.read()
    assert isinstance(event, HelloAccepted)
    assert connection.ending is None


def test_whoever_sends_crumbs_leaves_turns_to_others(records):
    """What is left of them is read in the next."""
    connection, client = records
    hello = client_schema.hello(generations.hello())
    for at in range(READS_A_TURN + 1):
        client.send(hello[at : at + 1])
    assert connection.read() == []
    assert connection.socket.recv(10) == hello[READS_A_TURN : READS_A_TURN + 1]
