"""All connections of one worker: what they send, what they are sent, and how they end."""

import logging
import select
import socket
import time
from collections.abc import Iterable
from typing import Final

from typha.config.settings import ServerSettings
from typha.scoreboard import Worker
from typha.syncproto import dialects
from typha.syncproto.errors import UsageError
from typha.syncproto.events import Event, HelloAccepted, Ponged, SnapshotWanted, Streaming
from typha.syncproto.frames import Topic
from typha.syncproto.messages import SyncerType
from typha.telemetry.closing import CloseReason
from workers.connection import Connection, Deadline, Progress, Stage
from workers.counting import Counts
from workers.entrance import Entrance
from workers.loading import Loading
from workers.rounds import Rounds
from workers.topics import Topics

log = logging.getLogger(__name__)

EVENTS_A_TURN: Final = 64  # of which each may write a client's share: about 10 ms in all
HANDSHAKE_SECONDS: Final = 0.002  # in a turn, begun: those who stream wait no longer than that
READS: Final = select.EPOLLIN | select.EPOLLRDHUP
GONE: Final = select.EPOLLHUP | select.EPOLLERR


class Shard:
    """The connections, by descriptor."""

    def __init__(
        self,
        settings: ServerSettings,
        entrance: Entrance,
        loading: Loading,
        topics: Topics,
        counts: Counts,
    ) -> None:
        """Start without connections."""
        self._settings = settings
        self._entrance = entrance
        self._loading = loading
        self._topics = topics
        self._counts = counts
        self._poll = select.epoll()
        self.connections: dict[int, Connection] = {}
        self.rounds = Rounds(settings, time.monotonic())
        self.has_handshakes_waiting = False  # more than there was time for in the last turn

    def __len__(self) -> int:
        """Count the connections, those in their handshake included."""
        return len(self.connections)

    def watch(self, descriptor: int) -> None:
        """Poll something that is not a connection, for reading."""
        self._poll.register(descriptor, select.EPOLLIN)

    def unwatch(self, descriptor: int) -> None:
        """Poll it no more."""
        self._poll.unregister(descriptor)

    def admit(self, client: socket.socket, address: str, number: int, now: float) -> None:
        """Take an accepted connection, now or later."""
        connection = self._entrance.let_in(client, address, number, now)
        if connection is not None:
            self._begin(connection)

    def admit_later(self, now: float) -> None:
        """Take those who had to wait until others of their address are through."""
        for connection in self._entrance.let_in_later(now):
            self._begin(connection)

    def _begin(self, connection: Connection) -> None:
        """Give a connection the handshake timeout to say its hello."""
        self._set_deadline(connection, self._settings.handshake_timeout)
        self.connections[connection.descriptor] = connection
        try:
            self._poll.register(connection.descriptor, READS)
        except OSError as error:  # no memory, or as many as the system lets its user poll
            connection.end(CloseReason.CONNECTION_LOST, f"cannot be polled: {error.strerror}")
            self.bury(connection)
            return
        surplus = self._entrance.surplus()
        if surplus is not None:
            surplus.end(CloseReason.TOO_MANY_CONNECTIONS)
            self.bury(surplus)

    def turn(self, timeout: float) -> list[int]:
        """Wait for something to happen and deal with it; give the other descriptors' events."""
        others = []
        hurry_at = 0.0
        self.has_handshakes_waiting = False
        for descriptor, events in self._poll.poll(timeout, EVENTS_A_TURN):
            connection = self.connections.get(descriptor)
            if connection is None:
                others.append(descriptor)
            elif connection.state is Stage.HANDSHAKE:
                hurry_at = hurry_at or time.monotonic() + HANDSHAKE_SECONDS
                if time.monotonic() <= hurry_at:
                    self._attend_to(connection, events)
                else:  # it is reported again
                    self.has_handshakes_waiting = True
            else:
                self._attend_to(connection, events)
        return others

    def write_all(self, connections: list[Connection], now: float) -> None:
        """Send each what its outbox holds."""
        for connection in connections:
            try:
                self._write(connection, now)
            except Exception as bug:  # noqa: BLE001 - it is logged
                connection.fail(bug)
                self.bury(connection)

    def load(self, workers: Iterable[Worker], own: Worker, now: float) -> None:
        """Begin the snapshots whose turn has come, and go on with those that had to pause."""
        for connection in self._loading.turn(workers, own, now):
            self._topics.want_snapshot(connection, _topic(connection), now)
        self.write_all(self._loading.resumed(), now)

    def make_rounds(self, now: float, unix_nanoseconds: int) -> None:
        """Ping who is due, and end who is late."""
        self.write_all(self.rounds.turn(now, unix_nanoseconds), now)
        self._loading.leave(self.rounds.take_stalled())

    def patience(self, now: float) -> float:
        """Tell the seconds until there is something to do that no descriptor tells."""
        waits = (self._loading.patience(), self._entrance.patience())
        return min(self.rounds.next_at - now, *waits)

    def _set_deadline(
        self,
        connection: Connection,
        seconds: float,
        reason: CloseReason = CloseReason.HANDSHAKE_TIMEOUT,
    ) -> None:
        connection.deadline = Deadline(time.monotonic(), seconds, reason)
        self.rounds.young[connection.number] = connection

    def _attend_to(self, connection: Connection, events: int) -> None:
        """Deal with what has happened to a connection."""
        try:
            if connection.state is Stage.HANDSHAKE:
                self._shake_hands(connection)
            else:
                self._serve(connection, events)
        except Exception as bug:  # noqa: BLE001 - it is logged
            connection.fail(bug)
        if connection.ending:
            self.bury(connection)

    def _shake_hands(self, connection: Connection) -> None:
        if self._entrance.shake_hands(connection):
            self._read(connection)  # the hello may have come with the handshake's last bytes

    def _serve(self, connection: Connection, events: int) -> None:
        if events & (READS | GONE):
            self._read(connection)
        if events & select.EPOLLOUT and connection.ending is None:
            self._write(connection, time.monotonic())

    def _read(self, connection: Connection) -> None:
        for event in connection.read():
            if connection.ending is None:
                self._handle(connection, event)

    def _handle(self, connection: Connection, event: Event) -> None:
        now = time.monotonic()
        match event:
            case Ponged():
                connection.last_pong = now
                self._note_round_trip(connection, event, now)
            case HelloAccepted():
                connection.hello = event
                _warn_of_a_guess(connection, event)
                self._counts.begun(event)
                connection.add(connection.session.data_to_send())
                self._set_deadline(
                    connection, self._settings.pong_timeout, CloseReason.ACK_TIMEOUT
                )
                self._write(connection, now)
            case SnapshotWanted():
                connection.state = Stage.WAITING
                self.rounds.start(connection, now)
                self._loading.arrive(connection, now)
            case Streaming():
                self._stream(connection, now)

    def _note_round_trip(self, connection: Connection, pong: Ponged, now: float) -> None:
        """By our own clock: the one that pings tell of can be set, and clients may lie."""
        took = self.rounds.round_trip(pong.unix_nanoseconds, now)
        if took is not None:
            assert connection.hello is not None
            connection.round_trip = took
            self._counts.ponged(connection.hello.syncer, took)

    def _stream(self, connection: Connection, now: float) -> None:
        connection.state = Stage.STREAMING
        connection.streaming_since = now
        self._loading.leave([connection])
        took = now - connection.snapshot_began
        syncer = _topic(connection).syncer
        self._counts.observe("typha_client_snapshot_send_secs", syncer, took)
        self.rounds.start(connection, now)
        self._topics.join(connection, now)

    def _write(self, connection: Connection, now: float) -> None:
        if connection.ending is None:
            progress = connection.write(now)
            self._watch_writes(connection, progress, now)
            if connection.state is Stage.SNAPSHOT:
                self._loading.note(connection, progress)
            if progress is Progress.SNAPSHOT_SENT:
                self._snapshot_sent(connection, now)
            elif progress is Progress.BEHIND:
                self._topics.ask_changes_for(connection, now)
        if connection.ending:
            self.bury(connection)

    def _snapshot_sent(self, connection: Connection, now: float) -> None:
        self.rounds.finish(connection, now)
        connection.hurry()
        for event in connection.session.snapshot_sent():
            self._handle(connection, event)

    def _watch_writes(self, connection: Connection, progress: Progress, now: float) -> None:
        wanted = progress is Progress.BLOCKED or progress is Progress.TURN_OVER
        if progress is Progress.BLOCKED:
            self.rounds.wait_for(connection, now)
        else:
            self.rounds.got_through(connection, now)
        if wanted is not connection.is_watching_writes:
            connection.is_watching_writes = wanted
            interest = READS | select.EPOLLOUT if wanted else READS
            self._poll.modify(connection.descriptor, interest)

    def streaming(self) -> int:
        """Count the connections past their hello."""
        return self._counts.streaming.total()

    def end_some(self, connections: list[Connection], reason: CloseReason) -> None:
        """Close some connections that are none the worse for it, or have to go."""
        for connection in connections:
            connection.end(reason)
            self.bury(connection)

    def _count_ending(self, connection: Connection, reason: CloseReason) -> None:
        self._counts.closed[reason] += 1
        if connection.hello is not None:
            self._counts.ended(connection.hello)
        if connection.state is Stage.HANDSHAKE and reason is CloseReason.HANDSHAKE_TIMEOUT:
            self._counts.handshake_failures["timeout"] += 1
        elif reason is CloseReason.CERTIFICATE_REFUSED:
            self._counts.handshake_failures["cn_mismatch"] += 1

    def bury(self, connection: Connection) -> None:
        """Close a connection that has come to its end, and forget it."""
        if self.connections.pop(connection.descriptor, None) is None:
            return
        assert connection.ending is not None
        self._entrance.leave(connection)
        self.rounds.forget(connection)
        self._loading.leave([connection])
        self._topics.leave(connection)
        connection.socket.close()  # which takes it out of the poll
        self._count_ending(connection, connection.ending)
        log.info("client closed", extra=connection.about())


def _topic(connection: Connection) -> Topic:
    hello = connection.hello
    if hello is None:
        raise UsageError("a stream without a hello")
    return Topic.serving(hello.syncer, hello.dialect, hello.codec)


def _warn_of_a_guess(connection: Connection, accepted: HelloAccepted) -> None:
    if accepted.syncer is not SyncerType.FELIX or not dialects.is_guessed(accepted.hello):
        return
    log.warning(
        "client names no release, and is told what those of v3.8 read: no tiers",
        extra={
            "client": connection.address,
            "host": accepted.hello.hostname,
            "version": accepted.hello.version,
        },
    )
