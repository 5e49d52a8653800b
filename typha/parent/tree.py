"""The children of a server: starts what is due, buries what ended, kills what hangs."""

import logging
import os
import signal
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

from typha.parent import children, restarts
from typha.scoreboard import Phase, Scoreboard

FORK_AGAIN_SECONDS: Final = 1.0  # when the system had no process for us
LAST_LOOK_SECONDS: Final = 0.01  # between two looks while children end

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a process may be silent, in seconds."""

    hung: float = 20.0  # without a heartbeat; the original's health time-out
    boot: float = 60.0  # until the first one: imports on a busy machine take long
    asleep: float = 3.0  # a pause of our own this long: the machine stood still, not the child


@dataclass(slots=True)
class _Child:
    """A post and the process that fills it, if one does."""

    post: children.Post
    pid: int = 0
    started: float = 0.0
    due: float | None = 0.0  # when to start it; None while it runs or when it never shall
    exits: deque[restarts.Exit] = field(default_factory=lambda: deque(maxlen=restarts.REMEMBERED))


class ProcessTree:
    """One process for every post."""

    def __init__(
        self,
        posts: Sequence[children.Post],
        board: Scoreboard,
        hooks: children.Hooks,
        patience: Patience,
    ) -> None:
        """Take the posts in the order in which to fill them; nothing is started yet."""
        self._children = [_Child(post) for post in posts]
        self._board = board
        self._hooks = hooks
        self._patience = patience
        self._turned = self._awake_since = time.monotonic()

    def turn(self, now: float) -> restarts.GiveUp | None:
        """Bring the tree into order; return why that makes no sense any more, if it does not."""
        if now - self._turned > self._patience.asleep:
            self._awake_since = now
        self._turned = now
        hopeless = self._reap(now)
        self._kill_hung(now)
        self._fill(now)
        return hopeless

    def due_in(self, now: float) -> float:
        """Return the seconds until the next start."""
        dues = [child.due for child in self._children if child.due is not None]
        return max(0.0, min(dues, default=float("inf")) - now)

    def forward(self, number: signal.Signals) -> None:
        """Send a signal to every process."""
        for child in self._children:
            if child.pid:
                os.kill(child.pid, number)

    def end(self, patience: float) -> None:
        """Leave no process behind: wait for those that saw the phase, ask the others, kill.

        Each of the two waits takes up to half of `patience`, in seconds; with none all are killed.
        """
        if patience:
            self._wait(patience / 2)
            self.forward(signal.SIGTERM)
            self._wait(patience / 2)
        self.forward(signal.SIGKILL)
        self._await_each(0)

    def _wait(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        while any(child.pid for child in self._children) and time.monotonic() < deadline:
            self._await_each(os.WNOHANG)
            time.sleep(LAST_LOOK_SECONDS)

    def _fill(self, now: float) -> None:
        for child in self._children:
            if child.due is not None and child.due <= now:
                self._start(child, now)

    def _start(self, child: _Child, now: float) -> None:
        child.started = now
        child.post.slot.reset(pid=0, now=now)
        try:
            child.pid = children.fork(child.post, self._board, self._hooks)
        except OSError as error:  # out of memory or of processes: it may pass, the others live
            child.due = now + FORK_AGAIN_SECONDS
            facts = {"child": child.post.name, "error": error.strerror}
            log.error("process cannot be started, trying again", extra=facts)  # noqa: TRY400 - the text says all
            return
        child.due = None
        child.post.slot.pid = child.pid
        log.info("process started", extra={"child": child.post.name, "pid": child.pid})

    def _reap(self, now: float) -> restarts.GiveUp | None:
        """Take note of every child that ended; as a container's init we have adopted ones too."""
        hopeless = None
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return hopeless
            if pid == 0:
                return hopeless
            for child in self._children:
                if child.pid == pid:
                    code = os.waitstatus_to_exitcode(status)
                    hopeless = self._bury(child, code, now) or hopeless

    def _bury(self, child: _Child, code: int, now: float) -> restarts.GiveUp | None:
        """Note how `child` ended, and when it comes back."""
        slot = child.post.slot
        child.pid = slot.pid = 0
        child.exits.append(restarts.Exit(code=code, lived=now - child.started, at=now))
        facts = {"child": child.post.name, "code": code, "lived": round(now - child.started, 1)}
        phase = self._board.server.phase
        if phase is Phase.DRAINING and child.post.serves_clients:
            log.info("process ended", extra=facts)  # nobody can connect to its successor
            return None
        slot.restarts += 1
        match restarts.verdict(child.exits, served=phase is not Phase.STARTING):
            case restarts.Restart():
                log.error("process ended, starting it again", extra=facts)
                child.due = now
            case restarts.BackOff(until):
                wait = round(until - now, 1)
                log.error("process ended, trying again later", extra={**facts, "wait": wait})
                child.due = until
            case restarts.GiveUp() as hopeless:
                log.critical("process ended", extra={**facts, "reason": hopeless.reason})
                return hopeless
            case verdict:
                assert_never(verdict)
        return None

    def _kill_hung(self, now: float) -> None:
        """Kill the children whose loop stands still; the next turn replaces them."""
        for child in self._children:
            slot = child.post.slot
            silent = min(slot.silent_for(now), now - self._awake_since)
            limit = self._patience.hung if slot.beaten_at else self._patience.boot
            if child.pid and silent > limit:
                facts = {"child": child.post.name, "silent": round(silent, 1)}
                log.error("process does not answer, killing it", extra=facts)
                slot.hung += 1
                slot.heartbeat(now)  # killed once is enough
                os.kill(child.pid, signal.SIGKILL)

    def _await_each(self, options: int) -> None:
        for child in self._children:
            if child.pid and os.waitpid(child.pid, options)[0]:
                child.pid = child.post.slot.pid = 0
