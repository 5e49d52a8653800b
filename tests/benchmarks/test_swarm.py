"""Simulated clients against a small server of the same protocol, over real TLS."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import certificates, floor, objects
from benchmarks.children import Child
from benchmarks.floors import Floors
from tests.benchmarks.small_server import SmallServer
from typha.syncproto import schema
from typha.syncproto.messages import UpdateType

COUNT = 700  # more than one snappy chunk of snapshot
FAMILY = objects.POLICIES


def element(number: int, revision: int, changed: int) -> bytes:
    """Encode one policy as the server does."""
    value = FAMILY.value(number, changed)
    return schema.element(FAMILY.key(number), value, str(revision), "", UpdateType.UPDATED)


def state(known: list[tuple[int, int, int]]) -> dict[str, Any]:
    """Tell what is so as the API server does: object n has revision 100 + n unless it is known."""
    return {"family": FAMILY.name, "count": COUNT, "revision": 100, "known": known}


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make certificates once."""
    return certificates.make(tmp_path_factory.mktemp("certs"), rsa=False)


@pytest.fixture
def server(certs: Path) -> Iterator[SmallServer]:
    """Serve a few policies."""
    elements = [element(number, 100 + number, 0) for number in range(COUNT)]
    serving = SmallServer(floor.context(certs, "tls13"), elements)
    yield serving
    serving.close()


@pytest.fixture
def swarm(certs: Path) -> Iterator[Child]:
    """Start a process of simulated clients."""
    with Child("swarm", "--certs", str(certs), "--samplers", "1") as child:
        yield child


def wait_for(swarm: Child, stamp: int) -> None:
    """Wait until every client has seen the change of that moment."""
    while swarm.ask("waiting", stamp=stamp)["waiting"]:
        time.sleep(0.01)


def test_every_client_is_told_everything_and_says_how_late(
    server: SmallServer, swarm: Child
) -> None:
    """Counters, latency and content of compressed and plain streams together."""
    groups = [{"clients": 6}, {"clients": 2, "release": "v3.24"}]
    assert swarm.ask("connect", groups=groups, port=server.port)["in_sync"] == 8
    swarm.ask("mark")
    known = []
    for number in range(5):
        changed = time.time_ns()
        known.append((number, 1000 + number, changed))
        server.publish([element(*known[-1])])
    wait_for(swarm, changed)
    report = swarm.ask("report")
    assert (report["kvs_least"], report["kvs_most"], report["kvs"]) == (5, 5, 40)
    assert sum(report["latency"].values()) == 40
    assert report["closed"] == 0
    verdict = swarm.ask("check", state=state(known))
    assert (verdict["checked"], verdict["decoded"], verdict["wrong"]) == (8, 2, 0)
    # The small server knows no older spelling of keys: two plain clients and the sampler's
    # second decoding of one of them miss every policy.
    assert verdict["missing"] == 3 * COUNT


def test_what_is_wrong_or_missing_at_any_client_is_counted(
    server: SmallServer, swarm: Child
) -> None:
    """A value that is not the object's, and a change that was never sent."""
    swarm.ask("connect", groups=[{"clients": 3}], port=server.port)
    changed = time.time_ns()
    foreign = FAMILY.value(8, changed)
    server.publish([schema.element(FAMILY.key(1), foreign, "900", "", UpdateType.UPDATED)])
    wait_for(swarm, changed)
    verdict = swarm.ask("check", state=state([(1, 900, changed), (2, 901, changed)]))
    # Three clients, one of which is decoded a second time as a sampler.
    assert (verdict["wrong"], verdict["missing"]) == (4, 4)


def test_a_removed_key_that_a_client_still_has_is_missing_a_change(
    server: SmallServer, swarm: Child
) -> None:
    """And it is not any more once the deletion has come."""
    swarm.ask("connect", groups=[{"clients": 2}], port=server.port)
    removed = [(5, 0, 0)]
    assert swarm.ask("check", state=state(removed))["missing"] == 3
    server.publish([schema.element(FAMILY.key(5), None, "", "", UpdateType.DELETED)])
    while swarm.ask("check", state=state(removed))["missing"]:
        time.sleep(0.01)


def test_pings_are_answered(server: SmallServer, swarm: Child) -> None:
    """The server's session refuses whatever else could come instead of a pong."""
    swarm.ask(
        "connect", groups=[{"clients": 2}, {"clients": 1, "release": "v3.8"}], port=server.port
    )
    server.ping()
    while len(server.pongs) < 3:
        time.sleep(0.01)
    assert swarm.ask("report")["closed"] == 0


def test_clients_that_are_stuck_read_nothing_more(server: SmallServer, swarm: Child) -> None:
    """They stay connected, and nobody waits for them."""
    groups = [{"clients": 4, "stuck": 3}]
    assert swarm.ask("connect", groups=groups, port=server.port)["in_sync"] == 4
    changed = time.time_ns()
    server.publish([element(1, 900, changed)])
    wait_for(swarm, changed)
    report = swarm.ask("report")
    assert (report["clients"], report["kvs"], report["closed"]) == (1, COUNT + 1, 0)


def test_a_server_that_is_not_there_fails_every_client(swarm: Child) -> None:
    """The reason is told once."""
    outcome = swarm.ask("connect", groups=[{"clients": 3}], port=1, patience=5)
    assert (outcome["in_sync"], outcome["failed"]) == (0, 3)
    assert "cannot connect" in outcome["errors"][0]


def test_the_floor_sends_the_same_bytes_to_as_many(
    server: SmallServer, swarm: Child, certs: Path, tmp_path: Path
) -> None:
    """What one client received is replayed to sockets that do nothing but read."""
    swarm.ask("connect", groups=[{"clients": 4}], port=server.port)
    path = tmp_path / "frames"
    swarm.ask("report", frames=str(path))
    frames = floor.read_frames(path)
    assert sum(len(data) for _, data in frames) > 10_000
    given = ("--certs", str(certs))
    floors = Floors(given, lambda: Child("swarm", *given), 3)
    try:
        bare = floors.measure(path, 4, 2, handshakes=False)
        with_handshakes = floors.measure(path, 4, 2, handshakes=True)
    finally:
        floors.close()
    assert 0 < bare < 1
    assert with_handshakes > bare
