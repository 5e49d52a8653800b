"""Whether snapshots can be written: without one, nobody new can be served, and others should be.

It shows in readiness.  Knows no clock: the watcher passes now in.
"""

import errno
import logging
from typing import Final

from typha.scoreboard import Watcher
from typha.telemetry.obstacles import Obstacles
from typha.watcher.answers import Answers

RETRY_SECONDS: Final = 10.0  # whoever wanted one may have gone to another server

log = logging.getLogger(__name__)


class Room:
    """What became of the last attempt."""

    def __init__(self, answers: Answers, slot: Watcher) -> None:
        """Take whose attempts these are, and where to show what comes of them."""
        self._answers = answers
        self._slot = slot
        self._obstacles = Obstacles()
        self._retry_at = 0.0

    def failed(self, error: OSError, now: float) -> None:
        """Note that a snapshot could not be written; the worker asks again."""
        code = error.errno or errno.EIO
        if self._obstacles.is_to_be_said(code, now):
            log.error("no snapshot can be written to RunDir", extra={"error": error.strerror})
        self._slot.snapshot_errno = code
        self._retry_at = now + RETRY_SECONDS

    def turn(self, now: float) -> None:
        """Try again where nobody else does, and note if it works again."""
        if not self._slot.snapshot_errno:
            return
        if now >= self._retry_at:
            try:
                self._answers.try_again()
            except OSError as error:
                self.failed(error, now)
        if self._answers.unwritten is None:
            log.info("snapshots can be written again")
            self._obstacles.clear()
            self._slot.snapshot_errno = 0
