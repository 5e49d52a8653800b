"""Watcher, worker and client as the model test runs them: real parts, no process around them."""

import contextlib
import os
import socket
import time
from pathlib import Path

from tests.whole.bus import Bus, WatcherEnd, WorkerEnd
from tests.whole.cluster import KINDS
from typha.bus import wire
from typha.config.settings import ServerSettings
from typha.datastore.ports import ApiMissing, Event
from typha.journal.log import Remembered
from typha.model.resources import Reading
from typha.scoreboard import Scoreboard
from typha.syncers import catalogs
from typha.syncers.intake import Intake
from typha.syncproto import generations
from typha.syncproto.client import ClientSession
from typha.syncproto.messages import KVs, SyncerType, SyncStatus, SyncStatusMessage
from typha.watcher import memory
from typha.watcher.answers import Answers
from typha.watcher.broadcast import Broadcast
from typha.watcher.pipeline import Pipeline
from workers.admission import Admission
from workers.counting import Counts
from workers.entrance import Entrance
from workers.loading import Loading
from workers.shard import Shard
from workers.topics import Topics

BATCH = 4  # KVs in a frame or an answer, so that both are cut
WINDOW_BYTES = 2_000  # of frames that a worker keeps: a few
SOCKET_BYTES = 4_096  # between server and client: a snapshot does not fit
FAR_PAST = 5.0  # seconds, behind which a snapshot is no longer young


def pipeline(journal: Path | None = None, past: Remembered | None = None) -> Pipeline:
    """Make the way of an update for a Kubernetes cluster; the other APIs are not served."""
    reading = Reading()
    rows = catalogs.of("kubernetes", reading)
    made = Pipeline(Intake(rows.feeds, reading, rows.built_in), journal, past)
    for resource in made.intake.resources:
        if resource not in KINDS:
            made.take(ApiMissing(resource), 1.0)
    return made


class Watcher:
    """What the watcher process does, a step at a time."""

    def __init__(self, bus: Bus, folder: Path) -> None:
        self.bus = bus
        self.folder = folder
        journal = folder / "journal"
        self.pipeline = pipeline(journal, memory.of_a_predecessor(journal, bus.told))
        bus.told = {syncer: stream.published for syncer, stream in self.pipeline.streams.items()}
        self.answers = Answers(self.pipeline, folder, BATCH, BATCH)
        self._end = WatcherEnd(bus)
        self._broadcast = Broadcast(self._end, self.pipeline.epoch, BATCH)

    def take(self, event: Event) -> None:
        """Take an event of the datastore."""
        self.pipeline.take(event, time.monotonic())

    def hear(self) -> None:
        """Learn who follows what."""
        self._broadcast.hear_subscriptions()

    def publish(self) -> None:
        """Publish all that waits."""
        for syncer, stream in self.pipeline.streams.items():
            if stream.is_waiting:
                batch = self.pipeline.cut(stream)
                self.bus.told[syncer] = batch.last
                self._broadcast.publish(stream, batch)

    def tick(self) -> None:
        """Say how far everybody should have come."""
        streams = self.pipeline.streams.items()
        self._broadcast.tick({syncer.value: stream.published for syncer, stream in streams})

    def answer(self, count: int) -> None:
        """Answer so many of the oldest questions."""
        for _ in range(min(count, len(self.bus.questions))):
            asked = self.bus.questions.popleft()
            self.publish()
            answer = self.answers.answer(wire.decode_question(asked.parts))
            self._end.answer(asked.end, answer)

    def die_between_journal_and_bus(self) -> None:
        """Note what waits, and say nothing of it."""
        for stream in self.pipeline.streams.values():
            if stream.is_waiting:
                self.pipeline.cut(stream)

    def die(self) -> None:
        """End: nothing is left open."""
        recording = self.pipeline._recording
        if recording is not None and recording._journal is not None:
            os.close(recording._journal._file)

    def age_snapshots(self) -> None:
        """Let the snapshots at hand be of long ago."""
        ready = self.answers._ready
        for topic, (built_at, answer) in ready.items():
            ready[topic] = (built_at - FAR_PAST, answer)


