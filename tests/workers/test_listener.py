"""What workers, which are copies of one process, must not have in common."""

import contextlib
import errno
import os
import random
import select
import socket
import sys
import time
from types import SimpleNamespace

import pytest

from typha.scoreboard import Phase, Scoreboard
from workers import listener as listeners
from workers.listener import ACCEPTS_A_TURN, SPARE_DESCRIPTORS, Listener, connection_numbers

# The test runner may have threads; the children only do what is written here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


class Shard:
    """As much of a shard as a listener touches."""

    def __init__(self):
        self.has_handshakes_waiting = False
        self._clients = []
        self.told = []

    def __len__(self):
        """Count."""
        return len(self._clients)

    def admit(self, client, *told):
        """Keep a connection."""
        self._clients.append(client)
        self.told.append(told)

    def close(self):
        """Let all go."""
        for client in self._clients:
            client.close()


@pytest.fixture
def shard():
    """Give an empty shard."""
    shard = Shard()
    yield shard
    shard.close()


def in_a_child(choose):
    """Let a forked child choose something; give what it chose."""
    ours, theirs = os.pipe()
    if os.fork() == 0:
        os.write(theirs, str(choose()).encode())
        os._exit(0)
    os.wait()
    os.close(theirs)
    with os.fdopen(ours) as answer:
        return answer.read()


@pytest.mark.parametrize(
    "choose", [random.random, lambda: next(connection_numbers())], ids=["jitter", "numbers"]
)
def test_forked_workers_do_not_choose_alike(choose):
    """Neither whom to drop nor how long to wait, nor the numbers of their connections."""
    random.seed(1)
    assert len({in_a_child(choose) for _ in range(3)}) == 3


def test_connections_are_numbered_one_after_another():
    """Behind a random upper half, from 1, as in the original."""
    numbers = connection_numbers()
    first = next(numbers)
    assert first & 0xFFFFFFFF == 1
    assert first < 1 << 63
    assert next(numbers) == first + 1


@pytest.fixture
def board():
    """Give the scoreboard of a server with two lively workers, which is serving."""
    board = Scoreboard(2)
    board.server.phase = Phase.SERVING
    for worker in board.workers:
        worker.heartbeat(1.0)
    return board


