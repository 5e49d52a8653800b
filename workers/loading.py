"""Snapshots on their way out of this worker: whose turn it is, and how fast they leave.

Knows no socket and no clock, and of the other workers only what they show on the scoreboard.
"""

from collections.abc import Iterable
from typing import Final

from typha.config.settings import ServerSettings
from typha.scoreboard import Worker
from workers.connection import Connection, Progress
from workers.egress import Egress
from workers.turnstile import Elsewhere, Turnstile

LOOK_AGAIN_SECONDS: Final = 0.05  # while somebody waits here, and another worker may make room


class Loading:
    """The clients of this worker that want a snapshot, or are being sent one."""

    def __init__(self, settings: ServerSettings) -> None:
        """Take the limits."""
        self.egress = Egress(settings.max_egress_per_second)
        self._is_limited = self.egress.is_limited or settings.max_concurrent_snapshots > 0
        self._turnstile: Turnstile[Connection] = Turnstile(
            settings.max_concurrent_snapshots, has_rate=self.egress.is_limited
        )

    def arrive(self, connection: Connection, now: float) -> None:
        """Line up."""
        self._turnstile.arrive(connection, now)

    def leave(self, connections: Iterable[Connection]) -> None:
        """Make room: they have their snapshots, are gone, or hold up others by taking nothing."""
        for connection in connections:
            self._turnstile.leave(connection)

    def note(self, connection: Connection, progress: Progress) -> None:
        """Learn how writing a part of a snapshot went."""
        takes = progress is Progress.TURN_OVER or progress is Progress.PACED
        self._turnstile.note(connection, takes=takes)

    def turn(self, workers: Iterable[Worker], own: Worker, now: float) -> list[Connection]:
        """Say whose turn has come; `workers` are those to share the limits with."""
        if not self._is_limited:
            return self._turnstile.let_through(Elsewhere())
        others = [slot for slot in workers if slot is not own]
        loading = [slot for slot in others if slot.snapshots_sending]
        self.egress.fill(now, 1 + len(loading))
        elsewhere = Elsewhere(
            sending=sum(slot.snapshots_sending for slot in loading),
            waiting_since=min(
                (slot.waiting_since for slot in others if slot.waiting_since), default=0.0
            ),
        )
        passed = self._turnstile.let_through(elsewhere)
        own.snapshots_sending = self._turnstile.sending
        own.waiting_since = self._turnstile.waiting_since
        return passed

    def resumed(self) -> list[Connection]:
        """Give those who can be sent more, now that the rate allows it."""
        if not self.egress.is_limited or self.egress.is_empty:
            return []
        return self._turnstile.takers

    def patience(self) -> float:
        """Tell the seconds until there is something to do here again."""
        waits = [LOOK_AGAIN_SECONDS] if self._turnstile.waiting else []
        if self.egress.is_limited and self._turnstile.takers:
            waits.append(self.egress.empty_for())
        return min(waits, default=float("inf"))
