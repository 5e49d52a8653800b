"""The way of a process's figures to ops, and of ops' questions to the process.

A DEALER to a ROUTER in the run directory.  Nothing here blocks: while ops is away, figures are
dropped (the next ones hold all that these held) and answers are lost (who asked asks again).
"""

import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import zmq

from typha.telemetry import logs, memory
from typha.telemetry.figures import Figures

SOCKET_NAME: Final = "figures"
QUIET_PUSHES: Final = 5  # of which one is sent while there is no news
PENDING: Final = 16  # messages kept for an ops process that reads slowly
RECONNECT_MILLIS: Final = 100
RECONNECT_MOST_MILLIS: Final = 1000

FIGURES: Final = b"figures"
ANSWER: Final = b"answer"
ASK: Final = b"ask"


def address(rundir: Path) -> str:
    """Return where ops listens."""
    return f"ipc://{rundir / SOCKET_NAME}"


def probe_path(rundir: Path, worker: int) -> Path:
    """Return where a worker answers the hellos of ops."""
    return rundir / f"probe-{worker}"


class Reporter:
    """One process's end.

    `socket` may be polled by zmq.  `descriptor` is for other pollers and edge-triggered: call
    `questions` after each `push` that was tried as well.
    """

    def __init__(self, rundir: Path, name: str, pid: int) -> None:
        """Connect as the process with this name; the pid tells it from its predecessors."""
        self._context = zmq.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.IDENTITY, f"{name}/{pid}".encode())
        self.socket.setsockopt(zmq.IMMEDIATE, 1)  # without ops, refuse instead of queueing
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, PENDING)
        self.socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MILLIS)
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MOST_MILLIS)
        self.socket.connect(address(rundir))
        self.descriptor = int(self.socket.fd)
        self._told = b""  # the news that ops was sent last
        self._quiet = 0  # pushes since then

    def push(self, figures: Figures) -> bool:
        """Send the figures, log lines lost among them; about once a second.

        While there is no news in them, every fifth time will do.  Tells whether it was tried.
        """
        figures.set_counter("typha_log_errors", "", logs.errors())
        news = figures.news()
        self._quiet += 1
        if news == self._told and self._quiet < QUIET_PUSHES:
            return False
        if self._send([FIGURES, figures.to_bytes()]):
            self._told, self._quiet = news, 0
        return True

    def questions(self) -> Iterator[tuple[bytes, str]]:
        """Give the questions that have come: a token for the answer, and what is asked.

        Those that every process can answer alike (`stacks`, `memory`) are answered here.
        """
        for _kind, token, name in self._arrived():
            match name.decode():
                case "stacks":
                    self.answer(token, stacks().encode())
                case "memory":
                    self.answer(token, memory.report().encode())
                case other:
                    yield token, other

    def answer(self, token: bytes, payload: bytes) -> None:
        """Answer the question with this token."""
        self._send([ANSWER, token, payload])

    def close(self) -> None:
        """Take the socket down."""
        self._context.destroy(linger=0)

    def _send(self, parts: list[bytes]) -> bool:
        try:
            self.socket.send_multipart(parts, zmq.NOBLOCK)
        except zmq.Again:  # ops is away or slow: the module's first lines
            return False
        return True

    def _arrived(self) -> Iterator[list[bytes]]:
        while True:
            try:
                yield self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return


def stacks() -> str:
    """Return what every thread of this process is doing."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    parts = []
    for ident, frame in sys._current_frames().items():  # noqa: SLF001 the documented way
        parts.append(f"thread {names.get(ident, ident)}\n")
        parts += traceback.format_stack(frame)
    return "".join(parts)
