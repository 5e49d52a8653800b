"""Accepting clients so that the workers' shards stay even.

All workers share one listening socket.  One accepts only while it holds no more connections than
any other lively worker, so shards differ by one at most, without passing descriptors around.
"""

import logging
import resource
import secrets
import socket
from collections.abc import Iterator
from itertools import count
from typing import Final

from typha.scoreboard import Phase, Scoreboard
from typha.telemetry.obstacles import Obstacles
from workers.shard import Shard

log = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS: Final = 0.002  # while another worker has to accept first
ACCEPTS_A_TURN: Final = 8  # so that a flood of connections costs the others about 1 ms a turn
NUMBER_BITS: Final = 32
SPARE_DESCRIPTORS: Final = 16  # for probes, snapshots and certificates, whoever else comes


def connection_numbers() -> Iterator[int]:
    """Give numbers as the reference does: a random upper half, then counting from 1."""
    return count((secrets.randbits(NUMBER_BITS - 1) << NUMBER_BITS) | 1)


class Listener:
    """The shared listening socket, as one worker sees it."""

    def __init__(self, listening: socket.socket, board: Scoreboard, index: int) -> None:
        """Take a socket that listens already, or soon will."""
        self._socket = listening
        self._socket.settimeout(0)
        self.descriptor = listening.fileno()
        self._board = board
        self._slot = board.worker(index)
        self._numbers = connection_numbers()
        self.rests_until = 0.0  # before that, whoever waits is left to others, or for later
        self._obstacles = Obstacles()

    def accept(self, shard: Shard, now: float) -> None:
        """Accept whoever waits, as long as it is this worker's turn.

        Nobody is while others wait for their handshakes: it would only use up its time for that.
        Whoever is not accepted is told of by the poll again, and would be in every turn: hence the
        rests.
        """
        too_high = _descriptors_allowed() - SPARE_DESCRIPTORS
        for _ in range(ACCEPTS_A_TURN):
            if self._board.server.phase is not Phase.SERVING:
                return
            if shard.has_handshakes_waiting or not self._is_our_turn(shard, now):
                self._rest(now)
                return
            try:
                client, address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # out of memory, say: it may pass
                self._complain(str(error), now)
                self._rest(now)
                return
            if client.fileno() >= too_high:
                client.close()
                self._complain("no more files may be open than are", now)
                continue
            self._slot.accepted += 1
            shard.admit(client, str(address[0]), next(self._numbers), now)
            self._slot.active = len(shard)

    def is_resting(self, now: float) -> bool:
        """Tell whether the poll should not tell of anybody."""
        return now < self.rests_until

    def _rest(self, now: float) -> None:
        self.rests_until = now + LOOK_AGAIN_SECONDS

    def _complain(self, error: str, now: float) -> None:
        if self._obstacles.is_to_be_said(error, now):
            log.warning("cannot accept", extra={"error": error})

    def _is_our_turn(self, shard: Shard, now: float) -> bool:
        self._slot.active = len(shard)
        return len(shard) <= self._board.lowest_connections(now)


def _descriptors_allowed() -> int:
    """Ask how many there may be: now, as the limit can be raised from outside while we run."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
