"""The promise as a model test: whatever happens on the way, in the end everybody knows the truth.

From the datastore's events through intake, store, journal, frames, bus, replica and outbox to the
client's decoder, all parts are the real ones.  Hypothesis chooses what happens: changes, lists and
broken watches, losses and delays on the bus, deaths of watcher and workers, clients of every
generation that come, go and dawdle.  Then everything is let through.

    make test ARGS="tests/whole --hypothesis-profile=long"      # for an hour or so

One state machine, whose rules all act on the same state: so it is one module, whatever its length.
"""

import contextlib
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.whole.bus import Bus
from tests.whole.cluster import KINDS, Cluster
from tests.whole.processes import Client, Watcher, Worker, pipeline
from typha.gob.values import Limits
from typha.journal import rendering, store
from typha.journal.store import Store
from typha.syncproto import dialects, frames, generations, schema
from typha.syncproto.messages import Codec, KVs, SyncerType, SyncStatus
from typha.syncproto.parsing import MessageReader
from typha.telemetry.closing import CloseReason

VERSIONS = ["v3.8.9", "v3.24.6", "v3.28.5", "v3.29.7", "v3.31.3", "v3.32.1"]
SYNCERS = [SyncerType.FELIX] * 4 + [SyncerType.BGP]
ROUNDS = 60  # of everything let through, in which everybody must have learnt the truth
OWN_DOING = {CloseReason.CLIENT_LEFT, CloseReason.CONNECTION_LOST}
IN_VAIN = CloseReason.NO_SNAPSHOT  # a minute without any word from the watcher

Kind = tuple[str, SyncerType]  # of client: its version, and what it asks for

resources = st.sampled_from(sorted(KINDS))
names = st.sampled_from("abc")
variants = st.integers(0, 4)
few = st.integers(0, 6)


