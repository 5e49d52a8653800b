"""Says hello to every worker from time to time, as a client would, and remembers who is deaf.

A worker's heartbeat shows that its loop turns; an answered hello that it also accepts and speaks.
"""

import logging
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Final

from typha.ops.ledger import Sender
from typha.scoreboard import Scoreboard
from typha.telemetry import reporting

INTERVAL_SECONDS: Final = 10.0
AGAIN_SECONDS: Final = 2.0  # after a failure
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

    def pause(self) -> float:
        """Tell the seconds until the next round: few while it is to be seen who is deaf."""
        is_in_doubt = any(self._failures[sender] for sender in self._workers())
        return AGAIN_SECONDS if is_in_doubt else INTERVAL_SECONDS

    def round(self) -> None:
        """Ask every worker once."""
        from typha.ops import hello  # noqa: PLC0415 the kubelet's answer does not wait for it

        for index, sender in enumerate(self._workers()):
            if not self._board.worker(index).beaten_at:
                continue  # it is still starting
            if problem := hello.problem(reporting.probe_path(self._rundir, index)):
                self._failures[sender] += 1
                log.warning("worker not heard", extra={"worker": index, "error": problem})
            else:
                del self._failures[sender]

    def _workers(self) -> list[Sender]:
        slots = enumerate(self._board.workers)
        return [Sender(f"worker-{index}", slot.pid) for index, slot in slots]

    def _run(self) -> None:
        while True:
            time.sleep(self.pause())
            try:
                self.round()
            except OSError as error:  # no file can be opened, mostly; the next round may do
                log.warning("workers cannot be asked", extra={"error": str(error)})
