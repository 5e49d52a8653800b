"""The streams that this worker's clients follow: each is received once and sent to all of them."""

import logging
import time
from typing import Final

from typha.bus import wire
from typha.bus.catch_up import Verdict
from typha.bus.subscriber import Subscriber
from typha.bus.wire import (
    Answer,
    Changes,
    ChangesWanted,
    HistoryLost,
    Parts,
    SnapshotReady,
    SnapshotWanted,
)
from typha.syncproto import frames
from typha.syncproto.frames import Frame, Topic
from typha.telemetry.closing import CloseReason
from workers.connection import Connection, Stage
from workers.counting import Counts
from workers.egress import Egress
from workers.following import Following
from workers.outbox import PIECE_BYTES
from workers.replica import Replica

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 60.0  # that a topic without clients is still followed
ASK_AGAIN_SECONDS: Final = 2.0  # a watcher that was replaced meanwhile never got the question
# Of those that came together each client is sent one joint piece: whoever lags behind the watcher
# so catches up.  And a bound, for on a crowded machine they may come faster than they are sent.
FRAMES_A_TURN: Final = 16
# The token of questions that concern everybody behind a topic; of others it is the position.
FOR_ALL: Final = -1


class Topics:
    """All topics that have clients here."""

    def __init__(
        self, subscriber: Subscriber, window_bytes: int, counts: Counts, egress: Egress
    ) -> None:
        """Start with no topic followed."""
        self._bus = subscriber
        self._window_bytes = window_bytes
        self._counts = counts
        self._following: dict[bytes, Following] = {}
        self._egress = egress
        self.to_write: list[Connection] = []  # whose outboxes have something new

    def want_snapshot(self, connection: Connection, topic: Topic, now: float) -> None:
        """Let a connection have the state of its topic, as soon as it is at hand."""
        following = self._follow(topic)
        following.users += 1
        connection.replica = following.replica
        connection.snapshot_began = now
        if following.replica.has_fresh_snapshot():
            self._counts.reused[topic.syncer] += 1
            self._begin_snapshot(connection, following.replica)
            return
        following.waiting.append(connection)
        if not following.asked_snapshot_at:
            self._ask_snapshot(following, now)

    def join(self, connection: Connection, now: float) -> None:
        """Stream to a connection what comes after its snapshot."""
        replica = connection.replica
        assert replica is not None
        self.to_write.append(connection)
        following = self._following.get(replica.name)
        if following is None or following.replica is not replica:
            connection.end(CloseReason.HISTORY_LOST)  # while its snapshot was on its way
            return
        connection.add(frames.opening(replica.topic.codec))
        connection.position = connection.starts_from
        self._add_tail(connection, replica, now)
        following.members[connection.number] = connection

    def _add_tail(self, connection: Connection, replica: Replica, now: float) -> None:
        """Send what has changed since the snapshot, and only then how complete that is.

        At once where it is little: most newcomers have all they need with a single send.
        """
        tail = replica.log.after(connection.position, PIECE_BYTES, now)
        if tail is None or tail.position != replica.log.last:
            connection.owes_status = True
            return
        connection.add(tail.payload)
        connection.position = tail.position
        connection.add(replica.log.status)

    def leave(self, connection: Connection) -> None:
        """Forget a connection."""
        if connection.replica is None:
            return
        following = self._following.get(connection.replica.name)
        if following is None or following.replica is not connection.replica:
            return  # the topic was lost and maybe begun anew
        following.users -= 1
        following.behind.leave(connection)
        if following.members.pop(connection.number, None) is None:
            following.waiting = [c for c in following.waiting if c is not connection]

    def ask_changes_for(self, connection: Connection, now: float) -> None:
        """Let the watcher say what changed since a connection's position."""
        replica = connection.replica
        assert replica is not None
        self._counts.catch_ups[replica.topic.syncer] += 1
        if self._following[replica.name].behind.arrive(connection, now):
            self._ask_since(replica, connection.position, connection.position)

    def take_writes(self) -> list[Connection]:
        """Give, once, the connections whose outboxes have something new."""
        ready, self.to_write = self.to_write, []
        return ready

    def receive(self, now: float) -> None:
        """Take what has come on the bus, and send it on."""
        verdicts: dict[bytes, Verdict] = {}
        for parts in self._bus.frames(FRAMES_A_TURN):
            self._take_published(parts, verdicts)
        for name, verdict in verdicts.items():
            self._act_on(verdict, self._following[name], now)
        for answer in self._bus.answers():
            self._take_answer(answer, now)

    def _follow(self, topic: Topic) -> Following:
        name = topic.to_bytes()
        following = self._following.get(name)
        if following is None:
            following = self._following[name] = Following(topic, self._window_bytes)
            self._bus.follow(name)
        return following

    def _ask_snapshot(self, following: Following, now: float) -> None:
        following.asked_snapshot_at = now
        self._bus.ask(SnapshotWanted(following.replica.name, FOR_ALL))

    def _ask_changes(self, following: Following, now: float) -> None:
        following.asked_changes_at = now
        replica = following.replica
        self._counts.gaps[replica.topic.syncer] += 1
        self._ask_since(replica, replica.last, FOR_ALL)

    def _ask_since(self, replica: Replica, position: int, token: int) -> None:
        self._bus.ask(ChangesWanted(replica.name, position, replica.epoch, token))

    def _take_published(self, parts: Parts, verdicts: dict[bytes, Verdict]) -> None:
        """Take a frame or a tick; notes what is to be done about the topics that it concerns."""
        if wire.is_tick(parts):
            tick = wire.decode_tick(parts)
            for name, following in self._following.items():
                published = tick.published[following.replica.topic.syncer]
                verdict = following.replica.take_tick(tick.epoch, published)
                _note(verdicts, name, verdict)
            return
        following_one = self._following.get(parts[0])
        if following_one is not None:
            verdict = following_one.replica.take_frame(wire.decode_frame(parts))
            _note(verdicts, parts[0], verdict)

    def _take_answer(self, answer: Answer, now: float) -> None:
        following = self._following.get(answer.topic)
        if following is None:
            return
        if isinstance(answer, SnapshotReady):
            self._take_snapshot(answer, following, now)
        elif isinstance(answer, HistoryLost):
            self._lose(following, answer.token)
        elif answer.token != FOR_ALL:
            self._take_changes_for(answer, following)
        else:
            self._act_on(following.replica.take_changes(answer), following, now)

    def _take_snapshot(self, ready: SnapshotReady, following: Following, now: float) -> None:
        following.asked_snapshot_at = 0.0
        try:
            verdict = following.replica.take_snapshot(ready)
        except OSError as error:  # superseded meanwhile, or no memory or descriptor is left
            log.info("snapshot cannot be read, asking again soon", extra={"error": error})
            following.asked_snapshot_at = now  # at once could be thousands of times a second
            return
        self._act_on(verdict, following, now)

    def _begin_snapshot(self, connection: Connection, replica: Replica) -> None:
        assert replica.snapshot is not None
        connection.state = Stage.SNAPSHOT
        connection.starts_from = replica.snapshot.sequence
        opening = frames.opening(replica.topic.codec) if connection.is_opened else b""
        connection.send_snapshot(replica.snapshot, skip=len(opening), egress=self._egress)
        self.to_write.append(connection)

    def _begin_with_what_there_is(self, following: Following) -> None:
        """Send the snapshot at hand; what came since, if it is an older one, is in the log."""
        if following.replica.snapshot is None:
            return
        waiting, following.waiting = following.waiting, []
        # Whether the first has one that was there already is for the watcher to count.
        self._counts.reused[following.replica.topic.syncer] += max(len(waiting) - 1, 0)
        for connection in waiting:
            self._begin_snapshot(connection, following.replica)

    def _take_changes_for(self, changes: Changes, following: Following) -> None:
        frame = changes.frame
        if frame.epoch != following.replica.epoch:
            return  # it was asked before the topic was lost and begun anew
        concerned = following.behind.answered(changes.token)
        for connection in concerned:
            connection.caught_up_to(frame.last, frame.payload, is_all=not changes.more)
        self.to_write += concerned

    def _act_on(self, verdict: Verdict, following: Following, now: float) -> None:
        before = following.replica.log.last
        ready = following.replica.advance(now)
        if ready:
            self._fan_out(following, ready, before, now)
        if verdict is Verdict.ASK:
            self._ask_changes(following, now)
        elif verdict is Verdict.LOST:
            self._lose(following, FOR_ALL)
        elif not following.replica.is_asking and not following.asked_snapshot_at:
            self._begin_with_what_there_is(following)

    def _lose(self, following: Following, token: int) -> None:
        """End whoever cannot be told what is missing: they start again with a snapshot."""
        if token != FOR_ALL:
            concerned = following.behind.answered(token)
        else:
            concerned = [*following.members.values(), *following.waiting]
            del self._following[following.replica.name]
            self._bus.leave(following.replica.name)
        for connection in concerned:
            connection.end(CloseReason.HISTORY_LOST)
        self.to_write += concerned  # so that they are closed in this turn

    def _fan_out(self, following: Following, ready: list[Frame], before: int, now: float) -> None:
        payload = ready[0].payload if len(ready) == 1 else b"".join(f.payload for f in ready)
        last, size = ready[-1].last, len(payload)
        is_small = size <= PIECE_BYTES  # else in pieces, so that nobody waits for a whole share
        began = time.perf_counter()
        for connection in following.members.values():
            if connection.position != before or not connection.is_empty or not is_small:
                self.to_write.append(connection)  # it comes to this in its own time
                continue
            connection.position = last
            if size and not connection.hand_over(payload):
                self.to_write.append(connection)
        self._counts.fan_out_seconds = time.perf_counter() - began
        clients = len(following.members)
        self._counts.fanned_out(following.replica.topic.syncer, ready, clients, now)

    def remind(self, now: float) -> None:
        """Ask again what was not answered; leave topics nobody follows any more."""
        for following in list(self._following.values()):
            self._end_waiting(following, now)
            if following.asked_snapshot_at and _is_due(following.asked_snapshot_at, now):
                self._begin_with_what_there_is(following)
                self._ask_snapshot(following, now)
            if following.replica.is_asking and _is_due(following.asked_changes_at, now):
                self._ask_changes(following, now)
            for position in following.behind.overdue(now - ASK_AGAIN_SECONDS, now):
                self._ask_since(following.replica, position, position)
            self._leave_if_idle(following, now)

    def _end_waiting(self, following: Following, now: float) -> None:
        """End those for whom no snapshot was made: another server may well have one."""
        late = following.late(now)
        for connection in late:
            connection.end(CloseReason.NO_SNAPSHOT)
        self.to_write += late

    def _leave_if_idle(self, following: Following, now: float) -> None:
        if following.users:
            following.empty_since = 0.0
        elif not following.empty_since:
            following.empty_since = now
        elif now - following.empty_since > IDLE_SECONDS:
            del self._following[following.replica.name]
            self._bus.leave(following.replica.name)


def _note(verdicts: dict[bytes, Verdict], name: bytes, verdict: Verdict) -> None:
    if verdicts.get(name, Verdict.NOTHING) is Verdict.NOTHING:
        verdicts[name] = verdict


def _is_due(asked_at: float, now: float) -> bool:
    return now - asked_at > ASK_AGAIN_SECONDS
