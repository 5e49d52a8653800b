"""A bus that loses and delays what it is told to, in the place of ZeroMQ's sockets."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from typha.bus import wire
from typha.bus.wire import Answer, Parts, Question
from typha.syncproto.messages import SyncerType


class Asked(NamedTuple):
    """A question on its way, with who asks."""

    end: "WorkerEnd"
    parts: Parts


class Bus:
    """What is on its way between one watcher and its workers, and what outlives either."""

    def __init__(self) -> None:
        self.ends: list[WorkerEnd] = []
        self.questions: deque[Asked] = deque()
        # On the scoreboard: the numbers up to which workers may have been told.
        self.told = dict.fromkeys(SyncerType, 0)


class WorkerEnd:
    """Stands for a worker's Subscriber; frames and answers arrive when they are let through."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        bus.ends.append(self)
        self.topics = {wire.TICK}
        self.frames_coming: deque[Parts] = deque()
        self.answers_coming: deque[Parts] = deque()
        self._frames: deque[Parts] = deque()
        self._answers: deque[Parts] = deque()

    def let_through(self, frames: int, answers: int) -> None:
        """Let so many of the oldest arrive; each of the two ways keeps its order."""
        for count, coming, arrived in (
            (frames, self.frames_coming, self._frames),
            (answers, self.answers_coming, self._answers),
        ):
            for _ in range(min(count, len(coming))):
                arrived.append(coming.popleft())

    def follow(self, topic: bytes) -> None:
        """Subscribe."""
        self.topics.add(topic)

    def leave(self, topic: bytes) -> None:
        """Subscribe no more; what is on its way arrives all the same."""
        self.topics.discard(topic)

    def frames(self, most: int) -> Iterator[Parts]:
        """Give what has arrived of the frames and ticks, but no more than so many."""
        for _ in range(min(most, len(self._frames))):
            yield self._frames.popleft()

    def answers(self) -> Iterator[Answer]:
        """Give the answers that have arrived."""
        while self._answers:
            yield wire.decode_answer(self._answers.popleft())

    def ask(self, question: Question) -> bool:
        """Send a question."""
        self._bus.questions.append(Asked(self, wire.encode_question(question)))
        return True


class WatcherEnd:
    """Stands for the watcher's Publisher: subscriptions are known from when they are heard."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.subscriptions: set[bytes] = set()

    def hear_subscriptions(self) -> None:
        """Note who follows what."""
        self.subscriptions = set().union(*(end.topics for end in self._bus.ends))

    def publish(self, parts: Parts) -> None:
        """Send to whoever follows the topic."""
        for end in self._bus.ends:
            if parts[0] in end.topics:
                end.frames_coming.append([bytes(part) for part in parts])

    def answer(self, end: WorkerEnd, answer: Answer) -> None:
        """Send an answer; a worker that is gone gets none."""
        if end in self._bus.ends:
            end.answers_coming.append([bytes(part) for part in wire.encode_answer(answer)])
