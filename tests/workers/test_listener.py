"""What workers, which are copies of one process, must not have in common."""

import os
import random
import select
import socket

import pytest

from typha.scoreboard import Phase, Scoreboard
from workers.listener import Listener, connection_numbers

# The test runner may have threads; the children only do what is written here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


class Shard:
    """As much of a shard as a listener touches."""

    def __init__(self):
        self.has_handshakes_waiting = False
        self._clients = []

    def __len__(self):
        """Count."""
        return len(self._clients)

    def admit(self, client, *_):
        """Keep a connection."""
        self._clients.append(client)

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
