"""Where the processes' figures arrive, and from where they are asked.

One thread owns the socket; others leave their questions in a queue and wait for the answers.
"""

import itertools
import logging
import os
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import zmq

from typha.ops.ledger import Sender
from typha.telemetry import reporting

ANSWER_SECONDS: Final = 0.8  # so that whoever asks us has an answer within a second

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of a process, as they came."""

    sender: Sender
    figures: bytes


@dataclass(slots=True)
class _Inquiry:
    """A question on its way to several processes."""

    token: bytes
    name: bytes
    missing: set[Sender]
    answers: dict[str, bytes] = field(default_factory=dict)  # by post
    complete: threading.Event = field(default_factory=threading.Event)


class Desk:
    """The ROUTER in the run directory."""

    def __init__(self, rundir: Path) -> None:
        """Bind; a predecessor's socket is replaced and the processes find this one."""
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(reporting.address(rundir))
        self._bell, self._button = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._asked: queue.SimpleQueue[_Inquiry] = queue.SimpleQueue()
        self._open: dict[bytes, _Inquiry] = {}
        self._tokens = itertools.count()
        self._poll = zmq.Poller()
        self._poll.register(self._socket, zmq.POLLIN)
        self._poll.register(self._bell, zmq.POLLIN)

    def reports(self, patience: float) -> Iterator[Report]:
        """Wait up to `patience` seconds, and give the figures that came; passes questions on."""
        self._poll.poll(int(patience * 1000))
        self._pass_questions_on()
        while True:
            try:
                sender, kind, *rest = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            if kind == reporting.FIGURES:
                yield Report(Sender.parse(sender.decode()), rest[0])
            else:
                self._note_answer(Sender.parse(sender.decode()), rest[0], rest[1])

    def ask(self, questions: Mapping[str, Iterable[Sender]]) -> dict[str, dict[str, bytes]]:
        """Ask several things from any other thread, each of the processes given for it.

        Return the answers that came in time, by question and post.
        """
        inquiries = {
            name: _Inquiry(b"%d" % next(self._tokens), name.encode(), set(senders))
            for name, senders in questions.items()
        }
        deadline = time.monotonic() + ANSWER_SECONDS
        for inquiry in inquiries.values():
            self._asked.put(inquiry)
        os.write(self._button, b"!")
        for inquiry in inquiries.values():
            if inquiry.missing:
                inquiry.complete.wait(max(0.0, deadline - time.monotonic()))
        return {name: dict(inquiry.answers) for name, inquiry in inquiries.items()}

    def close(self) -> None:
        """Take the socket down."""
        self._context.destroy(linger=0)
        os.close(self._bell)
        os.close(self._button)

    def _pass_questions_on(self) -> None:
        try:
            os.read(self._bell, 4096)
        except BlockingIOError:
            return
        while not self._asked.empty():
            inquiry = self._asked.get()
            self._open[inquiry.token] = inquiry
            for sender in inquiry.missing:
                who = sender.spell().encode()
                self._socket.send_multipart([who, reporting.ASK, inquiry.token, inquiry.name])
        for token in list(self._open)[:-64]:  # those never answered in full
            del self._open[token]

    def _note_answer(self, sender: Sender, token: bytes, payload: bytes) -> None:
        inquiry = self._open.get(token)
        if inquiry is None or sender not in inquiry.missing:
            return
        inquiry.answers[sender.name] = payload
        inquiry.missing.discard(sender)
        if not inquiry.missing:
            del self._open[token]
            inquiry.complete.set()