class Story(RuleBasedStateMachine):
    """One server, its cluster and its clients."""

    may_lose_history = False

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="t-"))
        self.cluster = Cluster()
        self.bus = Bus()
        self.clients: list[Client] = []
        self.excused = 0  # endings that are nobody's fault
        self.ended_by_server = 0
        self.watcher = Watcher(self.bus, self.folder)
        self.workers = [Worker(self.bus), Worker(self.bus)]

    # The cluster

    @rule(resource=resources, name=names, variant=variants)
    def change(self, resource, name, variant):
        """Create or alter an object."""
        self.cluster.put(resource, name, variant)

    @rule(resource=resources, name=names)
    def remove(self, resource, name):
        """Delete an object."""
        self.cluster.remove(resource, name)

    @rule(resource=resources, name=names)
    def garble(self, resource, name):
        """Let the watch deliver something unreadable."""
        self.cluster.garble(resource, name)

    @rule(resource=resources)
    def break_watch(self, resource):
        """Let a watch end; what happens then is only seen by the next list."""
        self.cluster.broken.add(resource)

    @rule(resource=resources, events=few)
    def deliver(self, resource, events):
        """Let some events reach the watcher."""
        watch = self.cluster.watches[resource]
        for _ in range(min(events, len(watch))):
            self.watcher.take(watch.popleft())

    @rule(resource=resources, pages=st.integers(1, 3), is_whole=st.booleans())
    def list_anew(self, resource, pages, is_whole):
        """List a resource, or lose the connection behind the first page."""
        if is_whole:
            events = self.cluster.listed(resource, pages)
        else:
            events = self.cluster.pages(resource, pages)[:1]
            self.cluster.broken.add(resource)
            self.cluster.watches[resource].clear()
        for event in events:
            self.watcher.take(event)

    @initialize()
    def list_everything(self):
        """Start as a server does."""
        for resource in KINDS:
            self.list_anew(resource, 1, is_whole=True)

    # The watcher

    @rule(hears=st.booleans(), ticks=st.booleans())
    def publish(self, hears, ticks):
        """Let the watcher send what it has."""
        if hears:
            self.watcher.hear()
        self.watcher.publish()
        if ticks:
            self.watcher.tick()

    @rule(count=few)
    def answer(self, count):
        """Let the watcher answer questions."""
        self.watcher.answer(count)

    @rule()
    def age_snapshots(self):
        """Let time pass, so that snapshots are made anew."""
        self.watcher.age_snapshots()

    @rule(noted=st.booleans(), torn=st.integers(0, 40), questions_lost=few, silent=few)
    def kill_watcher(self, noted, torn, questions_lost, silent):
        """Kill the watcher, maybe between journal and bus or while it writes; start another."""
        journal = self.folder / "journal"
        whole = journal.stat().st_size
        if noted:
            self.watcher.die_between_journal_and_bus()
            if torn and journal.stat().st_size - whole > torn:
                with journal.open("r+b") as file:
                    file.truncate(journal.stat().st_size - torn)
        for _ in range(min(questions_lost, len(self.bus.questions))):
            self.bus.questions.popleft()
        for end in self.bus.ends:
            for _ in range(min(silent, len(end.frames_coming))):
                end.frames_coming.pop()
            end.answers_coming.clear()
        self.watcher.die()
        self.watcher = Watcher(self.bus, self.folder)
        for watch in self.cluster.watches.values():
            watch.clear()
        self.cluster.broken = set(KINDS)

    # The bus and the workers

    @rule(worker=st.integers(0, 1), frames=few, answers=few)
    def receive(self, worker, frames, answers):
        """Let some of what is on its way arrive."""
        self.workers[worker].end.let_through(frames, answers)
        self.workers[worker].turn()

    @rule(worker=st.integers(0, 1), which=st.integers(0, 5), count=st.integers(1, 4))
    def lose_frames(self, worker, which, count):
        """Lose some frames or ticks on their way."""
        coming = self.workers[worker].end.frames_coming
        kept = [parts for at, parts in enumerate(coming) if not which <= at < which + count]
        coming.clear()
        coming.extend(kept)

    @rule(worker=st.integers(0, 1), late=st.sampled_from([0.0, 3.0, 100.0]))
    def turn(self, worker, late):
        """Let a worker do what there is, and ask again what was not answered."""
        self.workers[worker].turn(late)

    @rule(worker=st.integers(0, 1))
    def kill_worker(self, worker):
        """Kill a worker; its clients notice when they read."""
        self.excused += len(self.workers[worker].shard.connections)
        self.ended_by_server += _ended(self.workers[worker])
        self.workers[worker].die()
        self.workers[worker] = Worker(self.bus)

    # The clients

    @precondition(lambda self: len(self.clients) < 5)
    @rule(
        version=st.sampled_from(VERSIONS),
        syncer=st.sampled_from(SYNCERS),
        worker=st.integers(0, 1),
    )
    def arrive(self, version, syncer, worker):
        """Let a client connect."""
        client = Client(version, syncer)
        client.connect(self.workers[worker])
        self.clients.append(client)

    @rule(which=st.integers(0, 4), size=st.sampled_from([1, 100, 2_000, 100_000]))
    def read(self, which, size):
        """Let a client read a little, or all there is."""
        if which < len(self.clients):
            self.clients[which].read(size)

    @rule(which=st.integers(0, 4))
    def hang_up(self, which):
        """Let a client go without a word."""
        if which < len(self.clients):
            self.clients[which].hang_up()

    @rule(which=st.integers(0, 4), worker=st.integers(0, 1))
    def come_back(self, which, worker):
        """Let a client that lost its server connect again."""
        if which < len(self.clients) and not self.clients[which].is_connected:
            self.clients[which].connect(self.workers[worker])

    # The promise

    @invariant()
    def the_server_cuts_nobody_off(self):
        """Not for the deaths of the watcher, nor for losses, nor for being slow."""
        if not self.may_lose_history:
            assert not sum(map(_ended, self.workers)) + self.ended_by_server

    def teardown(self):
        """Let everything through, and compare what clients know with a fresh list."""
        try:
            self._let_everything_through()
        finally:
            for client in self.clients:
                client.hang_up()
            for worker in self.workers:
                worker.die()
            self.watcher.die()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _let_everything_through(self) -> None:
        for resource in sorted(self.cluster.broken):
            self.list_anew(resource, 1, is_whole=True)
        for resource in KINDS:
            self.deliver(resource, 1_000)
        truth = _truth(self.cluster, self.clients)
        for _ in range(ROUNDS):
            self._round()
            wrong = [client for client in self.clients if not _knows(client, truth)]
            if not wrong:
                break
        self.the_server_cuts_nobody_off()
        for client in wrong:
            expected = truth[client.version, client.syncer]
            assert client.state == expected, (client.version, client.syncer)
            assert client.status is SyncStatus.IN_SYNC, (client.version, client.syncer)

    def _round(self) -> None:
        self.publish(hears=True, ticks=True)
        self.answer(1_000)
        for worker in self.workers:
            worker.end.let_through(1_000, 1_000)
            worker.turn(late=3.0)
        for turn, client in enumerate(self.clients):
            if not client.is_connected:
                client.connect(self.workers[turn % 2])
            while client.read(100_000):
                for worker in self.workers:
                    worker.turn()


