"""What workers, which are copies of one process, must not have in common."""

import os
import random
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


def test_nobody_is_accepted_while_others_wait_for_their_handshakes():
    """It would only use up its time for that; the kernel keeps it meanwhile."""
    board = Scoreboard(1)
    board.server.phase = Phase.SERVING
    board.worker(0).heartbeat(1.0)
    shard = Shard()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listener = Listener(listening, board, 0)
        with socket.create_connection(listening.getsockname()):
            shard.has_handshakes_waiting = True
            listener.accept(shard, 1.0)
            assert (len(shard), listener.is_pending) == (0, True)
            shard.has_handshakes_waiting = False
            listener.accept(shard, 1.0)
            assert (len(shard), listener.is_pending) == (1, False)
    shard.close()
