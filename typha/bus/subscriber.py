"""A worker's end of the bus: receives frames of the topics it follows, asks the watcher."""

from collections.abc import Collection, Iterator
from pathlib import Path

import zmq

from typha.bus import publisher, wire
from typha.bus.wire import Answer, Parts, Question


class Subscriber:
    """Both sockets; used by one thread, without ever blocking it."""

    def __init__(self, run_directory: Path) -> None:
        """Connect; the watcher may come later, or be replaced."""
        self._context = zmq.Context()
        self._frames = self._context.socket(zmq.SUB)
        self._frames.rcvhwm = publisher.FRAMES_WAITING
        self._questions = self._context.socket(zmq.DEALER)
        for socket, name in self._named():
            socket.linger = 0
            socket.reconnect_ivl = 50  # milliseconds: a replaced watcher is back that soon
            socket.connect(f"ipc://{run_directory / name}")
        self._frames.subscribe(wire.TICK)
        self.descriptors = (self._frames.fileno(), self._questions.fileno())
        self.is_unread = True  # something may have come that no poll will tell of

    def _named(self) -> list[tuple["zmq.Socket[bytes]", str]]:
        return [(self._frames, publisher.FRAMES), (self._questions, publisher.QUESTIONS)]

    def has_news(self, ready: Collection[int]) -> bool:
        """Tell whether there may be something to read, given the descriptors that a poll told of.

        They are edge-triggered, and using a socket swallows the signal that something has come:
        so read until nothing is left, and look again after any use.
        """
        is_unread, self.is_unread = self.is_unread, False
        return is_unread or any(descriptor in ready for descriptor in self.descriptors)

    def follow(self, topic: bytes) -> None:
        """Receive a topic's frames from now on."""
        self._frames.subscribe(topic)
        self.is_unread = True

    def leave(self, topic: bytes) -> None:
        """Receive a topic's frames no more."""
        self._frames.unsubscribe(topic)
        self.is_unread = True

    def frames(self, most: int) -> Iterator[Parts]:
        """Give the frames and ticks that have come, but no more than so many at once."""
        for count, parts in enumerate(publisher.arrived(self._frames), 1):
            yield parts
            if count == most:
                self.is_unread = True
                return

    def answers(self) -> Iterator[Answer]:
        """Give the answers that have come; raises WireError."""
        return map(wire.decode_answer, publisher.arrived(self._questions))

    def ask(self, question: Question) -> bool:
        """Send a question; tells whether there was room for it."""
        self.is_unread = True
        try:
            self._questions.send_multipart(wire.encode_question(question), zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def close(self) -> None:
        """Close both sockets at once."""
        self._context.destroy(linger=0)
