"""What the model test found once, as stories of their own.

One module, for all of them are told on the model's stage, and change with it.
"""

import contextlib
import errno
import logging
import os
import shutil
import socket
import tempfile
import time
from pathlib import Path

import pytest

from tests.whole.bus import Bus
from tests.whole.cluster import KINDS, Cluster
from tests.whole.processes import BATCH, Client, Watcher, Worker
from typha.bus.wire import ChangesWanted
from typha.syncproto import client_schema
from typha.syncproto.frames import Topic
from typha.syncproto.messages import Codec, Dialect, SyncerType, SyncStatus
from typha.telemetry.closing import CloseReason
from workers.connection import Stage
from workers.topics import FOR_ALL

RESOURCE = "namespaces"
KEY = "/calico/v1/policy/profile/kns.{}/labels"


class Server:
    """A watcher, a worker and a cluster."""

    def __init__(self, folder: Path) -> None:
        self.bus = Bus()
        self.cluster = Cluster()
        self.watcher = Watcher(self.bus, folder)
        self.worker = Worker(self.bus)
        for resource in KINDS:
            self.deliver(resource)

    def deliver(self, resource: str) -> None:
        """Let the watcher know all there is of a resource."""
        for event in self.cluster.listed(resource):
            self.watcher.take(event)

    def change(self, name: str, variant: int) -> None:
        """Change a namespace, and publish that; nothing arrives yet."""
        self.cluster.put(RESOURCE, name, variant)
        self.watcher.take(self.cluster.watches[RESOURCE].popleft())
        self.watcher.hear()
        self.watcher.publish()

    def fall_behind(self, client: Client) -> None:
        """Let a client sleep through more than its socket holds and the worker keeps."""
        for variant in range(40):
            self.change("a", variant % 5)
            self.worker.end.let_through(100, 0)
            self.worker.turn()
        while client.read(100_000):
            self.worker.turn()

    def answered(self) -> None:
        """Let the worker have the answers to all it has asked, but no frames."""
        self.watcher.answer(100)
        self.worker.end.let_through(0, 100)
        self.worker.turn()


