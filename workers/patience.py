"""How long a client is waited for before it is given up.  Knows no clock.

| the client | is given up |
|---|---|
| has not said its hello, or not acknowledged the first restart | at its deadline |
| waits for a snapshot that is not made | by `topics`, for it may have one elsewhere |
| takes nothing of its snapshot | after `write_timeout` |
| has not acknowledged its snapshot | after `pong_timeout` in which it took nothing |
| reads, but leaves pings unanswered | after `pong_timeout` |
| does not read, and its machine does not answer either | after `pong_timeout` |
| sleeps: does not read, but its machine answers | after `max_fall_behind`, past its grace |

Whoever takes anything at all is waited for, however slow it is: it costs nobody else anything,
and to begin again would cost it more.  Only time in which this process ran counts (`rounds`).
"""

from typing import Final

from typha.config.settings import ServerSettings
from typha.telemetry.closing import CloseReason
from workers.connection import Connection, Stage

UNANSWERED: Final = 4  # attempts of our kernel, which take some 3 s in all; then nobody is there
ASLEEP_SHARE: Final = 0.75  # of its former room for data: the rest is taken by what it has to read
STALLED_SECONDS: Final = 5.0  # without taking anything of a snapshot; then others have a turn too


class Patience:
    """The verdicts on clients that are late."""

    def __init__(self, settings: ServerSettings) -> None:
        """Take the timeouts."""
        self._settings = settings

    def with_late(self, connection: Connection, now: float) -> CloseReason | None:
        """Judge one that has a deadline."""
        deadline = connection.deadline
        if deadline is None or now - deadline.since < deadline.seconds:
            return None
        return deadline.reason

    def with_finishing(self, connection: Connection, now: float) -> CloseReason | None:
        """Judge one that has yet to acknowledge its snapshot."""
        idle = now - connection.last_progress
        return CloseReason.ACK_TIMEOUT if idle > self._settings.pong_timeout else None

    def with_blocked(self, connection: Connection, now: float) -> CloseReason | None:
        """Judge one that has no room for what is to be sent."""
        idle = now - connection.last_progress
        if connection.state is not Stage.STREAMING:
            return CloseReason.WRITE_TIMEOUT if idle > self._settings.write_timeout else None
        is_gone = connection.peer.unanswered >= UNANSWERED
        if is_gone and idle > self._settings.pong_timeout:
            return CloseReason.PONG_TIMEOUT
        return self._with_sleeping(connection, now)

    def with_silent(self, connection: Connection, now: float) -> CloseReason | None:
        """Judge one that has room, by its pongs."""
        if connection.unsent is not None or connection.state is Stage.SNAPSHOT:
            return None  # its pong comes behind all that
        heard = max(connection.last_pong, connection.last_progress)
        if now - heard <= self._settings.pong_timeout:
            return None
        if connection.state is Stage.STREAMING and _is_asleep(connection):
            return self._with_sleeping(connection, now)
        return CloseReason.PONG_TIMEOUT

    def is_graced(self, connection: Connection, now: float) -> bool:
        """Tell whether a client is only waited for because it is new."""
        replica = connection.replica
        if replica is None or connection.state is not Stage.STREAMING:
            return False
        born = replica.log.born_at(connection.position)
        is_behind = born > 0.0 and now - born > self._settings.max_fall_behind
        return is_behind and now <= self._grace_ends(connection)

    def _with_sleeping(self, connection: Connection, now: float) -> CloseReason | None:
        heard = max(connection.last_pong, connection.last_progress)
        if now - heard <= self._settings.max_fall_behind or now <= self._grace_ends(connection):
            return None
        return CloseReason.FELL_BEHIND

    def _grace_ends(self, connection: Connection) -> float:
        return connection.streaming_since + self._settings.fall_behind_grace


def _is_asleep(connection: Connection) -> bool:
    """Tell one that does not read from one that reads and says nothing."""
    peer = connection.look()
    return peer.window < ASLEEP_SHARE * connection.window and peer.unanswered < UNANSWERED
