"""The body of the watcher process: the one that talks to the datastore.

One thread owns all state; the datastore's own threads only fill the inbox.
"""

import gc
import logging
import math
import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson
import zmq

from typha.bus.publisher import Publisher
from typha.bus.wire import WireError
from typha.config.settings import Settings
from typha.datastore import opening
from typha.datastore.ports import ApiMissing, Event, ListDone, Listed, StreamReport
from typha.journal.checkpoint import Copy
from typha.model.resources import Reading
from typha.scoreboard import Phase, Scoreboard
from typha.syncers import catalogs
from typha.syncers.intake import Intake
from typha.syncproto.messages import SyncerType, SyncStatus
from typha.telemetry.reporting import Reporter
from typha.watcher import memory, pages
from typha.watcher.answers import Answers
from typha.watcher.broadcast import Broadcast
from typha.watcher.checkpointing import Checkpointing, identity
from typha.watcher.counting import Counts
from typha.watcher.freshness import Freshness
from typha.watcher.inbox import Inbox
from typha.watcher.pacing import Pacer
from typha.watcher.pipeline import Pipeline
from typha.watcher.room import Room
from typha.watcher.shedding import Shedding
from typha.watcher.stream import Stream

log = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS: Final = 1.0
INTAKE_SECONDS: Final = 0.02  # of events in a turn; then whoever asks something has one
ANSWERING_SECONDS: Final = 0.02  # workers in a turn; then what happened has one
EVENTS_AT_ONCE: Final = 16  # that are fetched for it
GATHER_SECONDS: Final = 0.01  # that events may wait for each other while none could leave yet
OBJECTS_AT_ONCE: Final = 500  # of a list, before the next sign of life
TICK_SECONDS: Final = 1.0
SETTLE_SECONDS: Final = 60.0  # that the garbage collector rests while lists come in
JOURNAL: Final = "journal"
STREAMED_BATCH: Final = 100  # KVs in a message of a plain snapshot, as the reference's default


