"""One client's connection: its socket, its session, and what it is being sent.

The socket never blocks.  What cannot be written stays in the outbox, unchanged, until it can.
"""

import contextlib
import logging
import socket
import ssl
import time
from enum import Enum, StrEnum, auto
from typing import Final, NamedTuple

from typha.syncproto.errors import PeerError
from typha.syncproto.events import Event, HelloAccepted
from typha.syncproto.server import ServerSession
from typha.telemetry.closing import CloseReason
from workers import peer
from workers.outbox import Outbox, Refill
from workers.peer import Peer
from workers.replica import Replica

log = logging.getLogger(__name__)

WOULD_BLOCK: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
READ_BYTES: Final = 16 * 1024  # the largest TLS record, so OpenSSL is left with none of it
READS_A_TURN: Final = 16  # clients send little
BYTES_A_TURN: Final = 256 * 1024  # written to one client before the others have their turn


class Stage(StrEnum):
    """How far a connection has come, in words for people."""

    HANDSHAKE = "handshake"
    HELLO = "hello"
    WAITING = "waiting"  # for its turn, or for the snapshot to be made
    SNAPSHOT = "snapshot"
    STREAMING = "streaming"


class Progress(Enum):
    """What writing came to."""

    DONE = auto()  # nothing left to send
    BLOCKED = auto()  # the client has to read first
    TURN_OVER = auto()  # there is more, but others come first
    PACED = auto()  # there is more, but the rate of snapshots is used up
    SNAPSHOT_SENT = auto()
    BEHIND = auto()  # what follows is not in the log


class Deadline(NamedTuple):
    """How many seconds a client has for what it has to do, and what its end is called."""

    since: float
    seconds: float
    reason: CloseReason


