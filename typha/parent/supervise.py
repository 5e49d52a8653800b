"""The parent's loop: from the first fork to the exit code.

One thread, for ever, that imports nothing heavy: children are forked from it at any time.  Signal
handlers only write to a pipe; the loop acts.
"""

import logging
import os
import random
import selectors
import signal
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from typha.parent import children, draining, listening, tree
from typha.scoreboard import Phase, Scoreboard

TURN_SECONDS: Final = 1.0  # between two looks at the scoreboard; signals come at once
HASTY_TURN_SECONDS: Final = 0.05  # while something is about to happen
STOP_SECONDS: Final = 5.0  # for children to end by themselves
SHELL_SIGNAL_BASE: Final = 128  # a shell reports 128 + number for who ended by a signal

_SIGNALS: Final = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGCHLD,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Times in seconds."""

    shutdown: float = 300.0  # ShutdownTimeoutSecs
    shutdown_interval: float = 1.0  # ShutdownConnectionDropIntervalMaxSecs
    closing: float = 5.0  # for workers to close the last ones
    patience: tree.Patience = field(default_factory=tree.Patience)


class Supervisor:
    """A server's life: starting, serving, draining, stopped."""

    def __init__(
        self,
        posts: Sequence[children.Post],
        board: Scoreboard,
        listener: socket.socket,
        *,
        hooks: children.Hooks,
        limits: Limits,
    ) -> None:
        """Take the posts in the order in which to fill them; nothing is started yet."""
        self._tree = tree.ProcessTree(posts, board, hooks, limits.patience)
        self._board = board
        self._listener = listener
        self._hooks = hooks
        self._limits = limits
        self._drain: draining.Drain | None = None
        self._closing_until = 0.0
        self._code: int | None = None

    def run(self) -> int:
        """Serve until told to end, or until it makes no sense to go on; return the exit code."""
        inbox, outbox = socket.socketpair()
        inbox.settimeout(0)
        outbox.settimeout(0)
        for number in _SIGNALS:
            signal.signal(number, _recorded)
        signal.set_wakeup_fd(outbox.fileno(), warn_on_full_buffer=False)
        self._board.server.parent_pid = os.getpid()
        self._board.server.started_at = time.monotonic()
        try:
            with selectors.DefaultSelector() as waiting:
                waiting.register(inbox, selectors.EVENT_READ)
                while self._code is None:
                    self._turn(time.monotonic())
                    waiting.select(self._pause(time.monotonic()))
                    self._heed(_received(inbox))
        finally:
            self._end()
            signal.set_wakeup_fd(-1)
            inbox.close()
            outbox.close()
        return self._code

    def _turn(self, now: float) -> None:
        server = self._board.server
        server.parent_heartbeat = now
        if self._tree.turn(now):
            self._code = 1
        elif server.phase is Phase.STARTING and server.listen_allowed:
            self._open()
        elif self._drain:
            self._shed(self._drain, now)

    def _pause(self, now: float) -> float:
        """Return how long nothing needs to be done, signals apart."""
        if self._code is not None:
            return 0.0
        pause = min(TURN_SECONDS, self._tree.due_in(now))
        if self._drain and not self._drain.is_over():
            return min(pause, self._drain.due_in(now))
        if self._board.server.phase is Phase.SERVING:
            return pause
        return min(pause, HASTY_TURN_SECONDS)

    def _heed(self, numbers: bytes) -> None:
        """Act on the signals that came, in their order."""
        for number in numbers:
            match number:
                case signal.SIGTERM:
                    self._shut_down(time.monotonic())
                case signal.SIGINT | signal.SIGQUIT:
                    log.warning("stopping at once", extra={"signal": signal.Signals(number).name})
                    self._code = SHELL_SIGNAL_BASE + number
                case signal.SIGHUP:
                    log.info("reloading")
                    self._board.server.reloads += 1
                    self._tree.forward(signal.SIGHUP)
                    self._hooks.reload("parent")
                case signal.SIGUSR1:
                    self._tree.forward(signal.SIGUSR1)
                    self._hooks.dump("parent")
                case _:
                    pass  # SIGCHLD: the next turn reaps

    def _open(self) -> None:
        """Let clients in."""
        try:
            listening.open_(self._listener)
        except listening.ListenError as error:
            log.critical("cannot listen", extra={"error": str(error)})
            self._code = 1
            return
        self._board.server.phase = Phase.SERVING
        host, port = self._listener.getsockname()[:2]
        log.info("listening", extra={"host": host, "port": port})

    def _shut_down(self, now: float) -> None:
        """Begin the graceful end; asked again, or with nobody to care for, end at once."""
        server = self._board.server
        if self._drain or server.phase is Phase.STARTING:
            log.info("stopping at once", extra={"signal": "SIGTERM"})
            self._code = 0
            return
        server.drain_total = self._board.connections()
        server.phase = Phase.DRAINING  # readiness goes off with it
        listening.close(self._listener)
        self._drain = draining.Drain(
            server.drain_total,
            timeout=self._limits.shutdown,
            longest_interval=self._limits.shutdown_interval,
            now=now,
        )
        log.info("shutting down", extra={"connections": server.drain_total})

    def _shed(self, drain: draining.Drain, now: float) -> None:
        """Ask the workers to close what is due, and stop when nothing is left."""
        workers = [slot for slot in self._board.workers if slot.pid]
        active = self._board.connections()
        if drain.is_over():
            if active == 0 or now >= self._closing_until:
                log.info("server has shut down", extra={"left": active})
                self._code = 0
            return
        closing = drain.take(now, active, random.random())  # noqa: S311 jitter is no secret
        if drain.is_over():
            self._closing_until = now + self._limits.closing
            for slot in workers:
                slot.drains_asked = slot.drains_done + slot.active
            return
        held = [max(0, slot.active - slot.drains_wanted()) for slot in workers]
        for slot, count in zip(workers, draining.share(closing, held), strict=True):
            slot.drains_asked += count

    def _end(self) -> None:
        """Take the whole tree down, patiently only after a drain that ran its course."""
        self._board.server.phase = Phase.STOPPED
        drained = self._code == 0 and self._drain is not None and self._drain.is_over()
        self._tree.end(STOP_SECONDS if drained else 0.0)
        self._listener.close()


def _recorded(_number: int, _frame: object) -> None:
    """Do nothing: the wake-up pipe has the number already."""


def _received(inbox: socket.socket) -> bytes:
    """Return the numbers of the signals that came since the last call."""
    try:
        return inbox.recv(4096)
    except BlockingIOError:
        return b""
