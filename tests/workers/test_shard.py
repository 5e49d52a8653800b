"""One worker's connections, in the model of the whole."""

import contextlib
import dataclasses
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.whole.bus import Bus
from tests.whole.cluster import Cluster
from tests.whole.processes import Client, Watcher, Worker
from typha.syncproto import generations
from typha.syncproto.messages import SyncerType, SyncStatus
from typha.telemetry.closing import CloseReason
from workers.connection import Connection


@pytest.fixture
def server():
    """Make a watcher and a worker."""
    folder = Path(tempfile.mkdtemp(prefix="t-"))
    bus = Bus()
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        watcher, worker = Watcher(bus, folder), Worker(bus)
        stack.callback(worker.die)
        yield watcher, worker


def hello_of(version, syncer):
    """Write the hello of v3.31 as a build with another version says it."""
    return dataclasses.replace(generations.hello(syncer, version="v3.31.7"), version=version)


def stumble(worker, monkeypatch, method):
    """Let a bug show with the only client there is so far."""
    (stumbling,) = worker.shard.connections.values()
    original = getattr(Connection, method)

    def stumble_over(connection, *args):
        if connection is stumbling:
            raise LookupError("a bug")
        return original(connection, *args)

    monkeypatch.setattr(Connection, method, stumble_over)


def step(watcher, worker):
    """Have both do all there is to do."""
    worker.turn()
    watcher.hear()
    watcher.answer(100)
    worker.end.let_through(100, 100)


def test_a_bug_that_shows_with_one_client_costs_no_other_anything(server, monkeypatch, caplog):
    """It is closed under a reason of its own, with a traceback in the log."""
    watcher, worker = server
    unlucky, other = (Client("v3.32.1", SyncerType.FELIX) for _ in range(2))
    unlucky.connect(worker)
    stumble(worker, monkeypatch, "read")
    other.connect(worker)
    for _ in range(5):
        step(watcher, worker)
        while other.read(100_000):
            worker.turn()
        unlucky.read(100_000)
    assert (unlucky.cut_off, other.cut_off) == (1, 0)
    assert other.is_connected
    assert other.status is SyncStatus.RESYNC  # nothing was listed, but it is served
    assert worker.shard.streaming() == 1
    assert worker.counts.closed == {CloseReason.SERVER_ERROR: 1}
    (told,) = [record for record in caplog.records if record.exc_info]
    assert (told.message, told.reason) == ("client cannot be served", CloseReason.SERVER_ERROR)
    other.hang_up()


@pytest.mark.parametrize(
    ("hello", "warnings"),
    [
        (hello_of("<unknown>", SyncerType.FELIX), ["<unknown>"]),
        (hello_of("", SyncerType.FELIX), [""]),
        (hello_of("v3.31.7", SyncerType.FELIX), []),
        (hello_of("<unknown>", SyncerType.BGP), []),  # all releases are told the same
    ],
)
def test_a_felix_whose_policies_lose_their_tiers_by_a_guess_is_told_of(
    server, monkeypatch, caplog, hello, warnings
):
    """One of v3.31 that was built without its version is served as one of v3.8."""
    _, worker = server
    monkeypatch.setattr(generations, "hello", lambda *_, **__: hello)
    client = Client("v3.31.7", SyncerType(hello.syncer_type))
    client.connect(worker)
    worker.turn()
    told = [record for record in caplog.records if record.levelname == "WARNING"]
    assert [record.version for record in told] == warnings
    client.hang_up()


def fail(*_):
    """Be a bug."""
    raise LookupError("a bug")


def give_a_frame(watcher, worker, unlucky, monkeypatch):
    """Have a frame handed to all clients, of which one has a bug in its way."""
    monkeypatch.setattr(unlucky, "send", fail)
    for event in Cluster().listed("namespaces"):
        watcher.take(event)
    watcher.publish()
    worker.end.let_through(100, 100)
    worker.turn()


def write_to_all(_watcher, worker, unlucky, monkeypatch):
    """Have all clients written to, of which one has a bug in its way, as with a ping."""
    original = Connection.write
    monkeypatch.setattr(
        Connection, "write", lambda it, now: fail() if it is unlucky else original(it, now)
    )
    worker.shard.write_all(list(worker.shard.connections.values()), 0.0)


@pytest.mark.parametrize("write", [give_a_frame, write_to_all])
def test_a_bug_that_shows_as_one_is_written_to_costs_no_other_anything(
    server, monkeypatch, caplog, write
):
    """What goes to all of them goes out in one loop."""
    watcher, worker = server
    clients = [Client("v3.32.1", SyncerType.FELIX) for _ in range(3)]
    clients[0].connect(worker)
    (unlucky,) = worker.shard.connections.values()
    for client in clients[1:]:
        client.connect(worker)
    for _ in range(5):
        step(watcher, worker)
        for client in clients:
            client.read(100_000)
    assert worker.shard.streaming() == 3
    write(watcher, worker, unlucky, monkeypatch)
    for client in clients:
        client.read(100_000)
    assert [client.cut_off for client in clients] == [1, 0, 0]
    assert worker.counts.closed == {CloseReason.SERVER_ERROR: 1}
    assert worker.shard.streaming() == 2
    (told,) = [record for record in caplog.records if record.exc_info]
    assert (told.message, told.reason) == ("client cannot be served", CloseReason.SERVER_ERROR)
    for client in clients[1:]:
        client.hang_up()
