"""The watcher's end of the bus: publishes frames, hears who subscribes, answers questions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import zmq

from typha.bus import wire
from typha.bus.wire import Answer, Parts, Question

FRAMES: Final = "frames"  # names of the sockets in the run directory
QUESTIONS: Final = "questions"
FRAMES_WAITING: Final = 1000  # for each worker; beyond that it misses some and catches up
SUBSCRIBE: Final = b"\x01"
POLLIN: Final = int(zmq.POLLIN)  # the library's flag makes an object of every `&`


class Publisher:
    """Both sockets; used by one thread."""

    def __init__(self, run_directory: Path) -> None:
        """Bind; a former watcher's sockets are replaced and its workers find these."""
        self._context = zmq.Context()
        self._frames = self._context.socket(zmq.XPUB)
        self._frames.sndhwm = FRAMES_WAITING
        self._frames.linger = 0
        self._frames.bind(f"ipc://{run_directory / FRAMES}")
        self._questions = self._context.socket(zmq.ROUTER)
        self._questions.linger = 0
        self._questions.bind(f"ipc://{run_directory / QUESTIONS}")
        self.subscriptions: set[bytes] = set()

    @property
    def sockets(self) -> tuple["zmq.Socket[bytes]", "zmq.Socket[bytes]"]:
        """Give what there is to poll for reading."""
        return self._frames, self._questions

    def publish(self, parts: Parts) -> None:
        """Send to whoever subscribes; a worker whose queue is full misses it."""
        self._frames.send_multipart(parts, copy=False)

    def hear_subscriptions(self) -> list[bytes]:
        """Note who subscribes to what; give the topics that are new."""
        fresh = []
        for parts in arrived(self._frames):
            topic = parts[0][1:]
            if parts[0][:1] == SUBSCRIBE:
                self.subscriptions.add(topic)
                fresh.append(topic)
            else:
                self.subscriptions.discard(topic)
        return fresh

    def questions(self) -> Iterator[tuple[bytes, Question]]:
        """Give the questions that have come, with whom to answer; raises WireError."""
        for worker, *parts in arrived(self._questions):
            yield worker, wire.decode_question(parts)

    def answer(self, worker: bytes, answer: Answer) -> None:
        """Send an answer; one to a worker that is gone is dropped."""
        self._questions.send_multipart([worker, *wire.encode_answer(answer)], copy=False)

    def close(self) -> None:
        """Close both sockets at once."""
        self._context.destroy(linger=0)


def arrived(socket: "zmq.Socket[bytes]") -> Iterator[Parts]:
    """Give what has come, until nothing is left: the descriptors are edge-triggered."""
    while int(socket.getsockopt(zmq.EVENTS)) & POLLIN:
        yield socket.recv_multipart(zmq.NOBLOCK)