@pytest.fixture
def listening():
    """Give a socket that listens, with one client waiting."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        with socket.create_connection(listening.getsockname()):
            assert select.select([listening], [], [], 60)[0]  # the kernel may be late
            yield listening


def test_nobody_is_accepted_while_others_wait_for_their_handshakes(board, listening, shard):
    """It would only use up its time for that; the kernel keeps it meanwhile."""
    listener = Listener(listening, board, 0)
    shard.has_handshakes_waiting = True
    listener.accept(shard, 1.0)
    assert len(shard) == 0
    shard.has_handshakes_waiting = False
    listener.accept(shard, 1.0)
    assert len(shard) == 1


def test_whoever_has_to_wait_for_another_worker_is_not_told_of_in_every_turn(
    board, listening, shard
):
    """Else a worker would be busy with learning again and again that it is not its turn."""
    listener = Listener(listening, board, 0)
    assert not listener.is_resting(1.0)
    board.worker(1).active = -1  # fewer than we have, whatever we have
    listener.accept(shard, 1.0)
    assert len(shard) == 0
    assert listener.is_resting(1.0)
    assert not listener.is_resting(listener.rests_until)
    board.worker(1).active = 1
    listener.accept(shard, listener.rests_until)
    assert len(shard) == 1
    assert not listener.is_resting(listener.rests_until)


def wait_for_arrivals(listening, count):
    """Wait until so many wait to be accepted."""
    deadline = time.monotonic() + 60
    while arrived(listening) < count:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def arrived(listening):
    """Ask the kernel how many wait; of a connection this would be what is not acknowledged."""
    told = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 28)
    return int.from_bytes(told[24:], sys.byteorder)


def test_nobody_is_accepted_before_the_server_serves_and_while_it_stops(board, listening, shard):
    """Whoever waits goes elsewhere when the socket is closed."""
    listener = Listener(listening, board, 0)
    for phase in set(Phase) - {Phase.SERVING}:
        board.server.phase = phase
        listener.accept(shard, 1.0)
    assert len(shard) == 0


def test_all_who_wait_are_accepted_and_counted(board, listening, shard):
    """Each with a number of its own, and the address that it came from."""
    listener = Listener(listening, board, 0)
    board.worker(1).active = 5
    with socket.create_connection(listening.getsockname()):
        wait_for_arrivals(listening, 2)
        listener.accept(shard, 1.0)
    (first, number, now), (second, following, _) = shard.told
    assert first == second == "127.0.0.1"
    assert (following, now) == (number + 1, 1.0)
    slot = board.worker(0)
    assert (slot.accepted, slot.active) == (2, 2)


def test_a_flood_has_to_wait_for_the_next_turn(board, listening, shard):
    """Those who are in would have to wait for it otherwise."""
    listener = Listener(listening, board, 0)
    board.worker(1).active = 50
    with contextlib.ExitStack() as stack:
        for _ in range(ACCEPTS_A_TURN):
            stack.enter_context(socket.create_connection(listening.getsockname()))
        wait_for_arrivals(listening, ACCEPTS_A_TURN + 1)
        listener.accept(shard, 1.0)
        assert len(shard) == ACCEPTS_A_TURN
        listener.accept(shard, 1.0)
        assert len(shard) == ACCEPTS_A_TURN + 1


def test_without_descriptors_to_spare_newcomers_are_turned_away(
    board, listening, shard, monkeypatch, caplog
):
    """Each that comes, and the log tells of it once; the last that is not spared is used."""
    listener = Listener(listening, board, 0)
    with socket.create_connection(listening.getsockname()) as other:
        os.close(free := os.open(os.devnull, os.O_RDONLY))  # so the next one gets this number
        monkeypatch.setattr(listeners, "_descriptors_allowed", lambda: free + SPARE_DESCRIPTORS)
        wait_for_arrivals(listening, 2)
        listener.accept(shard, 1.0)
        assert other.recv(1) == b""
        assert arrived(listening) == len(shard) == board.worker(0).accepted == 0
    (told,) = caplog.records
    assert (told.message, told.error) == ("cannot accept", "no more files may be open than are")
    with socket.create_connection(listening.getsockname()):
        os.close(free := os.open(os.devnull, os.O_RDONLY))
        monkeypatch.setattr(
            listeners, "_descriptors_allowed", lambda: free + 1 + SPARE_DESCRIPTORS
        )
        wait_for_arrivals(listening, 1)
        listener.accept(shard, 2.0)
    assert len(shard) == 1


@pytest.mark.parametrize(
    "error", [BlockingIOError(), InterruptedError(), ConnectionAbortedError()]
)
def test_a_client_that_left_before_it_was_accepted_is_nothing_to_tell_of(
    board, shard, caplog, error
):
    """Or that another worker accepted in the meantime."""
    listener = Listener(failing(error), board, 0)
    listener.accept(shard, 1.0)
    assert not caplog.records
    assert not listener.is_resting(1.0)


def test_where_nobody_can_be_accepted_it_is_tried_again_soon_and_told_of(board, shard, caplog):
    """Not in every turn, and not with every try."""
    listener = Listener(failing(OSError(errno.ENOMEM, "Cannot allocate memory")), board, 0)
    for _ in range(5):
        listener.accept(shard, 1.0)
        assert listener.is_resting(1.0)
    (told,) = caplog.records
    assert (told.message, told.error) == ("cannot accept", "[Errno 12] Cannot allocate memory")


def failing(error):
    """Make a listening socket whose kernel has something to say."""

    def accept():
        raise error

    return SimpleNamespace(accept=accept, settimeout=lambda _: None, fileno=lambda: 9)