def _ended(worker: Worker) -> int:
    """Count the connections that the worker ended of its own accord, and without need."""
    needless = worker.counts.closed.keys() - OWN_DOING - {IN_VAIN}
    return sum(worker.counts.closed[why] for why in needless)


def _truth(cluster: Cluster, clients: list[Client]) -> dict[Kind, dict[str, bytes]]:
    """Say what a client of each kind is told by a server that has just started."""
    fresh = pipeline()
    for resource in KINDS:
        for event in cluster.listed(resource):
            fresh.take(event, 1.0)
    kinds = {(client.version, client.syncer) for client in clients}
    return {kind: _told(fresh.streams[kind[1]].store, *kind) for kind in kinds}


def _told(kept: Store, version: str, syncer: SyncerType) -> dict[str, bytes]:
    dialect = dialects.of(generations.hello(syncer, version=version))
    elements = [element for _, element in rendering.rendered(kept.snapshot(), dialect)]
    reader = MessageReader(Limits())
    reader.feed(schema.PREAMBLE + frames.deltas(elements, None, Codec.PLAIN))
    messages = [message for message in reader.messages() if isinstance(message, KVs)]
    return {each.key: each.value for message in messages for each in message.updates}


def _knows(client: Client, truth: dict[Kind, dict[str, bytes]]) -> bool:
    expected = truth[client.version, client.syncer]
    return client.state == expected and client.status is SyncStatus.IN_SYNC


class ForgetfulStory(Story):
    """The same where deletions and journals are lost: clients may have to begin again."""

    may_lose_history = True

    def __init__(self) -> None:
        self._patch = contextlib.ExitStack()
        context = self._patch.enter_context(pytest.MonkeyPatch.context())
        context.setattr(store, "MINIMUM_TOMBSTONES", 1)
        super().__init__()

    @rule(place=st.integers(0, 100_000), bit=st.integers(0, 7))
    def spoil_journal(self, place, bit):
        """Let the journal be damaged, which the next watcher sees."""
        journal = self.folder / "journal"
        data = bytearray(journal.read_bytes())
        data[place % len(data)] ^= 1 << bit
        journal.write_bytes(data)
        self.kill_watcher(noted=False, torn=0, questions_lost=0, silent=0)

    def teardown(self):
        """End, and remember deletions again."""
        try:
            super().teardown()
        finally:
            self._patch.close()


PROFILE = settings(
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class TestStory(Story.TestCase):
    """Nobody is cut off, and everybody knows the truth in the end."""

    settings = PROFILE


class TestForgetfulStory(ForgetfulStory.TestCase):
    """Everybody knows the truth in the end."""

    settings = PROFILE
