"""Batches as frames for those topics that somebody follows: encoded and compressed once each."""

from collections.abc import Iterator
from typing import Final

from typha.bus import wire
from typha.bus.publisher import Publisher
from typha.journal import rendering
from typha.syncproto import frames
from typha.syncproto.frames import Frame, Topic
from typha.syncproto.messages import SyncerType
from typha.watcher.stream import Batch, Stream

REPEATS: Final = 5  # of a tick that says nothing new, until every fifth one will do


class Broadcast:
    """Publishes batches of all syncers."""

    def __init__(self, publisher: Publisher, epoch: int, largest_batch: int) -> None:
        """Take the bus; a frame holds at most `largest_batch` KVs."""
        self._publisher = publisher
        self._epoch = epoch
        self._largest_batch = largest_batch
        self._topics: dict[SyncerType, list[Topic]] = {syncer: [] for syncer in SyncerType}
        self.frames = 0
        self._told: dict[str, int] = {}  # with the last tick
        self._repeats = 0  # of it

    def hear_subscriptions(self) -> None:
        """Note which topics are followed now."""
        self._repeats = 0
        self._publisher.hear_subscriptions()
        topics = {syncer: list[Topic]() for syncer in SyncerType}
        for name in self._publisher.subscriptions - {wire.TICK}:
            topic = Topic.from_bytes(name)
            topics[topic.syncer].append(topic)
        self._topics = topics

    def publish(self, stream: Stream, batch: Batch) -> None:
        """Send a batch to everybody who follows one of its topics."""
        for topic in self._topics[stream.syncer]:
            name = topic.to_bytes()
            for frame in self._frames_of(batch, stream, topic):
                self._publisher.publish(wire.encode_frame(name, frame))
                self.frames += 1

    def tick(self, published: dict[str, int]) -> None:
        """Say up to where everybody should have come; to be called about once a second.

        Where nothing is published all have come there, unless the bus has dropped even ticks.
        """
        self._repeats = self._repeats + 1 if published == self._told else 0
        self._told = published
        if self._repeats > REPEATS and self._repeats % REPEATS:
            return
        self._publisher.publish(wire.encode_tick(wire.Tick(self._epoch, published)))

    def _frames_of(self, batch: Batch, stream: Stream, topic: Topic) -> Iterator[Frame]:
        """Cut a batch into frames; each delta has a sequence number, and so has a status."""
        size = self._largest_batch
        starts = range(0, len(batch.deltas), size) or range(1)
        for start in starts:
            part = batch.deltas[start : start + size]
            is_last = start == starts[-1]
            elements = [element for _, element in rendering.rendered(part, topic.dialect)]
            status = batch.status if is_last else None
            first = batch.first + start
            yield Frame(
                self._epoch,
                first,
                batch.last if is_last else first + len(part) - 1,
                len(elements),
                batch.born,
                stream.status,
                frames.deltas(elements, status, topic.codec),
            )
