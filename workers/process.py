"""The body of a worker process: one loop, one thread, one shard of the clients.

Moves bytes that the watcher made; never learns what a policy is.
"""

import gc
import logging
import os
import socket
import time
from pathlib import Path
from typing import Final

import orjson

import typha
from typha.bus.subscriber import Subscriber
from typha.bus.wire import WireError
from typha.certs import contexts
from typha.config.settings import Settings
from typha.scoreboard import Phase, Scoreboard
from typha.syncproto.messages import SyncerType
from typha.telemetry.closing import CloseReason
from typha.telemetry.reporting import Reporter
from workers import counting, departures, tls
from workers.admission import Admission
from workers.counting import Counts
from workers.entrance import Entrance
from workers.listener import Listener
from workers.loading import Loading
from workers.probe import Probe
from workers.shard import Shard
from workers.topics import Topics

log = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS: Final = 0.5  # so that the heartbeat stays younger than a second
SHEDDING_WAIT_SECONDS: Final = 0.05  # so that connections end one by one, not in heaps
CERTIFICATE_LOOK_SECONDS: Final = 5.0  # changed files serve new handshakes within twice that
CHORES_SECONDS: Final = 1.0


class Worker:
    """One worker's parts, and how they take turns."""

    def __init__(
        self, index: int, accepting: socket.socket, settings: Settings, board: Scoreboard
    ) -> None:
        """Read the certificates; raises contexts.UnusableError when they are no good."""
        self._board = board
        self._index = index
        self._slot = board.worker(index)
        self._counts = Counts()
        self._certificates = tls.Certificates(settings.tls) if settings.tls.enabled else None
        self._settings = settings
        self._listener = Listener(accepting, board, index)
        self._is_listening = False
        self._chores_at = self._look_at = self._shed_at = 0.0
        self._phase = board.server.phase  # as of this turn
        self._reloads = board.server.reloads

    def open(self, run_directory: Path) -> None:
        """Connect to the bus."""
        self._bus = Subscriber(run_directory)
        self._reporter = Reporter(run_directory, f"worker-{self._index}", os.getpid())
        server = self._settings.server
        loading = Loading(server)
        self._topics = Topics(self._bus, server.replay_window, self._counts, loading.egress)
        admission = Admission(
            self._board,
            self._index,
            most=server.max_unauthenticated,
            most_per_address=server.max_unauthenticated_per_address,
        )
        entrance = Entrance(server, self._certificates, admission, self._counts)
        self._shard = Shard(server, entrance, loading, self._topics, self._counts)
        self._probe = Probe(run_directory, self._index, typha.__version__)
        ours = (*self._bus.descriptors, self._reporter.descriptor, self._probe.descriptor)
        for descriptor in ours:
            self._shard.watch(descriptor)

    def turn(self) -> None:
        """Wait for something to do, and do all of it."""
        now = time.monotonic()
        self._slot.heartbeat(now)
        self._phase = self._board.server.phase
        self._watch_listener(now)
        others = self._shard.turn(self._patience(now))
        now = time.monotonic()
        if self._bus.has_news(others):
            self._receive(now)
        if self._listener.descriptor in others:
            self._listener.accept(self._shard, now)
        self._shard.admit_later(now)
        if self._reporter.descriptor in others:
            self._answer(now)
        if others:
            self._answer_probes(others)
        self._shard.load(self._board.lively_workers(now), self._slot, now)
        self._shard.write_all(self._topics.take_writes(), now)
        if now >= self._shard.rounds.next_at:
            self._shard.make_rounds(time.monotonic(), time.time_ns())
        if now >= self._shed_at:
            self._shed_at = now + SHEDDING_WAIT_SECONDS
            self._shed()
        if now >= self._chores_at:
            self._chores_at = now + CHORES_SECONDS
            self._do_chores(now)
        self._slot.active = len(self._shard)

    def _patience(self, now: float) -> float:
        if self._topics.to_write or self._bus.is_unread:
            return 0.0
        is_draining = self._phase is Phase.DRAINING
        longest = SHEDDING_WAIT_SECONDS if is_draining else LONGEST_WAIT_SECONDS
        if self._listener.is_resting(now):
            longest = min(longest, self._listener.rests_until - now)
        return max(0.0, min(self._shard.patience(now), longest))

    def _watch_listener(self, now: float) -> None:
        wanted = self._phase is Phase.SERVING and not self._listener.is_resting(now)
        if wanted is self._is_listening:
            return
        self._is_listening = wanted
        if wanted:
            self._shard.watch(self._listener.descriptor)
        else:
            self._shard.unwatch(self._listener.descriptor)

    def _receive(self, now: float) -> None:
        try:
            self._topics.receive(now)
        except WireError as error:  # only a process of another version could send it
            log.error("message on the bus ignored", extra={"error": str(error)})  # noqa: TRY400 - the text says all
            self._bus.is_unread = True
        self._slot.fan_out_seconds = self._counts.fan_out_seconds

    def _do_chores(self, now: float) -> None:
        self._topics.remind(now)
        self._count_clients()
        self._report(now)
        reloads = self._board.server.reloads
        if now >= self._look_at or reloads != self._reloads:
            self._look_at = now + CERTIFICATE_LOOK_SECONDS
            self._reloads = reloads
            self._refresh_certificates()

    def _count_clients(self) -> None:
        self._slot.streaming = self._shard.streaming()
        self._slot.sheddable = len(departures.settled(self._shard.connections.values()))
        for syncer in SyncerType:
            self._slot.clients[syncer.value] = self._counts.streaming[syncer]

    def _report(self, now: float) -> None:
        rounds = self._shard.rounds
        self._counts.grace_used = rounds.grace_used
        blocked, dropped = rounds.blocked.values(), self._slot.sheds_done
        if self._reporter.push(self._counts.gather(len(self._shard), blocked, dropped, now)):
            self._answer(now)  # sending may have swallowed the signal that a question came

    def _answer(self, now: float) -> None:
        for token, question in self._reporter.questions():
            if question == "clients":
                connections = self._shard.connections.values()
                clients = [counting.described(c, self._index, now) for c in connections]
                self._reporter.answer(token, orjson.dumps(clients))

    def _answer_probes(self, others: list[int]) -> None:
        if self._probe.descriptor in others:
            for visitor in self._probe.arrivals():
                self._shard.watch(visitor)
        for descriptor in others:
            self._probe.answer(descriptor)  # a closed descriptor leaves the poller by itself

    def _shed(self) -> None:
        connections = self._shard.connections.values()
        drains = self._slot.drains_wanted()
        if drains:
            leaving = departures.at_random(connections, drains)
            self._slot.drains_done += drains
            self._shard.end_some(leaving, CloseReason.SHUTDOWN)
        sheds = self._slot.sheds_wanted()
        if sheds:
            newcomers = self._board.server.newcomer_seconds
            settled = departures.settled(connections)
            leaving = departures.newest_first(settled, sheds, time.time(), newcomers)
            self._slot.sheds_done += len(leaving)  # whoever is still owed goes when it has settled
            self._shard.end_some(leaving, CloseReason.REBALANCED)

    def _refresh_certificates(self) -> None:
        if self._certificates is None:
            return
        try:
            if self._certificates.refresh():
                log.info("certificates reloaded for new connections")
        except contexts.UnusableError as error:
            self._counts.reload_failures += 1
            lost = "changed certificates are no good, keeping the old"
            log.warning(lost, extra={"error": str(error)})


def run(
    index: int,
    accepting: socket.socket,
    settings: Settings,
    board: Scoreboard,
    run_directory: Path,
) -> None:
    """Serve clients until the server stops."""
    worker = Worker(index, accepting, settings, board)
    worker.open(run_directory)
    gc.collect()
    gc.freeze()
    while board.server.phase is not Phase.STOPPED:
        worker.turn()