class End(socket.socket):
    """A Unix socket in the place of a TCP one, whose options it does not have."""

    def __init__(self, fileno: int) -> None:
        super().__init__(fileno=fileno)
        self.options: dict[int, object] = {}

    def setsockopt(self, _level: int, option: int, value: object) -> None:  # type: ignore[override]
        """Note them."""
        self.options[option] = value


class Worker:
    """What a worker process does, a step at a time."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.end = WorkerEnd(bus)
        self.counts = Counts()
        settings = ServerSettings(replay_window=WINDOW_BYTES)
        board = Scoreboard(1)
        self.slot = board.worker(0)
        loading = Loading(settings)
        self.topics = Topics(self.end, WINDOW_BYTES, self.counts, loading.egress)
        entrance = Entrance(settings, None, Admission(board, 0, 0, 0), self.counts)
        self.shard = Shard(settings, entrance, loading, self.topics, self.counts)
        self._later = 0.0
        self._numbers = iter(range(1, 1_000_000))

    def admit(self) -> socket.socket:
        """Accept a client; give its end of the connection."""
        ours, theirs = socket.socketpair()
        for each in (ours, theirs):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
        self.shard.admit(End(fileno=ours.detach()), "10.0.0.9", next(self._numbers), 0.0)
        theirs.settimeout(0)
        return theirs

    def turn(self, late: float = 0.0) -> None:
        """Do all there is to do, `late` seconds after the last time."""
        self._later += late
        now = time.monotonic() + self._later
        self.shard.turn(0)
        self.topics.receive(now)
        if late:
            self.topics.remind(now)
        self.shard.load([self.slot], self.slot, now)
        self.shard.write_all(self.topics.take_writes(), now)

    def die(self) -> None:
        """End, and all connections with it."""
        for connection in self.shard.connections.values():
            connection.socket.close()
        self.bus.ends.remove(self.end)


class Client:
    """A client of some release, with what it was told."""

    def __init__(self, version: str, syncer: SyncerType) -> None:
        self.version = version
        self.syncer = syncer
        self.cut_off = 0  # times that the server ended it
        self._socket: socket.socket | None = None

    @property
    def is_connected(self) -> bool:
        """Tell whether it has a server, as far as it knows."""
        return self._socket is not None

    def connect(self, worker: Worker) -> None:
        """Begin anew."""
        self.state: dict[str, bytes] = {}
        self.status = SyncStatus.WAIT_FOR_READY
        hello = generations.hello(self.syncer, version=self.version, hostname="n")
        self._session = ClientSession(hello)
        self._socket = worker.admit()
        with contextlib.suppress(BrokenPipeError):  # the next read tells
            self._socket.send(self._session.data_to_send())

    def hang_up(self) -> None:
        """Leave without a word."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def say(self, message: bytes) -> None:
        """Send something that nobody asked for."""
        assert self._socket is not None
        self._socket.send(message)

    def read(self, size: int) -> int:
        """Read up to so many bytes; tells how many came."""
        if self._socket is None:
            return 0
        try:
            data = self._socket.recv(size)
        except BlockingIOError:
            return 0
        except ConnectionError:
            data = b""
        if not data:
            self.cut_off += 1
            self.hang_up()
            return 0
        for message in self._session.receive(data):
            self._take(message)
        if answer := self._session.data_to_send():
            with contextlib.suppress(BrokenPipeError):  # the next read tells
                self._socket.send(answer)
        return len(data)

    def _take(self, message: object) -> None:
        if isinstance(message, SyncStatusMessage):
            assert message.status >= self.status, "a status never goes back"
            self.status = SyncStatus(message.status)
        elif isinstance(message, KVs):
            for update in message.updates:
                if update.value:
                    self.state[update.key] = update.value
                else:
                    self.state.pop(update.key, None)
