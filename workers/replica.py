"""What a worker holds of one topic: the recent frames, the newest snapshot, and where it stands.

Frames are kept for a window of bytes, shared by all connections; a connection that falls out of it
is told what changed since, conflated, by the watcher.  Knows no sockets and no clock.
"""

from bisect import bisect_right
from collections import deque
from math import inf
from typing import Final, NamedTuple

from typha.bus.catch_up import Follower, Verdict
from typha.bus.wire import Changes, SnapshotReady
from typha.syncproto import frames
from typha.syncproto.frames import Frame, Topic
from typha.syncproto.messages import SyncStatus
from workers.snapshots import Snapshot

TRIM_AFTER: Final = 256  # frames: dropping from the front of a list costs its length
STALE_SECONDS: Final = 5.0  # of backlog that is replayed; older history is conflated instead
STALE_BYTES: Final = 256 * 1024  # of such a backlog that is replayed all the same
LISTED_SECONDS: Final = 300.0  # that a list is kept for those who were slower, once it is in
FRAME_BYTES: Final = 350  # that a frame takes beside its payload
MARK_SECONDS: Final = 5.0  # between two moments that are remembered of what is kept no more
MARKS: Final = 720  # of those: an hour


_DROPPED: Final = Frame(0, 0, 0, 0, 0.0, SyncStatus.IN_SYNC, b"")


class Piece(NamedTuple):
    """Some bytes of the log, and the position behind them."""

    payload: bytes
    position: int


class Log:
    """The recent frames of a topic, in order."""

    def __init__(self, window_bytes: int) -> None:
        """Start empty."""
        self._window_bytes = window_bytes
        self._frames: list[Frame] = []
        self._lasts: list[int] = []
        self._came_at: list[float] = []
        self._marks: deque[tuple[int, float]] = deque(maxlen=MARKS)  # last, came at
        self._start = 0
        self.size = 0
        self.last = -1  # sequence number of the newest frame, or of what it began behind
        self.status = b""  # the message that says how complete that is, once there is one

    def append(self, frame: Frame, now: float) -> None:
        """Add a frame; the oldest ones go when the window is full."""
        self.last = frame.last
        self._frames.append(frame)
        self._lasts.append(frame.last)
        self._came_at.append(now)
        self.size += len(frame.payload)
        while self._start < len(self._frames) - 1 and (
            self.size > self._window_bytes or self._begins_uselessly(now)
        ):
            self._drop_first()
        if self._start > TRIM_AFTER and self._start * 2 > len(self._frames):
            del self._frames[: self._start]
            del self._lasts[: self._start]
            del self._came_at[: self._start]
            self._start = 0

    def _begins_uselessly(self, now: float) -> bool:
        """Tell whether the first frame will not be sent any more: who needs it is told less.

        At ten small frames a second the window would else be full of such ones after half a day,
        and they weigh more than what is in them.
        """
        if self._frames[-1].status is not SyncStatus.IN_SYNC:
            return False
        is_listed = self._frames[self._start].status is not SyncStatus.IN_SYNC
        useful = LISTED_SECONDS if is_listed else STALE_SECONDS
        is_much = self.size > STALE_BYTES or len(self._frames) - self._start > TRIM_AFTER
        return is_much and now - self._came_at[self._start] >= useful

    def _drop_first(self) -> None:
        """Let go of the first frame, and note every few seconds when such a one came."""
        start = self._start
        came_at = self._came_at[start]
        if not self._marks or came_at - self._marks[-1][1] >= MARK_SECONDS:
            self._marks.append((self._lasts[start], came_at))
        self.size -= len(self._frames[start].payload)
        self._frames[start] = _DROPPED
        self._start += 1

    def after(self, position: int, most_bytes: int, now: float) -> Piece | None:
        """Give what follows a position, about `most_bytes` of it, at least one frame.

        None when the position is out of the window, or so long ago that replaying it would be
        more to send than what has become of it.  While lists come in it is not: all keys are new.
        """
        index = bisect_right(self._lasts, position, self._start)
        if index == len(self._frames):
            return Piece(b"", position) if position >= self.last else None
        if self._frames[index].first > position + 1 or self._is_stale(index, now):
            return None
        taken: list[bytes] = []
        size = 0
        for frame in self._frames[index : index + TRIM_AFTER]:
            if taken and size + len(frame.payload) > most_bytes:
                break
            taken.append(frame.payload)
            size += len(frame.payload)
            position = frame.last
        return Piece(taken[0] if len(taken) == 1 else b"".join(taken), position)

    def _is_stale(self, index: int, now: float) -> bool:
        is_listing = self._frames[index].status is not SyncStatus.IN_SYNC
        if is_listing or now - self._came_at[index] < STALE_SECONDS:
            return False
        backlog = sum(len(frame.payload) for frame in self._frames[index : index + TRIM_AFTER])
        return backlog > STALE_BYTES or len(self._frames) - index > TRIM_AFTER

    def born_at(self, position: int) -> float:
        """Tell when the first frame behind a position came in; 0 when there is none.

        Of frames that are kept no more that is known to MARK_SECONDS.
        """
        index = bisect_right(self._lasts, position, self._start)
        if index == self._start:
            behind = bisect_right(self._marks, (position, inf))
            if behind < len(self._marks):
                return self._marks[behind][1]
        return self._came_at[index] if index < len(self._frames) else 0.0