class Connection(Outbox):
    """A client, from its accept to its end."""

    __slots__ = (
        "accepted_at",
        "address",
        "certificate_expires",
        "certificate_name",
        "deadline",
        "descriptor",
        "detail",
        "ending",
        "hello",
        "is_in_grace",
        "is_opened",
        "is_watching_writes",
        "last_pong",
        "last_progress",
        "number",
        "peer",
        "replica",
        "round_trip",
        "send",
        "session",
        "snapshot_began",
        "socket",
        "starts_from",
        "state",
        "streaming_since",
        "tls",
        "window",
    )

    def __init__(
        self, number: int, client: socket.socket, address: str, session: ServerSession
    ) -> None:
        """Take an accepted, non-blocking socket; `number` is the connection's id."""
        super().__init__()
        self.number = number
        self.socket = client
        self.tls = client if isinstance(client, ssl.SSLSocket) else None
        self.send = client.send
        self.descriptor = client.fileno()
        self.address = address
        self.session = session
        self.replica: Replica | None = None
        self.accepted_at = time.time()  # for people; everything else is monotonic
        self.deadline: Deadline | None = None
        self.last_progress = 0.0  # it took something after it had to be waited for
        self.last_pong = 0.0
        self.peer = peer.UNKNOWN  # as last looked at
        self.window = 0  # of the peer, at its last pong
        self.round_trip = 0.0
        self.snapshot_began = 0.0
        self.starts_from = -1  # sequence number of its snapshot
        self.is_opened = False  # the snapshot's stream was opened before it, for pings
        self.streaming_since = 0.0
        self.is_in_grace = False  # it is too far behind, but new
        self.is_watching_writes = False
        self.certificate_name = ""
        self.certificate_expires = ""
        self.hello: HelloAccepted | None = None
        self.state = Stage.HANDSHAKE
        self.ending: CloseReason | None = None
        self.detail = ""

    def end(self, reason: CloseReason, detail: str = "") -> None:
        """Decide that the connection is over; the first reason stands."""
        if self.ending is None:
            self.ending = reason
            self.detail = detail

    def about(self) -> dict[str, object]:
        """Say for the log who this is, and why it ended."""
        about: dict[str, object] = {
            "reason": self.ending,
            "client": self.address,
            "connection": self.number,
        }
        if self.hello is not None:
            about |= {
                "host": self.hello.hello.hostname,
                "syncer": self.hello.syncer.value,
                "version": self.hello.hello.version,
            }
        if self.certificate_name:
            about["cn"] = self.certificate_name
        if self.detail:
            about["detail"] = self.detail
        return about

    def fail(self, bug: Exception) -> None:
        """End it for a bug of ours that shows with it: that must not cost all others theirs."""
        self.end(CloseReason.SERVER_ERROR)
        log.error("client cannot be served", exc_info=bug, extra=self.about())

    def shake_hands(self) -> bool:
        """Go on with the TLS handshake; tells whether it is complete.

        Raises ssl.SSLError or OSError when it fails.
        """
        assert self.tls is not None
        try:
            self.tls.do_handshake()
        except WOULD_BLOCK:
            return False
        return True

    def read(self) -> list[Event]:
        """Read what has come and say what it means; what is wrong ends the connection."""
        events: list[Event] = []
        try:
            for _ in range(READS_A_TURN):
                data = self.socket.recv(READ_BYTES)
                if not data:
                    self.end(self.session.end_of_input())
                    break
                found = self.session.receive(data)
                events += found
                # What means nothing by itself is a part: Go sends a message in up to four.
                if found and len(data) < READ_BYTES:
                    break
        except WOULD_BLOCK:
            pass
        except PeerError as error:
            self.end(error.reason, str(error))
        except OSError as error:
            self.end(CloseReason.CONNECTION_LOST, str(error))
        return events

    def hand_over(self, payload: bytes) -> bool:
        """Send bytes before which nothing waits; tells whether all of them are on their way.

        Whatever goes wrong ends this connection alone: many are handed the same in one go.
        """
        sent = 0
        try:
            sent = self.send(payload)
        except WOULD_BLOCK:
            pass
        except OSError as error:
            self.end(CloseReason.CONNECTION_LOST, str(error))
        except Exception as bug:  # noqa: BLE001 - it is logged
            self.fail(bug)
        if sent == len(payload):
            return True
        self.unsent = memoryview(payload)[sent:]
        return False

    def write(self, now: float) -> Progress:
        """Send what is due, as far as the client takes it and its turn lasts."""
        recent = self.replica.log if self.replica else None
        room = BYTES_A_TURN
        while room > 0:
            if self.unsent is None:
                refill = self.refill(recent, now)
                if refill is not Refill.PIECE:
                    return _WITHOUT_PIECE[refill]
            room -= self._write_unsent()
            if self.unsent is not None:
                return Progress.BLOCKED
        # Look ahead: if that was all of a snapshot, the client may say so before the next turn.
        refill = self.refill(recent, now)
        return Progress.TURN_OVER if refill is Refill.PIECE else _WITHOUT_PIECE[refill]

    def _write_unsent(self) -> int:
        """Write what is on its way; gives how much the socket took, mostly all or nothing."""
        assert self.unsent is not None
        try:
            sent = self.send(self.unsent)
        except WOULD_BLOCK:
            return 0
        except OSError as error:
            self.end(CloseReason.CONNECTION_LOST, str(error))
            return 0
        self.taken(sent)
        return sent

    def hurry(self) -> None:
        """Have small messages sent at once from now on, and what is left of a snapshot with them.

        A snapshot does better without: its TLS records would leave one by one, each with a packet
        at its end that is not full.
        """
        with contextlib.suppress(OSError):  # it is gone, as its next use will show
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def forgive(self, pause: float, now: float) -> None:
        """Leave seconds in which this process did not run out of all that is waited for."""
        self.last_pong = min(self.last_pong + pause, now)
        self.last_progress = min(self.last_progress + pause, now)
        self.streaming_since = min(self.streaming_since + pause, now)
        self.snapshot_began = min(self.snapshot_began + pause, now)
        if self.deadline is not None:
            since = min(self.deadline.since + pause, now)
            self.deadline = self.deadline._replace(since=since)

    def look(self) -> Peer:
        """Look at the other end's kernel."""
        return peer.look(self.socket)

    def has_moved(self, now: float) -> bool:
        """Tell whether the other end has taken anything, or made room, since the last look."""
        before, self.peer = self.peer, self.look()
        if self.peer[:2] == before[:2]:
            return False
        self.last_progress = now
        return True


_WITHOUT_PIECE: Final = {
    Refill.PACED: Progress.PACED,
    Refill.SNAPSHOT_SENT: Progress.SNAPSHOT_SENT,
    Refill.BEHIND: Progress.BEHIND,
    Refill.CAUGHT_UP: Progress.DONE,
    Refill.WAITING: Progress.DONE,
}
