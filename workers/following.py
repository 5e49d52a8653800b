"""One topic, and the connections of this worker that follow it.  Knows no bus and no clock."""

from typing import Final

from typha.syncproto.frames import Topic
from workers.behind import Behind
from workers.connection import Connection
from workers.replica import Replica

NO_SNAPSHOT_SECONDS: Final = 60.0  # then whoever waits for one may go where there is one


class Following:
    """A topic with those who follow it."""

    def __init__(self, topic: Topic, window_bytes: int) -> None:
        """Begin with nobody."""
        self.replica = Replica(topic, window_bytes)
        self.members: dict[int, Connection] = {}  # told everything that comes
        self.waiting: list[Connection] = []  # for a snapshot
        self.behind = Behind()
        self.users = 0  # connections in any state
        self.asked_snapshot_at = 0.0
        self.asked_changes_at = 0.0
        self.empty_since = 0.0

    def late(self, now: float) -> list[Connection]:
        """Give those for whom no snapshot has been made in time."""
        return [c for c in self.waiting if now - c.snapshot_began > NO_SNAPSHOT_SECONDS]
