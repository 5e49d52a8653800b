"""What happens by the clock: pings, and the ends of those who are too late.

The ping interval is a wheel of buckets: each tick visits one, so that connections are pinged
evenly over the interval and nothing is spent on timers.  Moments come in as arguments.

A tick that comes late tells that this process stood still: it was stopped, its container frozen,
or its machine.  It could hear nobody meanwhile, so that time is in nobody's account.
"""

import random
from collections import Counter
from itertools import chain
from typing import Final

from typha.config.settings import ServerSettings
from typha.syncproto import frames, schema, snappy
from typha.syncproto.messages import Codec, SyncerType
from typha.telemetry.closing import CloseReason
from workers.connection import Connection, Stage
from workers.patience import STALLED_SECONDS, Patience

BUCKETS: Final = 20  # so an interval of 10 s gives two visits a second
PAUSE_SECONDS: Final = 1.0  # that a tick is late; a turn with much to do takes less
REMEMBERED_TICKS: Final = 1000  # some minutes of pings, for the pongs of those who sleep
JITTER: Final = BUCKETS // 10  # up to a tenth of the interval, as the reference has it


class Rounds:
    """The wheel of the connections that are pinged, and all those who are late."""

    def __init__(self, settings: ServerSettings, now: float) -> None:
        """Start with an empty wheel."""
        self._patience = Patience(settings)
        self.tick_seconds = settings.ping_interval / BUCKETS
        self._buckets: list[dict[int, Connection]] = [{} for _ in range(BUCKETS + JITTER)]
        self._bucket_of: dict[int, dict[int, Connection]] = {}
        self._at = 0
        self.next_at = now + self.tick_seconds
        self.young: dict[int, Connection] = {}  # each has a deadline
        self.finishing: dict[int, Connection] = {}  # have yet to acknowledge their snapshot
        self.blocked: dict[int, Connection] = {}  # the client has to read first
        self._stalled: list[Connection] = []
        self._pinged: dict[int, float] = {}  # by what pings say, when they left by our own clock
        self.grace_used: Counter[SyncerType] = Counter()

    def start(self, connection: Connection, now: float) -> None:
        """Ping a connection from now on, the first time after a full interval."""
        self.forget(connection)
        connection.deadline = None
        connection.last_pong = now
        connection.window = connection.look().window
        self._put_off(connection)

    def finish(self, connection: Connection, now: float) -> None:
        """Wait for the acknowledgement of a snapshot for as long as some of it still arrives."""
        connection.last_progress = now
        self.finishing[connection.number] = connection

    def wait_for(self, connection: Connection, now: float) -> None:
        """Note that a client has no room."""
        if connection.number not in self.blocked:
            connection.last_progress = now
            self.blocked[connection.number] = connection

    def got_through(self, connection: Connection, now: float) -> None:
        """Note that a client has room again."""
        if self.blocked.pop(connection.number, None) is not None:
            connection.last_progress = now
            connection.is_in_grace = False

    def forget(self, connection: Connection) -> None:
        """Leave a connection alone."""
        self.young.pop(connection.number, None)
        self.finishing.pop(connection.number, None)
        self.blocked.pop(connection.number, None)
        bucket = self._bucket_of.pop(connection.number, None)
        if bucket is not None:
            bucket.pop(connection.number, None)

    def turn(self, now: float, unix_nanoseconds: int) -> list[Connection]:
        """Do what is due: give those that have more to be written, or have come to an end."""
        concerned: list[Connection] = []
        late = now - self.next_at
        if late > PAUSE_SECONDS:
            self._forgive(late, now)
        if late >= 0:
            # One tick a turn: after a pause of the whole process nobody is pinged twice at once.
            self.next_at = max(self.next_at, now - self.tick_seconds) + self.tick_seconds
            concerned += self._tick(now, unix_nanoseconds)
        return concerned

    def round_trip(self, unix_nanoseconds: int, now: float) -> float | None:
        """Tell the seconds since the ping that a pong answers; None if we sent none like that."""
        pinged = self._pinged.get(unix_nanoseconds)
        return None if pinged is None else now - pinged

    def take_stalled(self) -> list[Connection]:
        """Give, once, those who were found to take nothing of their snapshots."""
        stalled, self._stalled = self._stalled, []
        return stalled

    def _tick(self, now: float, unix_nanoseconds: int) -> list[Connection]:
        self._at = (self._at + 1) % len(self._buckets)
        due, self._buckets[self._at] = self._buckets[self._at], {}
        concerned = self._end_late(now)
        self._pinged[unix_nanoseconds] = now
        if len(self._pinged) > REMEMBERED_TICKS:
            del self._pinged[next(iter(self._pinged))]
        plain = schema.ping(unix_nanoseconds)
        packed = snappy.compress(plain)
        for connection in due.values():
            self._put_off(connection)
            if not self._ping(connection, plain, packed, now):
                concerned.append(connection)
        halfway = self._buckets[(self._at + BUCKETS // 2) % len(self._buckets)].values()
        concerned += [c for c in halfway if _ended(c, self._patience.with_silent(c, now))]
        return concerned

    def _forgive(self, pause: float, now: float) -> None:
        """Have nobody pay for a pause of this process."""
        for connection in chain(self.young.values(), *(b.values() for b in self._buckets)):
            connection.forgive(pause, now)

    def _put_off(self, connection: Connection) -> None:
        late = int(random.random() * (JITTER + 1))  # noqa: S311 - spreads load, guards nothing
        bucket = self._buckets[(self._at + BUCKETS + late) % len(self._buckets)]
        bucket[connection.number] = connection
        self._bucket_of[connection.number] = bucket

    def _end_late(self, now: float) -> list[Connection]:
        """End who is too late; note, on the way, who takes nothing of its snapshot."""
        patience = self._patience
        young, finishing, blocked = self.young, self.finishing, self.blocked
        ended = [c for c in young.values() if _ended(c, patience.with_late(c, now))]
        for connection in (*finishing.values(), *blocked.values()):
            if not connection.has_moved(now):
                self._note_stall(connection, now)
        ended += [c for c in finishing.values() if _ended(c, patience.with_finishing(c, now))]
        ended += [c for c in blocked.values() if _ended(c, patience.with_blocked(c, now))]
        for connection in blocked.values():
            if not connection.is_in_grace and patience.is_graced(connection, now):
                connection.is_in_grace = True
                assert connection.replica is not None
                self.grace_used[connection.replica.topic.syncer] += 1
        return ended

    def _note_stall(self, connection: Connection, now: float) -> None:
        is_loading = connection.state is Stage.SNAPSHOT
        if is_loading and now - connection.last_progress > STALLED_SECONDS:
            self._stalled.append(connection)

    def _ping(self, connection: Connection, plain: bytes, packed: bytes, now: float) -> bool:
        """Ping one that may be pinged; tells whether there is nothing left to do about it.

        Who has not taken everything is tried again: a poll does not tell of a socket that would
        take more as long as a part of what it has was not sent.
        """
        if _ended(connection, self._patience.with_silent(connection, now)):
            return False
        if connection.unsent is not None or connection.state is Stage.SNAPSHOT:
            return False  # it has yet to read what came before, or nothing may come between
        assert connection.hello is not None
        codec = connection.hello.codec
        connection.session.ping_sent()
        ping = packed if codec is Codec.SNAPPY else plain
        if connection.state is Stage.WAITING and not connection.is_opened:
            connection.add(frames.opening(codec))
            connection.is_opened = True
        if connection.is_empty and not connection.is_watching_writes:
            return connection.hand_over(ping)
        connection.add(ping)
        return False


def _ended(connection: Connection, reason: CloseReason | None) -> bool:
    if reason is None:
        return False
    connection.end(reason)
    return True
