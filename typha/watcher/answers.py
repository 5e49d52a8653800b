"""Answers to workers: snapshots, built at most once a second, and what changed since a number."""

import logging
import time
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Final

from typha.bus.wire import (
    Answer,
    Changes,
    ChangesWanted,
    HistoryLost,
    Question,
    SnapshotReady,
    SnapshotWanted,
)
from typha.journal import rendering, snapshot
from typha.journal.store import Backlog, HistoryLostError
from typha.syncproto import frames
from typha.syncproto.frames import LARGEST_BATCH, Frame, Topic
from typha.syncproto.messages import Codec, SyncerType
from typha.watcher.pipeline import Pipeline
from typha.watcher.stream import Stream

log = logging.getLogger(__name__)

YOUNG_SECONDS: Final = 1.0  # a snapshot is used that long whatever has changed since
REMEMBERED_BYTES: Final = 8 << 20  # of answers: workers ask alike, for clients that came together
UNFOLLOWED_SECONDS: Final = 60.0  # that a snapshot is kept though no worker follows its topic
TAIL_SHARE: Final = 0.25  # changes since, in shares of its keys, up to which an older one is used


class Answers:
    """The snapshots there are, and the way to anything else."""

    def __init__(
        self,
        pipeline: Pipeline,
        directory: Path,
        streamed_batch: int,
        largest_answer: int = LARGEST_BATCH,
    ) -> None:
        """Remove what a former watcher left; plain snapshots go in batches of `streamed_batch`.

        An answer tells of at most `largest_answer` keys, and says whether there are more.
        """
        self._pipeline = pipeline
        self._directory = directory
        self._streamed_batch = streamed_batch
        self._largest_answer = largest_answer
        self._ready: dict[Topic, tuple[float, SnapshotReady]] = {}
        self._used_at: dict[Topic, float] = {}
        self._told: dict[tuple[bytes, int], Changes] = {}  # to which topic, since when
        self._told_bytes = 0
        self._backlogs: dict[SyncerType, Backlog] = {}
        self.unwritten: SnapshotWanted | None = None  # for want of room, say
        self.generated: Counter[SyncerType] = Counter()
        self.reused: Counter[SyncerType] = Counter()
        self.sizes: dict[Topic, tuple[int, int]] = {}  # before and after compression
        for left in directory.glob("snapshot-*"):
            left.unlink(missing_ok=True)

    def answer(self, question: Question) -> Answer:
        """Answer a worker; whatever waits has to have been published before.

        Raises OSError when a snapshot cannot be written.
        """
        topic = Topic.from_bytes(question.topic)
        stream = self._pipeline.streams[topic.syncer]
        if isinstance(question, SnapshotWanted):
            self.unwritten = question
            ready = self._snapshot(topic, stream)
            self.unwritten = None
            return ready._replace(token=question.token, published=stream.published)
        return self._changes(topic, stream, question)

    def try_again(self) -> None:
        """Write the snapshot that could not be written, for those to come.  Raises OSError."""
        if self.unwritten is not None:
            self.answer(self.unwritten)

    def forget(self) -> None:
        """Let go of answers that were kept for whoever asks the same within a moment."""
        self._told.clear()
        self._told_bytes = 0
        self._backlogs.clear()

    def sweep(self, followed: Collection[bytes], now: float) -> None:
        """Remove snapshots of topics without followers: they take memory, and may never be of use.

        Clients of an old release, say, are many until all nodes are updated, and then none.
        """
        for topic, (_, ready) in list(self._ready.items()):
            if ready.topic in followed:
                self._used_at[topic] = now
            elif now - self._used_at[topic] > UNFOLLOWED_SECONDS:
                Path(ready.path).unlink(missing_ok=True)
                del self._ready[topic]

    def _snapshot(self, topic: Topic, stream: Stream) -> SnapshotReady:
        now = self._used_at[topic] = time.monotonic()
        known = self._ready.get(topic)
        if known is not None and self._is_good(known, stream, now):
            self.reused[topic.syncer] += 1
            return known[1]
        name = topic.to_bytes().decode().strip("|").replace("/", "-")
        path = self._directory / f"snapshot-{name}-{stream.published}"
        batch = LARGEST_BATCH if topic.codec is Codec.SNAPPY else self._streamed_batch
        written = snapshot.write(path, stream.store, topic, batch)
        self.generated[topic.syncer] += 1
        self.sizes[topic] = (written.raw_size, written.size)
        ready = SnapshotReady(
            topic.to_bytes(),
            0,
            self._pipeline.epoch,
            stream.published,
            stream.published,
            stream.status,
            written.keys,
            str(path),
            written.size,
        )
        if known is not None and known[1].path != ready.path:
            Path(known[1].path).unlink(missing_ok=True)  # who has it mapped keeps it
        self._ready[topic] = (time.monotonic(), ready)
        return ready

    def _is_good(self, known: tuple[float, SnapshotReady], stream: Stream, now: float) -> bool:
        built_at, ready = known
        tail = stream.published - ready.sequence
        is_young = now - built_at < YOUNG_SECONDS
        return (
            ready.sequence >= stream.store.horizon
            and (is_young or tail <= ready.keys * TAIL_SHARE)
            and Path(ready.path).exists()  # nobody has swept the folder
        )

    def _changes(self, topic: Topic, stream: Stream, question: ChangesWanted) -> Answer:
        if question.epoch != self._pipeline.epoch:
            return HistoryLost(question.topic, question.token)
        asked = (question.topic, question.since)
        known = self._told.get(asked)
        if known is not None and (known.more or known.frame.last == stream.published):
            return known._replace(token=question.token)
        try:
            backlog = self._backlog(stream, question.since)
        except HistoryLostError:
            return HistoryLost(question.topic, question.token)
        told, last = backlog.piece(question.since, self._largest_answer)
        keyed = ((key, element) for _, key, element in told)
        elements = [element for _, element in rendering.rendered(keyed, topic.dialect)]
        more = last < stream.published
        status = None if more else stream.status
        payload = frames.deltas(elements, status, topic.codec)
        frame = Frame(
            self._pipeline.epoch,
            question.since + 1,
            last,
            len(elements),
            0.0,
            stream.status,
            payload,
        )
        return self._remember(asked, Changes(question.topic, question.token, more, frame))

    def _backlog(self, stream: Stream, since: int) -> Backlog:
        """Find what a stream has published since; raises HistoryLostError."""
        known = self._backlogs.get(stream.syncer)
        if known is not None and known.covers(since):
            return known
        found = Backlog(stream.store, since)
        if len(found) > self._largest_answer:  # there will be more questions
            self._backlogs[stream.syncer] = found
        return found

    def _remember(self, asked: tuple[bytes, int], told: Changes) -> Changes:
        self._told_bytes += len(told.frame.payload)
        if self._told_bytes > REMEMBERED_BYTES:
            self._told.clear()
            self._told_bytes = len(told.frame.payload)
        self._told[asked] = told
        return told