class FullPoll:
    """A poll that takes nobody more."""

    def register(self, _descriptor: int, _events: int) -> None:
        """Refuse."""
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def server():
    """Make one that clients can connect to."""
    folder = Path(tempfile.mkdtemp(prefix="t-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        made = Server(folder)
        stack.callback(made.worker.die)
        stack.callback(made.watcher.die)
        yield made


def want_snapshot(client, server):
    """Let a client come as far as waiting for its snapshot."""
    client.connect(server.worker)
    server.worker.turn()
    client.read(100_000)
    server.worker.turn()


@pytest.mark.parametrize("version", ["v3.32.1", "v3.8.9"])
def test_a_frame_never_overtakes_the_opening_of_the_stream(server, version):
    """The client's acknowledgement and the frame come to the worker in the same turn."""
    client = Client(version, SyncerType.FELIX)
    client.connect(server.worker)
    server.worker.turn()
    client.read(100_000)  # the hello is acknowledged
    server.worker.turn()
    server.watcher.hear()
    server.answered()
    server.change("a", 1)
    client.read(100_000)  # the snapshot is acknowledged
    server.worker.end.let_through(100, 100)
    server.worker.turn()
    while client.read(100_000):
        server.worker.turn()
    assert client.status is SyncStatus.IN_SYNC
    assert KEY.format("a") in client.state
    client.hang_up()


@pytest.mark.parametrize("version", ["v3.32.1", "v3.8.9"])
def test_who_caught_up_from_answers_and_then_from_frames_is_told_the_status(server, version):
    """An answer that is not all there is says nothing of it, nor do frames in which it stays."""
    client = Client(version, SyncerType.FELIX)
    want_snapshot(client, server)
    server.watcher.hear()
    server.answered()
    names = [f"n{number}" for number in range(20)]
    for name in names:  # more than the worker keeps, while the snapshot is on its way
        server.change(name, 1)
        server.worker.end.let_through(100, 0)
        server.worker.turn()
    while client.read(100_000) or server.bus.questions:
        server.worker.turn()
        server.answered()
    asked = server.worker.counts.catch_ups[SyncerType.FELIX]
    assert 0 < asked < len(client.state) // BATCH, "the rest was still in the log"
    assert set(map(KEY.format, names)) <= set(client.state)
    assert client.status is SyncStatus.IN_SYNC
    client.hang_up()


@pytest.mark.parametrize("version", ["v3.32.1", "v3.8.9"])
def test_packets_wait_to_be_full_only_until_the_snapshot_has_gone(server, version):
    """A later change would wait for the client's kernel to acknowledge the one before."""
    client = Client(version, SyncerType.FELIX)
    want_snapshot(client, server)
    (connection,) = server.worker.shard.connections.values()
    assert connection.state is Stage.WAITING
    assert socket.TCP_NODELAY not in connection.socket.options
    server.watcher.hear()
    server.answered()
    assert connection.state is not Stage.WAITING
    assert connection.socket.options[socket.TCP_NODELAY]
    client.hang_up()


@pytest.mark.parametrize("lie", [0, -(10**18), 10**18])
def test_a_pong_that_answers_no_ping_of_ours_is_no_round_trip(server, lie):
    """Else a client could put whatever it likes into the latencies that all clients have."""
    client = Client("v3.32.1", SyncerType.FELIX)
    client.connect(server.worker)
    while client.status is not SyncStatus.IN_SYNC:
        server.watcher.hear()
        server.answered()
        client.read(100_000)
    trips = server.worker.counts.figures.summary("typha_ping_latency", "felix")
    client.say(client_schema.pong(time.time_ns() + lie))
    server.worker.turn()
    (connection,) = server.worker.shard.connections.values()
    assert (trips.count, connection.round_trip) == (0, 0.0)
    for tick in range(30):  # it is pinged in one of them
        server.worker.shard.rounds.next_at = time.monotonic()
        server.worker.shard.make_rounds(time.monotonic(), time.time_ns() + tick)
    client.read(100_000)
    server.worker.turn()
    assert trips.count >= 1
    assert trips.total > 0.0
    assert connection.round_trip > 0.0
    client.hang_up()


def test_who_cannot_be_polled_is_closed_and_nobody_else(server, caplog):
    """The system has a limit of its own to what a user may poll, whatever files may be open."""
    first, second, third = (Client("v3.32.1", SyncerType.FELIX) for _ in range(3))
    first.connect(server.worker)
    poll = server.worker.shard._poll
    server.worker.shard._poll = FullPoll()
    with caplog.at_level(logging.INFO):
        second.connect(server.worker)
    server.worker.shard._poll = poll
    assert "cannot be polled: No space left on device" in caplog.records[-1].detail
    third.connect(server.worker)
    for _ in range(20):
        for client in (first, second, third):
            client.read(100_000)
        server.watcher.hear()
        server.answered()
    assert (first.cut_off, second.cut_off, third.cut_off) == (0, 1, 0)
    assert {first.status, third.status} == {SyncStatus.IN_SYNC}
    for client in (first, third):
        client.hang_up()


def test_an_answer_that_comes_twice_takes_nobody_back(server):
    """It was asked for again because it was late; what the client has learnt since stays."""
    client = Client("v3.32.1", SyncerType.FELIX)
    client.connect(server.worker)
    while client.status is not SyncStatus.IN_SYNC:
        server.watcher.hear()
        server.answered()
        server.worker.end.let_through(100, 0)
        server.worker.turn()
        client.read(100_000)
    server.fall_behind(client)
    server.worker.turn(late=3.0)
    assert len(server.bus.questions) == 2, "the question was asked again"
    server.watcher.answer(2)
    server.worker.end.let_through(0, 1)
    server.worker.turn()
    server.fall_behind(client)
    (connection,) = server.worker.shard.connections.values()
    assert connection.is_catching_up
    before = connection.position
    server.worker.end.let_through(0, 1)
    server.worker.turn()
    assert connection.position == before
    assert connection.is_catching_up
    server.answered()
    client.read(100_000)
    assert b'"pcns.v":"4"' in client.state[KEY.format("a")]
    client.hang_up()


def test_each_client_but_the_first_is_counted_as_served_from_a_snapshot_that_was_there(server):
    """Whether it waited for it with others or came later, and whichever worker it came to."""

    def reused():
        told, sent = server.watcher.answers.reused, server.worker.counts.reused
        return told[SyncerType.FELIX] + sent[SyncerType.FELIX]

    together = [Client("v3.32.1", SyncerType.FELIX) for _ in range(3)]
    for client in together:
        client.connect(server.worker)
    late = Client("v3.32.1", SyncerType.FELIX)
    for wave in (together, [late]):
        if late in wave:
            late.connect(server.worker)
        while any(client.status is not SyncStatus.IN_SYNC for client in wave):
            server.watcher.hear()
            server.worker.turn()
            server.answered()
            for client in wave:
                client.read(100_000)
    assert server.watcher.answers.generated[SyncerType.FELIX] == 1
    assert reused() == len(together)
    for client in (*together, late):
        client.hang_up()


def test_who_falls_behind_together_has_one_question_and_is_told_the_same_bytes(server):
    """However many they are; who leaves meanwhile is not waited for."""
    clients = [Client("v3.32.1", SyncerType.FELIX) for _ in range(3)]
    for client in clients:
        client.connect(server.worker)
    while any(client.status is not SyncStatus.IN_SYNC for client in clients):
        server.watcher.hear()
        server.worker.turn()
        server.answered()
        for client in clients:
            client.read(100_000)
    for variant in range(40):
        server.change("a", variant % 5)
        server.worker.end.let_through(100, 0)
        server.worker.turn()
    while sum(client.read(100_000) for client in clients):
        server.worker.turn()
    assert len(server.bus.questions) == 1
    clients.pop().hang_up()
    server.worker.turn()
    server.watcher.answer(1)
    server.worker.end.let_through(0, 1)
    server.worker.topics.receive(time.monotonic())
    waiting = server.worker.topics.to_write
    assert len(waiting) == len(clients)
    (payload,) = {id(message) for connection in waiting for message in connection._control}
    assert payload
    server.worker.turn()
    for client in clients:
        client.read(100_000)
        assert b'"pcns.v":"4"' in client.state[KEY.format("a")]
        client.hang_up()


def test_workers_that_ask_alike_are_told_the_same_bytes(server):
    """Until something changes, if they were all; but what leads to the rest leads there still."""
    topic = Topic(SyncerType.FELIX, Dialect.MODERN, Codec.SNAPPY).to_bytes()
    stream = server.watcher.pipeline.streams[SyncerType.FELIX]
    epoch = server.watcher.pipeline.epoch
    tokens = iter(range(100))

    def told(since):
        token = next(tokens)
        answer = server.watcher.answers.answer(ChangesWanted(topic, since, epoch, token))
        assert answer.token == token
        return answer

    for name in "abc":
        server.change(name, 1)
    some = told(0)
    assert some.more
    newest = stream.published - 1
    rest = told(newest)
    assert not rest.more
    assert told(newest).frame is rest.frame
    server.change("a", 2)
    assert told(0).frame is some.frame
    assert told(newest).frame.payload != rest.frame.payload
    at, state = 0, set()
    while at < stream.published:
        answer = told(at)
        assert answer.frame.first == at + 1
        at = answer.frame.last
        state.add(answer.frame.payload)
        assert answer.more is (at < stream.published)
    assert len(state) > 1


def test_a_client_that_waits_when_the_past_is_lost_begins_anew_at_once(server):
    """Not when it is pinged next."""
    client = Client("v3.8.9", SyncerType.FELIX)
    client.connect(server.worker)
    server.worker.turn()
    server.worker.turn()
    server.watcher.hear()
    server.change("a", 1)
    server.worker.end.let_through(100, 0)
    server.worker.turn()
    (following,) = server.worker.topics._following.values()
    server.worker.topics._lose(following, FOR_ALL)
    server.worker.turn()
    assert not server.worker.shard.connections
    client.hang_up()


@pytest.mark.parametrize("is_followed", [True, False])
def test_a_snapshot_of_a_past_that_was_lost_meanwhile_leads_nowhere(server, is_followed):
    """Whoever was being sent it begins anew, whether or not others follow the new stream."""
    client, other = (Client("v3.8.9", SyncerType.FELIX) for _ in range(2))
    client.connect(server.worker)
    server.worker.turn()
    server.worker.turn()
    server.watcher.hear()
    for number in range(60):
        server.change(f"n{number}", 1)
    server.answered()
    (connection,) = server.worker.shard.connections.values()
    assert connection.state is Stage.SNAPSHOT
    (following,) = server.worker.topics._following.values()
    server.worker.topics._lose(following, FOR_ALL)
    if is_followed:
        other.connect(server.worker)
        server.worker.turn()
        server.worker.turn()
    while client.read(100_000):
        server.worker.turn()
    assert connection.ending is CloseReason.HISTORY_LOST
    other.hang_up()
