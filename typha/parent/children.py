"""Forking a child, and what it does before and after its body.

A child starts with default signals and without the parent's wake-up pipe, dies with its parent
whatever kills that, and ends by `os._exit`, so nothing of the parent runs twice.
"""

import contextlib
import ctypes
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn

from typha.scoreboard import Phase, ProcessSlot, Scoreboard
from typha.telemetry import logs

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NAME: Final = 15
_LIBC: Final = ctypes.CDLL(None, use_errno=True)  # opened before the fork, for all children

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A place that a process has to fill for as long as the server runs."""

    name: str  # "watcher", "worker-0": in logs and in the process table
    slot: ProcessSlot
    body: Callable[[], None]  # runs in the child; returns when the server stops
    serves_clients: bool = False  # of no more use once the listener is closed


@dataclass(frozen=True, slots=True)
class Hooks:
    """What every process does when the operator asks; called with the process's name."""

    reload: Callable[[str], None]  # SIGHUP
    dump: Callable[[str], None]  # SIGUSR1


def end_with_parent(number: signal.Signals) -> None:
    """Have the kernel send this process a signal when its parent ends, whatever ends that."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def fork(post: Post, board: Scoreboard, hooks: Hooks) -> int:
    """Start the process of `post` and return its pid; in the child this never returns."""
    parent = os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            _live(post, board, hooks, parent)
        return pid
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())


def _live(post: Post, board: Scoreboard, hooks: Hooks, parent: int) -> NoReturn:
    """Run the body of `post` as a child, to the end."""
    code = 1
    try:
        post.slot.pid = os.getpid()  # before the parent comes to it: what we report is ours
        _detach(post.name, board, parent)
        _obey(post.name, hooks)
        post.body()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        log.exception("process failed", extra={"child": post.name})
    finally:
        _leave(code)


def _detach(name: str, board: Scoreboard, parent: int) -> None:
    """Give up what was the parent's, and tie this life to its."""
    end_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)  # it died before the line above took effect
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)
    # A terminal's Ctrl-C and systemd's stop reach the whole group; the parent decides for all.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def stop(_number: int, _frame: object) -> None:
        if board.server.phase is Phase.STOPPED:
            raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    _LIBC.prctl(_PR_SET_NAME, f"typha {name}".encode()[:15], 0, 0, 0)


def _obey(name: str, hooks: Hooks) -> None:
    """Serve the operator's signals on a thread of their own.

    A handler would run between two instructions of the body, perhaps while that holds the lock of
    a log queue; a thread may wait for it.
    """
    asked = {signal.SIGHUP: hooks.reload, signal.SIGUSR1: hooks.dump}
    signal.pthread_sigmask(signal.SIG_SETMASK, asked)  # threads to come inherit it

    def wait() -> None:
        while True:
            number = signal.Signals(signal.sigwait(asked))
            try:
                asked[number](name)
            except Exception:
                log.exception("request failed", extra={"child": name, "signal": number.name})

    threading.Thread(target=wait, name="signals", daemon=True).start()


def _leave(code: int) -> NoReturn:
    """End the process without running anything the parent had registered."""
    with contextlib.suppress(Exception):
        logs.close()
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
