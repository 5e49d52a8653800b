"""What one connection is to be sent next, and how far it has come.  Knows no socket and no clock.

Exactly one piece of bytes is on its way at a time (`unsent`): TLS demands that what was refused
for want of room is offered again unchanged, so it stays until it is taken, and nothing overtakes.
"""

from enum import Enum, auto
from typing import Final

from workers import egress as pacing
from workers.egress import UNLIMITED, Egress
from workers.replica import Log
from workers.snapshots import Snapshot

PIECE_BYTES: Final = 64 * 1024  # of the log; measured: larger ones hold up the others


class Refill(Enum):
    """What looking for something to send came to."""

    PIECE = auto()  # `unsent` holds it
    PACED = auto()  # the rate of snapshots is used up for now
    SNAPSHOT_SENT = auto()  # its last byte has gone
    CAUGHT_UP = auto()
    BEHIND = auto()  # the log does not reach back: ask the watcher what changed
    WAITING = auto()  # for the client, or for the watcher's answer


class Outbox:
    """One connection's way through control messages, snapshot and log, in that order."""

    __slots__ = (
        "_control",
        "_egress",
        "_offset",
        "_snapshot",
        "is_catching_up",
        "owes_status",
        "position",
        "unsent",
    )

    def __init__(self) -> None:
        """Start with nothing to send."""
        self.unsent: bytes | memoryview | None = None
        self.position = -1  # sequence number of the log up to which all is sent; -1: not streaming
        self.is_catching_up = False
        self.owes_status = False  # it is to be told, behind all there is, how complete that is
        self._control: list[bytes] = []
        self._snapshot: memoryview | None = None
        self._egress = UNLIMITED
        self._offset = 0

    def add(self, message: bytes) -> None:
        """Put bytes before everything that is not on its way yet."""
        if message:
            self._control.append(message)

    def send_snapshot(
        self, snapshot: Snapshot, *, skip: int = 0, egress: Egress = UNLIMITED
    ) -> None:
        """Send a snapshot next, but for its first bytes, as fast as `egress` allows."""
        self._snapshot = snapshot.view
        self._offset = skip
        self._egress = egress

    def caught_up_to(self, position: int, payload: bytes, *, is_all: bool) -> None:
        """Take the watcher's answer: what leads up to a position; the status too if it is all."""
        self.is_catching_up = False
        self.add(payload)
        self.position = position
        self.owes_status = not is_all

    def taken(self, count: int) -> None:
        """Note that `count` bytes of `unsent` went out."""
        assert self.unsent is not None
        if count >= len(self.unsent):
            self.unsent = None
        else:
            self.unsent = memoryview(self.unsent)[count:]

    def refill(self, log: Log | None, now: float) -> Refill:
        """Find the next piece, if there is one."""
        if self._control:
            self.unsent = b"".join(self._control)
            self._control = []
            return Refill.PIECE
        if self._snapshot is not None:
            return self._next_of_snapshot()
        if log is None or self.position < 0 or self.is_catching_up:
            return Refill.WAITING
        return self._next_of_log(log, now)

    def _next_of_log(self, log: Log, now: float) -> Refill:
        piece = log.after(self.position, PIECE_BYTES, now)
        while piece and not piece.payload and piece.position < log.last:
            piece = log.after(piece.position, PIECE_BYTES, now)  # all that was left out of those
        if piece is None:
            self.is_catching_up = True
            return Refill.BEHIND
        self.position = piece.position
        due = piece.payload
        if not due and self.owes_status and piece.position == log.last:
            self.owes_status = False
            due = log.status
        if not due:
            return Refill.CAUGHT_UP
        self.unsent = due
        return Refill.PIECE

    def _next_of_snapshot(self) -> Refill:
        assert self._snapshot is not None
        piece = self._snapshot[self._offset : self._offset + pacing.PIECE_BYTES]
        if not piece:
            self._snapshot = None
            return Refill.SNAPSHOT_SENT
        if not self._egress.take(len(piece)):
            return Refill.PACED
        self._offset += len(piece)
        self.unsent = piece
        return Refill.PIECE

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing waits that is this connection's own, and must not be overtaken."""
        return self.unsent is None and not self._control

    @property
    def queued_bytes(self) -> int:
        """Count the bytes waiting that are this connection's own."""
        unsent = len(self.unsent) if self.unsent is not None else 0
        return unsent + sum(map(len, self._control))
