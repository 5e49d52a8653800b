"""A server with clients beside it, and what both say while their datastore is harmed."""

import contextlib
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from benchmarks import free_ports
from tests.e2e import server as typha
from tests.e2e.server import Follower, Server
from tests.freshness import matrix
from tests.freshness.matrix import Cell, Notice
from tests.freshness.upstream import SET_KEY
from typha.dialing import DialError
from typha.ops import overview
from typha.syncproto.messages import SyncerType

LOOK_SECONDS = 0.02
FLICKER_SECONDS = 2.0  # of being unready that may come of a silence that a list ends
PATIENCE_SECONDS = 300.0
NAMED = "nodes"


class Datastore(Protocol):
    """Where the witness is written."""

    @property
    def where(self) -> dict[str, str]:
        """Tell servers where it is, by their environment."""

    def put_set(self, name: str, *nets: str) -> None:
        """Write a GlobalNetworkSet."""


class Observed:
    """A server, seen from outside."""

    def __init__(self, server: Server, health: int, metrics: int) -> None:
        """Connect a client of each kind that may be told of trouble, and an old one."""
        self._health = health
        self._metrics = metrics
        self.clients = [
            server.follower(),
            server.follower(version="v3.28.5"),
            server.follower(syncer=SyncerType.BGP),
        ]
        self.ended: list[str] = []
        for client in self.clients:
            server.read_on_a_thread(self._follow, client)

    def _follow(self, client: Follower) -> None:
        try:
            while True:
                client.read()
        except (DialError, OSError, StopIteration) as error:
            self.ended.append(str(error))

    def readiness(self) -> tuple[bool, str]:
        """Ask as a kubelet does: whether it is ready, and what it says."""
        url = f"http://127.0.0.1:{self._health}/readiness"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return True, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return False, error.read().decode()
        except OSError:
            return False, ""  # nobody answers, or not in time

    def is_stale(self) -> bool:
        """Tell whether readiness names a resource as stale."""
        ready, table = self.readiness()
        named = f"stale: {overview.EVERY}" in table or ("stale: " in table and NAMED in table)
        return not ready and named

    def gauge(self, family: str) -> float | None:
        """Scrape a gauge of the resource; None while it is not told."""
        url = f"http://127.0.0.1:{self._metrics}/metrics"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return None
        wanted = f'{family}{{resource="{NAMED}"}}'
        return next((float(line.split()[-1]) for line in lines if line.startswith(wanted)), None)

    def wait_ready(self) -> float:
        """Wait until it is ready; give the moment."""
        return _wait(lambda: self.readiness()[0])

    def wait_stale(self) -> float:
        """Wait until it is stale, and not only for the moment that a list takes; the moment."""
        while True:
            began = _wait(self.is_stale)
            while self.is_stale():
                if time.monotonic() - began > FLICKER_SECONDS:
                    return began
                time.sleep(LOOK_SECONDS)

    def wait_told(self, *nets: str) -> float:
        """Wait until all felix clients know the witness as having these nets; give the moment."""
        key, wanted = SET_KEY.format(matrix.WITNESS), "".join(nets).encode()
        return _wait(lambda: all(wanted in c.state.get(key, b"") for c in self.clients[:2]))


def _wait(condition) -> float:
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until
        time.sleep(LOOK_SECONDS)
    return time.monotonic()


@contextlib.contextmanager
def observed(folder: Path, upstream: Datastore, **settings: str) -> Iterator[Observed]:
    """Serve what the API server has, to some clients."""
    health, metrics = free_ports.take(), free_ports.take()
    ports = {"healthport": str(health), "prometheusmetricsport": str(metrics)}
    switches = dict.fromkeys(("healthenabled", "prometheusmetricsenabled"), "true")
    options = {"datastoretype": "kubernetes", "workers": "1", **ports, **switches, **settings}
    with (
        environment(**upstream.where),
        typha.running(folder, folder, tls=False, **options) as server,
    ):
        seen = Observed(server, health, metrics)
        seen.wait_ready()
        yield seen


@contextlib.contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Let servers that are started in the block find an API server by these, and by no others."""
    before = dict(os.environ)
    for name in ("KUBECONFIG", "K8S_API_ENDPOINT", "CALICO_API_GROUP", "USE_POD_CIDR"):
        os.environ.pop(name, None)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class Outcome(NamedTuple):
    """Seconds until readiness was off, None if it stays on; and until all was well again.

    The second is counted from when the harm was mended, or done if it need not be mended.
    """

    off: float | None
    back: float


def play(cell: Cell, upstream: Datastore, seen: Observed) -> Outcome:
    """Let a cell happen.

    Asserts that the resource is named, the gauge tells, nobody is disconnected, and news arrive.
    """
    upstream.put_set(matrix.WITNESS, *matrix.BEFORE)
    seen.wait_told(*matrix.BEFORE)
    if cell.prepare is not None:
        cell.prepare(upstream)
        seen.wait_told(*matrix.MEANWHILE)
    began = time.monotonic()
    cell.harm(upstream)
    mended = time.monotonic()
    off = None
    if cell.notice is not Notice.NEVER:
        off = seen.wait_stale() if cell.notice is Notice.RECURRING else _wait(seen.is_stale)
        _wait(lambda: seen.gauge("typha_upstream_stale") == 1)
        cell.mend(upstream)
        mended = time.monotonic()
        seen.wait_ready()
        upstream.put_set(matrix.WITNESS, *matrix.AFTER)
    back = seen.wait_told(*matrix.AFTER)
    _wait(lambda: seen.gauge("typha_upstream_stale") == 0)
    assert seen.wait_ready()
    assert seen.ended == []
    return Outcome(None if off is None else off - began, back - mended)
