"""What happens by the clock: pings, and the ends of those who are too slow.

The ping interval is a wheel of buckets: each tick visits one, so that connections are pinged
evenly over the interval and nothing is spent on timers.  Moments come in as arguments.
"""

import random
from typing import Final

from typha.config.settings import ServerSettings
from typha.syncproto import schema, snappy
from typha.syncproto.messages import Codec
from typha.telemetry.closing import CloseReason
from workers.connection import Connection

BUCKETS: Final = 20  # so an interval of 10 s gives two visits a second
JITTER: Final = BUCKETS // 10  # up to a tenth of the interval, as the reference has it


class Rounds:
    """The wheel of the streaming connections, and the deadlines of the others."""

    def __init__(self, settings: ServerSettings, now: float) -> None:
        """Start with an empty wheel."""
        self._settings = settings
        self.tick_seconds = settings.ping_interval / BUCKETS
        self._buckets: list[dict[int, Connection]] = [{} for _ in range(BUCKETS + JITTER)]
        self._bucket_of: dict[int, dict[int, Connection]] = {}
        self._at = 0
        self.next_at = now + self.tick_seconds
        self.young: dict[int, Connection] = {}  # not streaming yet: each has a deadline
        self.blocked: dict[int, Connection] = {}  # the client has to read first

    def start(self, connection: Connection, now: float) -> None:
        """Ping a connection from now on, the first time after a full interval."""
        self.young.pop(connection.number, None)
        connection.last_pong = now
        late = random.randint(0, JITTER)  # noqa: S311 - spreads load, guards nothing
        bucket = self._buckets[(self._at + BUCKETS + late) % len(self._buckets)]
        bucket[connection.number] = connection
        self._bucket_of[connection.number] = bucket

    def forget(self, connection: Connection) -> None:
        """Leave a connection alone."""
        self.young.pop(connection.number, None)
        self.blocked.pop(connection.number, None)
        bucket = self._bucket_of.pop(connection.number, None)
        if bucket is not None:
            bucket.pop(connection.number, None)

    def turn(self, now: float, unix_nanoseconds: int) -> list[Connection]:
        """Do what is due: give those that have a ping to be written, or have come to an end."""
        concerned: list[Connection] = []
        if self.next_at <= now:
            # One tick a turn: after a pause of the whole process nobody is pinged twice at once.
            self.next_at = max(self.next_at, now - self.tick_seconds) + self.tick_seconds
            concerned += self._tick(now, unix_nanoseconds)
        return concerned

    def _tick(self, now: float, unix_nanoseconds: int) -> list[Connection]:
        self._at = (self._at + 1) % len(self._buckets)
        due, self._buckets[self._at] = self._buckets[self._at], {}
        concerned = [c for c in self.young.values() if self._is_overdue(c, now)]
        concerned += [c for c in self.blocked.values() if self._is_stuck(c, now)]
        plain = schema.ping(unix_nanoseconds)
        packed = snappy.compress(plain)
        for connection in due.values():
            self._ping(connection, plain, packed, now)
            late = random.randint(0, JITTER)  # noqa: S311 - spreads load, guards nothing
            bucket = self._buckets[(self._at + BUCKETS + late) % len(self._buckets)]
            bucket[connection.number] = connection
            self._bucket_of[connection.number] = bucket
        concerned += due.values()
        halfway = self._buckets[(self._at + BUCKETS // 2) % len(self._buckets)]
        concerned += [c for c in halfway.values() if self._is_silent(c, now)]
        return concerned

    def _ping(self, connection: Connection, plain: bytes, packed: bytes, now: float) -> None:
        if self._is_silent(connection, now) or connection.unsent is not None:
            return  # it is over, or has yet to read what came before
        assert connection.replica is not None
        codec = connection.replica.topic.codec
        connection.add(packed if codec is Codec.SNAPPY else plain)
        connection.session.ping_sent()

    def _is_overdue(self, connection: Connection, now: float) -> bool:
        if connection.deadline is None or now < connection.deadline[0]:
            return False
        connection.end(connection.deadline[1])
        return True

    def _is_stuck(self, connection: Connection, now: float) -> bool:
        if now - connection.last_progress < self._settings.write_timeout:
            return False
        connection.end(CloseReason.WRITE_TIMEOUT)
        return True

    def _is_silent(self, connection: Connection, now: float) -> bool:
        heard = connection.last_pong
        if connection.unsent is not None:  # it is reading: its pong comes behind all that
            heard = max(heard, connection.last_progress)
        if now - heard <= self._settings.pong_timeout:
            return False
        connection.end(CloseReason.PONG_TIMEOUT)
        return True