class Watcher:
    """The watcher's parts, and how they take turns."""

    def __init__(self, settings: Settings, board: Scoreboard, run_directory: Path) -> None:
        """Recall the journal, bind the bus, open the datastore; raises what those raise."""
        self._settings = settings
        self._board = board
        self._slot = board.watcher
        datastore = settings.datastore
        reading = Reading(
            api_group=datastore.kubernetes.api_group or Reading().api_group,
            interface_prefix=datastore.interface_prefix,
            use_pod_cidr=datastore.use_pod_cidr,
        )
        rows = catalogs.of(datastore.type, reading)
        self._intake = Intake(rows.feeds, reading, rows.built_in)
        self._pipeline = self._resume(run_directory / JOURNAL)
        self._publisher = Publisher(run_directory)
        batch = settings.server.max_batch_kvs
        self._broadcast = Broadcast(self._publisher, self._pipeline.epoch, batch)
        self._answers = Answers(self._pipeline, run_directory, min(batch, STREAMED_BATCH))
        self._room = Room(self._answers, self._slot)
        self._pacers = {s: Pacer(settings.server.batch_window) for s in SyncerType}
        self._inbox = Inbox()
        self._taken: deque[tuple[float, Event]] = deque()  # out of it, and not worked in yet
        self._reporter = Reporter(run_directory, "watcher", os.getpid())
        self._poll, self._poll_others = zmq.Poller(), zmq.Poller()  # for all, and for no events
        for poll in (self._poll, self._poll_others):
            for socket in (*self._publisher.sockets, self._reporter.socket):
                poll.register(socket, zmq.POLLIN)
        self._poll.register(self._inbox.descriptor, zmq.POLLIN)
        self._freshness = Freshness(datastore.upstream_stale_after, datastore.watch_silent_after)
        counted = (self._pipeline, self._answers, self._freshness, self._checkpointing)
        self._counts = Counts(*counted)
        self._shedding = Shedding(settings, board, time.monotonic())
        self._tick_at = 0.0
        self._settle_by = time.monotonic() + SETTLE_SECONDS
        self._is_settled = self._is_cut_off = False
        self._source = opening.open_source(datastore, self._intake.resources)

    def _resume(self, journal: Path) -> Pipeline:
        """Go on with what clients were told, or with what a former server knew."""
        processes, board = self._settings.processes, self._board.server
        past = memory.of_a_predecessor(journal, {s: board.told[s.value] for s in SyncerType})
        self._checkpointing = None
        if processes.warm_start:
            folder = Path(processes.checkpoint_dir)
            whose = identity(self._settings.datastore)
            self._checkpointing = Checkpointing(Copy(journal, folder, whose))
            if past is None:
                past = memory.of_a_former_server(folder, whose)
        pipeline = Pipeline(self._intake, journal, past)
        for syncer, stream in pipeline.streams.items():
            board.told[syncer.value] = stream.published
            self._show(syncer, stream)
            if stream.unverified:  # it is better than nothing, and said to be no more
                board.listen_allowed = 1
        return pipeline

    def start(self) -> None:
        """Let the datastore deliver."""
        self._source.start(self._inbox)
        self._shedding.start()

    def turn(self) -> None:
        """Wait for something to do, and do all of it."""
        now = time.monotonic()
        self._slot.heartbeat(now)
        ready = self._wait(now)
        subscriptions, questions = self._publisher.sockets
        if subscriptions in ready or questions in ready:  # who asks may have subscribed just now
            self._broadcast.hear_subscriptions()
        self._take_events(time.monotonic() + INTAKE_SECONDS)
        self._publish(time.monotonic())
        if questions in ready:
            self._answer(time.monotonic() + ANSWERING_SECONDS)
        if self._reporter.socket in ready:
            self._answer_ops(time.monotonic())
        self._tick(time.monotonic())
        felix = self._pipeline.streams[SyncerType.FELIX]
        self._shedding.turn(felix, time.monotonic(), is_cut_off=self._is_cut_off)

    def _wait(self, now: float) -> dict[Any, int]:
        """Wait for something to do; give what is ready.

        While something waits to leave, events gather: worked in together they find the CPU's
        caches warm, and cost half of what they cost one by one.
        """
        leaving_at = self._leaving_at(now)
        until = min(now + LONGEST_WAIT_SECONDS, self._tick_at, self._shedding.next_at, leaving_at)
        poll = self._poll
        if self._taken:
            until = now
        elif now < leaving_at < math.inf:
            poll, until = self._poll_others, min(until, now + GATHER_SECONDS)
        return dict(poll.poll(math.ceil(max(0.0, until - now) * 1000)))

    def _take_events(self, until: float) -> None:
        while self._taken or self._fetch():
            born, event = self._taken.popleft()
            for part in _parts(event):
                self._take(part, born)
                self._slot.heartbeat(time.monotonic())
            if time.monotonic() > until:
                return

    def _fetch(self) -> bool:
        self._taken.extend(self._inbox.take(EVENTS_AT_ONCE))
        return bool(self._taken)

    def _take(self, event: Event, born: float) -> None:
        if isinstance(event, StreamReport):
            self._freshness.take(event, time.monotonic())
            self._judge_freshness(time.monotonic())
            return
        self._counts.events[event.resource] += 1
        self._pipeline.take(event, born)
        if isinstance(event, Listed | ListDone | ApiMissing):
            self._board.server.listen_allowed = 1

    def _leaving_at(self, now: float) -> float:
        """Tell when something may leave that waits to; infinity if nothing does."""
        fan_out = self._board.slowest_fan_out(now)
        waiting = (
            syncer for syncer, stream in self._pipeline.streams.items() if stream.is_waiting
        )
        return min((self._pacers[syncer].next_at(fan_out) for syncer in waiting), default=math.inf)

    def _publish(self, now: float) -> None:
        """Publish what waits and may leave now."""
        fan_out = self._board.slowest_fan_out(now)
        for syncer, stream in self._pipeline.streams.items():
            if stream.is_waiting and self._pacers[syncer].next_at(fan_out) <= now:
                self._flush(syncer, now)

    def _flush(self, syncer: SyncerType, now: float) -> None:
        stream = self._pipeline.streams[syncer]
        batch = self._pipeline.cut(stream)
        self._board.server.told[syncer.value] = batch.last
        self._broadcast.publish(stream, batch)
        self._pacers[syncer].published(now, len(batch.deltas))
        self._counts.published(syncer, len(batch.deltas))
        self._show(syncer, stream)

    def _show(self, syncer: SyncerType, stream: Stream) -> None:
        self._slot.sequence[syncer.value] = stream.published
        self._slot.status[syncer.value] = stream.status
        self._slot.unverified[syncer.value] = len(stream.unverified)

    def _answer(self, until: float) -> None:
        """Answer workers; what is left at the moment `until` is answered in the next turn.

        They may ask faster than that: each client that falls behind a long list has its question.
        """
        try:
            for worker, question in self._publisher.questions():
                for syncer, stream in self._pipeline.streams.items():
                    if stream.is_waiting:
                        self._flush(syncer, time.monotonic())
                self._publisher.answer(worker, self._answers.answer(question))
                self._slot.heartbeat(time.monotonic())
                if time.monotonic() > until:
                    return
        except WireError as error:  # only a process of another version could send it
            log.warning("question ignored", extra={"error": str(error)})
        except OSError as error:
            self._room.failed(error, time.monotonic())

    def _tick(self, now: float) -> None:
        if now < self._tick_at:
            return
        self._tick_at = now + TICK_SECONDS
        self._answers.forget()
        self._answers.sweep(self._publisher.subscriptions, now)
        self._room.turn(now)
        self._pipeline.turn(now)
        streams = self._pipeline.streams
        self._broadcast.tick({s.value: stream.published for s, stream in streams.items()})
        for syncer, stream in streams.items():  # after a restart there may be nothing to publish
            self._show(syncer, stream)
        self._judge_freshness(now)
        self._reporter.push(self._counts.gather(now))
        self._keep_checkpoint()
        in_sync = all(stream.status is SyncStatus.IN_SYNC for stream in streams.values())
        if not self._is_settled and (in_sync or now > self._settle_by):
            self._settle()
            log.info("all syncers are in sync" if in_sync else "some syncers are not in sync yet")

    def _judge_freshness(self, now: float) -> None:
        stale = self._freshness.stale(now)
        self._slot.stale = len(stale)
        self._is_cut_off = self._freshness.is_cut_off(stale)

    def _answer_ops(self, now: float) -> None:
        for token, question in self._reporter.questions():
            match question:
                case "streams":
                    self._reporter.answer(token, orjson.dumps(self._freshness.described(now)))
                case "invalid":
                    refusals = [refusal._asdict() for refusal in self._intake.refusals()]
                    self._reporter.answer(token, orjson.dumps(refusals))
                case _:
                    self._reporter.answer(token, b"null")

    def _keep_checkpoint(self) -> None:
        """Write once the datastore was listed: until then an older file may know more."""
        statuses = [stream.status for stream in self._pipeline.streams.values()]
        if self._checkpointing is not None and SyncStatus.IN_SYNC in statuses:
            self._checkpointing.begin()

    def end(self) -> None:
        """Leave a good checkpoint behind."""
        if self._checkpointing is not None:
            self._checkpointing.end()

    def _settle(self) -> None:
        """Spare the collector what is held now: nearly all of it stays."""
        self._is_settled = True
        gc.collect()
        gc.freeze()
        gc.enable()
        pages.give_back()


def _parts(event: Event) -> Iterator[Event]:
    """Cut a long list, which would keep everybody else waiting."""
    if not isinstance(event, Listed) or len(event.objects) <= OBJECTS_AT_ONCE:
        yield event
        return
    for start in range(0, len(event.objects), OBJECTS_AT_ONCE):
        objects = event.objects[start : start + OBJECTS_AT_ONCE]
        yield Listed(event.resource, objects, first=event.first and start == 0)


def run(settings: Settings, board: Scoreboard, run_directory: Path) -> None:
    """Watch the datastore until the server stops."""
    gc.disable()  # while lists come in: their objects live, and each pass would look at them all
    gc.set_threshold(50_000, 20, 100)
    watcher = Watcher(settings, board, run_directory)
    watcher.start()
    while board.server.phase is not Phase.STOPPED:
        watcher.turn()
    watcher.end()
