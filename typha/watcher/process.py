"""The body of the watcher process: the one that talks to the datastore.

One thread owns all state; the datastore's own threads only fill the inbox.
"""

import gc
import logging
import math
import os
import time
from pathlib import Path
from typing import Final

import orjson
import zmq

from typha.bus.publisher import Publisher
from typha.bus.wire import WireError
from typha.config.settings import Settings
from typha.datastore import opening
from typha.datastore.ports import ApiMissing, Event, ListDone, Listed, StreamReport
from typha.model.resources import Reading
from typha.scoreboard import Phase, Scoreboard
from typha.syncers import catalogs
from typha.syncers.intake import Intake
from typha.syncproto.messages import SyncerType, SyncStatus
from typha.telemetry.reporting import Reporter
from typha.watcher.answers import Answers
from typha.watcher.broadcast import Broadcast
from typha.watcher.counting import Counts
from typha.watcher.freshness import Freshness
from typha.watcher.inbox import Inbox
from typha.watcher.pacing import Pacer
from typha.watcher.pipeline import Pipeline
from typha.watcher.stream import Stream

log = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS: Final = 0.5
EVENTS_A_TURN: Final = 100  # then whoever asks something has a turn
TICK_SECONDS: Final = 1.0
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
        self._pipeline = Pipeline(self._intake, run_directory / JOURNAL)
        self._publisher = Publisher(run_directory)
        batch = settings.server.max_batch_kvs
        self._broadcast = Broadcast(self._publisher, self._pipeline.epoch, batch)
        self._answers = Answers(self._pipeline, run_directory, min(batch, STREAMED_BATCH))
        self._pacers = {s: Pacer(settings.server.batch_window) for s in SyncerType}
        self._inbox = Inbox()
        self._poll = zmq.Poller()
        for socket in self._publisher.sockets:
            self._poll.register(socket, zmq.POLLIN)
        self._poll.register(self._inbox.descriptor, zmq.POLLIN)
        self._freshness = Freshness(datastore.upstream_stale_after, datastore.watch_silent_after)
        self._reporter = Reporter(run_directory, "watcher", os.getpid())
        self._poll.register(self._reporter.socket, zmq.POLLIN)
        self._counts = Counts(self._pipeline, self._answers, self._freshness)
        self._tick_at = 0.0
        self._is_settled = False
        self._source = opening.open_source(datastore, self._intake.resources)

    def start(self) -> None:
        """Let the datastore deliver."""
        self._source.start(self._inbox)

    def turn(self) -> None:
        """Wait for something to do, and do all of it."""
        now = time.monotonic()
        self._slot.heartbeat(now)
        self._poll.poll(math.ceil(self._patience(now) * 1000))
        self._broadcast.hear_subscriptions()
        for born, event in self._inbox.take(EVENTS_A_TURN):
            self._take(event, born)
        self._publish(time.monotonic())
        self._answer()
        self._answer_ops(time.monotonic())
        self._tick(time.monotonic())

    def _take(self, event: Event, born: float) -> None:
        if isinstance(event, StreamReport):
            self._freshness.take(event)
            return
        self._counts.events[event.resource] += 1
        self._pipeline.take(event, born)
        if isinstance(event, Listed | ListDone | ApiMissing):
            self._board.server.listen_allowed = 1

    def _patience(self, now: float) -> float:
        """Tell how long there is nothing to do unless something comes."""
        fan_out = self._board.slowest_fan_out(now)
        dues = [now + LONGEST_WAIT_SECONDS, self._tick_at]
        for syncer, stream in self._pipeline.streams.items():
            if stream.is_waiting:
                dues.append(self._pacers[syncer].next_at(fan_out))
        return max(0.0, min(dues) - now)

    def _publish(self, now: float) -> None:
        """Publish what waits and may leave now."""
        fan_out = self._board.slowest_fan_out(now)
        for syncer, stream in self._pipeline.streams.items():
            if stream.is_waiting and self._pacers[syncer].next_at(fan_out) <= now:
                self._flush(syncer, now)

    def _flush(self, syncer: SyncerType, now: float) -> None:
        stream = self._pipeline.streams[syncer]
        batch = self._pipeline.cut(stream)
        self._broadcast.publish(stream, batch)
        self._pacers[syncer].published(now, len(batch.deltas))
        self._counts.published(syncer, len(batch.deltas))
        self._show(syncer, stream)

    def _show(self, syncer: SyncerType, stream: Stream) -> None:
        self._slot.sequence[syncer.value] = stream.published
        self._slot.status[syncer.value] = stream.status

    def _answer(self) -> None:
        try:
            for worker, question in self._publisher.questions():
                for syncer, stream in self._pipeline.streams.items():
                    if stream.is_waiting:
                        self._flush(syncer, time.monotonic())
                self._publisher.answer(worker, self._answers.answer(question))
        except WireError as error:  # only a process of another version could send it
            log.warning("question ignored", extra={"error": str(error)})
        except OSError as error:  # the worker asks again
            log.error("no snapshot", extra={"error": str(error)})  # noqa: TRY400 - the text says all

    def _tick(self, now: float) -> None:
        if now < self._tick_at:
            return
        self._tick_at = now + TICK_SECONDS
        streams = self._pipeline.streams
        self._broadcast.tick({s.value: stream.published for s, stream in streams.items()})
        for syncer, stream in streams.items():  # after a restart there may be nothing to publish
            self._show(syncer, stream)
        self._slot.stale = len(self._freshness.stale(now))
        self._reporter.push(self._counts.gather(now))
        if not self._is_settled and all(s.status is SyncStatus.IN_SYNC for s in streams.values()):
            self._settle()

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

    def _settle(self) -> None:
        """Everything is listed: what is held now stays, so the collector need not look at it."""
        self._is_settled = True
        gc.collect()
        gc.freeze()
        gc.enable()
        log.info("all syncers are in sync")


def run(settings: Settings, board: Scoreboard, run_directory: Path) -> None:
    """Watch the datastore until the server stops."""
    gc.disable()  # while lists come in: their objects live, and each pass would look at them all
    gc.set_threshold(50_000, 20, 100)
    watcher = Watcher(settings, board, run_directory)
    watcher.start()
    while board.server.phase is not Phase.STOPPED:
        watcher.turn()
