"""Whether snapshots can be written: without one, nobody new can be served, and others should be.

It shows in readiness.  Knows no clock: the watcher passes now in.
"""

import errno
import logging
import math
from typing import Final

from typha.scoreboard import Watcher
from typha.watcher.answers import Answers

RETRY_SECONDS: Final = 10.0  # whoever wanted one may have gone to another server
REMIND_SECONDS: Final = 60.0  # between two lines on the same obstacle

log = logging.getLogger(__name__)


class Room:
    """What became of the last attempt."""

    def __init__(self, answers: Answers, slot: Watcher) -> None:
        """Take whose attempts these are, and where to show what comes of them."""
        self._answers = answers
        self._slot = slot
        self._retry_at = self._remind_at = -math.inf

    def failed(self, error: OSError, now: float) -> None:
        """Note that a snapshot could not be written; the worker asks again."""
        code = error.errno or errno.EIO
        if code != self._slot.snapshot_errno or now >= self._remind_at:
            self._remind_at = now + REMIND_SECONDS
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
            self._slot.snapshot_errno = 0
