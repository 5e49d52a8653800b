"""Says hello to every worker from time to time, as a client would, and remembers who is deaf.

A worker's heartbeat shows that its loop turns; an answered hello that it also accepts and speaks.
"""

import logging
import socket
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Final

from typha import dialing
from typha.dialing import DialError, Timeouts
from typha.ops.ledger import Sender
from typha.scoreboard import Scoreboard
from typha.syncproto import generations
from typha.syncproto.client import ClientSession
from typha.syncproto.messages import SyncerType
from typha.telemetry import reporting

INTERVAL_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 2.0
FAILURES_TO_BE_DEAF: Final = 2  # one may be a busy moment

log = logging.getLogger(__name__)


class Prober:
    """The failures in a row of each worker."""

    def __init__(self, board: Scoreboard, rundir: Path) -> None:
        """Take where the workers are; nothing is asked before `start`."""
        self._board = board
        self._rundir = rundir
        self._failures: Counter[Sender] = Counter()

    def start(self) -> None:
        """Ask on a thread of its own, for ever."""
        threading.Thread(target=self._run, name="prober", daemon=True).start()

    def deaf(self) -> list[str]:
        """Name the workers that do not answer."""
        return [
            sender.name
            for sender in self._workers()
            if self._failures[sender] >= FAILURES_TO_BE_DEAF
        ]

    def round(self) -> None:
        """Ask every worker once."""
        for index, sender in enumerate(self._workers()):
            if not self._board.worker(index).beaten_at:
                continue  # it is still starting
            try:
                answers(reporting.probe_path(self._rundir, index))
            except (OSError, DialError) as error:
                self._failures[sender] += 1
                log.warning("worker not heard", extra={"worker": index, "error": error})
            else:
                del self._failures[sender]

    def _workers(self) -> list[Sender]:
        slots = enumerate(self._board.workers)
        return [Sender(f"worker-{index}", slot.pid) for index, slot in slots]

    def _run(self) -> None:
        while True:
            time.sleep(INTERVAL_SECONDS)
            self.round()


def answers(path: Path) -> None:
    """Exchange hellos through a Unix socket.  Raises OSError or DialError if that fails."""
    hello = generations.hello(SyncerType.FELIX, hostname="localhost", info="self-probe")
    # Without compression nothing has to be acknowledged: hello and hello, that is all.
    hello = replace(hello, supports_decoder_restart=False, compression_algorithms=())
    timeouts = Timeouts(read=ANSWER_SECONDS, write=ANSWER_SECONDS)
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(ANSWER_SECONDS)
        stream.connect(str(path))
        dialing.Connection(stream, ClientSession(hello), timeouts)
