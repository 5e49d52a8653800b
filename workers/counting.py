"""What a worker counts: plain numbers where it is hot, handed over once a second."""

from collections import Counter, deque
from collections.abc import Sequence

from typha.syncproto.frames import Frame
from typha.syncproto.messages import SyncerType
from typha.telemetry.closing import CloseReason


class Counts:
    """Everything since the worker's start."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.closed: Counter[CloseReason] = Counter()
        self.handshake_failures: Counter[str] = Counter()
        self.hellos: Counter[tuple[str, str]] = Counter()  # by syncer and version
        self.messages: Counter[SyncerType] = Counter()  # sent, of deltas
        self.kvs: Counter[SyncerType] = Counter()  # sent, of deltas
        self.catch_ups = 0
        self.conflated = 0
        self.fan_out_seconds = 0.0
        self.pings: deque[tuple[SyncerType, float]] = deque(maxlen=1000)
        self.snapshots: deque[tuple[SyncerType, float]] = deque(maxlen=1000)
        self.kvs_per_message: deque[tuple[SyncerType, int, int]] = deque(maxlen=1000)
        self.convergence: deque[tuple[SyncerType, float]] = deque(maxlen=1000)

    def fanned_out(
        self, syncer: SyncerType, frames: Sequence[Frame], clients: int, now: float
    ) -> None:
        """Count frames that have been handed to so many clients."""
        for frame in frames:
            self.messages[syncer] += clients
            self.kvs[syncer] += frame.kvs * clients
            self.kvs_per_message.append((syncer, frame.kvs, clients))
            if frame.born:
                self.convergence.append((syncer, now - frame.born))
