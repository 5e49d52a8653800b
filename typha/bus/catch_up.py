"""Following one topic without losing anything, as a state machine.  No sockets, no clock.

Frames are numbered, so a gap shows: with the next frame, or with the tick that says where
everybody should be.  Then what changed since the last good frame is asked for; frames that come
meanwhile wait.
"""

from enum import Enum, auto
from typing import Final

from typha.syncproto.frames import Frame

WAITING_FRAMES: Final = 10_000  # beyond that they are dropped: catching up brings their content


class Verdict(Enum):
    """What to do after an input."""

    NOTHING = auto()
    ASK = auto()  # for what changed since `last`
    LOST = auto()  # another epoch: what clients know cannot be continued


class Follower:
    """Where one topic's stream is, in one worker."""

    def __init__(self, epoch: int, sequence: int) -> None:
        """Start behind a snapshot of this epoch and sequence number."""
        self.epoch = epoch
        self.last = sequence
        self.asking = False
        self.gaps = 0
        self._waiting: list[Frame] = []
        self._goal = sequence
        self._ready: list[Frame] = []

    def take_frame(self, frame: Frame) -> Verdict:
        """Take a published frame."""
        if frame.epoch != self.epoch:
            return Verdict.LOST
        if frame.last <= self.last:
            return Verdict.NOTHING
        if self.asking:
            if len(self._waiting) < WAITING_FRAMES:
                self._waiting.append(frame)
            self._goal = max(self._goal, frame.last)
            return Verdict.NOTHING
        if frame.first <= self.last + 1:
            self._accept(frame)
            return Verdict.NOTHING
        self._waiting.append(frame)
        return self._gap(frame.last)

    def take_tick(self, epoch: int, published: int) -> Verdict:
        """Learn how far the watcher has published."""
        if epoch != self.epoch:
            return Verdict.LOST
        if published > self.last and not self.asking:
            return self._gap(published)
        return Verdict.NOTHING

    def take_changes(self, frame: Frame, *, more: bool) -> Verdict:
        """Take a piece of the answer to what was asked."""
        if frame.epoch != self.epoch:
            return Verdict.LOST
        if not self.asking:  # a second answer to a question that was repeated
            return Verdict.NOTHING
        if frame.last > self.last:
            self._accept(frame)
        if more:
            return Verdict.ASK
        self.asking = False
        waiting, self._waiting = self._waiting, []
        for kept in waiting:
            verdict = self.take_frame(kept)
            if verdict is not Verdict.NOTHING:
                return verdict
        return self._gap(self._goal) if self._goal > self.last else Verdict.NOTHING

    def ready(self) -> list[Frame]:
        """Give the frames accepted since the last call, in order."""
        ready, self._ready = self._ready, []
        return ready

    def _accept(self, frame: Frame) -> None:
        self.last = frame.last
        self._ready.append(frame)

    def _gap(self, goal: int) -> Verdict:
        self.gaps += 1
        self.asking = True
        self._goal = max(self._goal, goal)
        return Verdict.ASK