class Replica:
    """One topic in one worker."""

    def __init__(self, topic: Topic, window_bytes: int) -> None:
        """Start without anything: the first snapshot says where the stream begins."""
        self.topic = topic
        self.name = topic.to_bytes()
        self.log = Log(window_bytes)
        self.snapshot: Snapshot | None = None
        self.status = SyncStatus.WAIT_FOR_READY
        self._follower: Follower | None = None
        self._window_bytes = window_bytes
        self._early: list[Frame] = []
        self._early_bytes = 0

    @property
    def last(self) -> int:
        """Tell the sequence number up to which there is nothing missing."""
        return self._follower.last if self._follower else -1

    @property
    def epoch(self) -> int:
        """Tell the epoch that is followed."""
        return self._follower.epoch if self._follower else 0

    @property
    def gaps(self) -> int:
        """Count the gaps so far."""
        return self._follower.gaps if self._follower else 0

    @property
    def is_asking(self) -> bool:
        """Tell whether an answer about missing frames is due."""
        return self._follower is not None and self._follower.asking

    def has_fresh_snapshot(self) -> bool:
        """Tell whether the snapshot at hand is the state of now."""
        return self.snapshot is not None and self.snapshot.sequence == self.last

    def take_snapshot(self, ready: SnapshotReady) -> Verdict:
        """Take a snapshot; raises OSError when its file is gone already."""
        if self._follower is not None and ready.epoch != self._follower.epoch:
            return Verdict.LOST
        if self.snapshot is None or self.snapshot.path != ready.path:
            self.snapshot = Snapshot(ready)
        if self._follower is not None:
            return Verdict.NOTHING  # whatever is missing is on its way over the other socket
        self._follower = Follower(ready.epoch, ready.sequence)
        self.log.last = ready.sequence
        self._take_status(ready.status)
        early, self._early = self._early, []
        verdicts = [self._follower.take_frame(frame) for frame in early]
        verdicts.append(self._follower.take_tick(ready.epoch, ready.published))
        return next((v for v in verdicts if v is not Verdict.NOTHING), Verdict.NOTHING)

    def take_frame(self, frame: Frame) -> Verdict:
        """Take a frame from the bus."""
        if self._follower is None:
            self._keep_early(frame)
            return Verdict.NOTHING
        return self._follower.take_frame(frame)

    def _keep_early(self, frame: Frame) -> None:
        """Have it ready for the snapshot; while none can be written that may take for ever.

        What is let go of then shows as a gap, and is asked for.
        """
        size = len(frame.payload) + FRAME_BYTES
        self._early_bytes += size
        if self._early_bytes > self._window_bytes:
            self._early, self._early_bytes = [], size
        self._early.append(frame)

    def take_tick(self, epoch: int, published: int) -> Verdict:
        """Learn how far the watcher has come."""
        if self._follower is None:
            return Verdict.NOTHING
        return self._follower.take_tick(epoch, published)

    def take_changes(self, changes: Changes) -> Verdict:
        """Take an answer about missing frames; its status holds behind the last piece alone."""
        if self._follower is None:
            return Verdict.NOTHING
        frame = changes.frame
        if changes.more:
            frame = frame._replace(status=self.status)
        return self._follower.take_changes(frame, more=changes.more)

    def advance(self, now: float) -> list[Frame]:
        """Move what has become complete into the log; give it."""
        if self._follower is None:
            return []
        ready = self._follower.ready()
        for frame in ready:
            self.log.append(frame, now)
            self._take_status(frame.status)
        return ready

    def _take_status(self, status: SyncStatus) -> None:
        if status is not self.status:
            self.status = status
            self.log.status = frames.status_alone(status, self.topic.codec)
