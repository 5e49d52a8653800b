"""Real etcd servers on this machine, a line to them that can be cut, and what a source tells.

They are one stage, which changes when etcd's command line or the source's events do.
"""

import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from benchmarks import free_ports
from typha.config.settings import DatastoreSettings, EtcdSettings
from typha.datastore import ports
from typha.datastore.etcd import codec, endpoints, kinds, source
from typha.datastore.etcd.client import Connection

PATIENCE_SECONDS = 180.0  # a loaded machine is slow
ETCD = shutil.which("etcd")
ETCDCTL = shutil.which("etcdctl")

needs_etcd = pytest.mark.skipif(
    not (ETCD and ETCDCTL),
    reason="etcd and etcdctl are not installed (Debian: etcd-server, etcd-client)",
)


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds; fails the test when it never does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.02)


@dataclass
class Member:
    """One etcd process; it may be killed and started again with what it had."""

    name: str
    folder: Path
    cluster: str = ""  # all members' names and peer URLs, if there are others
    options: tuple[str, ...] = ()
    tls: bool = False
    port: int = field(default_factory=free_ports.take)
    peer_port: int = field(default_factory=free_ports.take)
    process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"https://localhost:{self.port}" if self.tls else f"http://127.0.0.1:{self.port}"

    @property
    def peer_url(self) -> str:
        """Where the other members find it."""
        return f"http://127.0.0.1:{self.peer_port}"

    def start(self) -> None:
        """Start it; it may take a while to serve."""
        listen = f"https://127.0.0.1:{self.port}" if self.tls else self.url
        command = [
            ETCD,
            *("--name", self.name, "--data-dir", str(self.folder / self.name)),
            *("--listen-client-urls", listen, "--advertise-client-urls", self.url),
            *("--listen-peer-urls", self.peer_url, "--initial-advertise-peer-urls", self.peer_url),
            *("--initial-cluster", self.cluster or f"{self.name}={self.peer_url}"),
            *("--heartbeat-interval", "100", "--election-timeout", "1000"),
            *("--unsafe-no-fsync", "--enable-grpc-gateway=false", "--logger=zap"),
            *self.options,
        ]
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextlib.contextmanager
def running(folder: Path, *, tls: bool = False, options: tuple[str, ...] = ()) -> Iterator[Member]:
    """Run a single etcd for as long as the block lasts."""
    member = Member("alone", folder, tls=tls, options=options)
    member.start()
    try:
        if not tls:
            wait_for(lambda: serves(member.url), "etcd")
        yield member
    finally:
        member.kill()


@contextlib.contextmanager
def running_cluster(folder: Path) -> Iterator[list[Member]]:
    """Run three members that are one cluster."""
    members = [Member(name, folder) for name in ("one", "two", "three")]
    cluster = ",".join(f"{member.name}={member.peer_url}" for member in members)
    for member in members:
        member.cluster = cluster
        member.start()
    try:
        for member in members:
            wait_for(lambda url=member.url: serves(url), member.name)
        yield members
    finally:
        for member in members:
            member.kill()


def connect(url: str, **settings: str) -> Connection:
    """Connect to a member."""
    return Connection(endpoints.parse(url), EtcdSettings(endpoints=(url,), **settings))


def serves(url: str) -> bool:
    """Tell whether a member answers, and so has a leader."""
    with contextlib.suppress(Exception), connect(url) as connection:
        return bool(connection.page(b"x", b"", limit=1))
    return False


def control(url: str, *arguments: str) -> str:
    """Run etcdctl; it must do what it is told."""
    done = try_to(url, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def try_to(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run etcdctl."""
    patience = ("--dial-timeout=60s", "--command-timeout=60s")
    command = [ETCDCTL, f"--endpoints={url}", *patience, *arguments]
    environment = {"ETCDCTL_API": "3"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def put(connection: Connection, key: str, value: str = "{}") -> None:
    """Write a key, whatever it held."""
    while True:
        entries = connection.page(key.encode(), b"", limit=1).entries
        revision = entries[0].mod_revision if entries else 0
        if connection.put_unless_changed(key.encode(), value.encode(), revision):
            return


def stored(connection: Connection) -> dict[str, dict[str, object]]:
    """List everything afresh: by resource, each object's identity and revision."""
    found = {}
    for resource, kind in kinds.KINDS.items():
        prefix = kind.prefix.encode()
        page = connection.page(prefix, codec.end_of(prefix), limit=0)
        listed = next(kinds.listed(kind, page.entries, first=True))
        found[resource] = {identity(each): each for each in listed.objects}
    return found


def identity(item: dict) -> str:
    """Return namespace and name."""
    return f"{item['metadata']['namespace']}/{item['metadata']['name']}"


class Recorder:
    """An inbox that keeps the state its events describe, as the pipeline does.

    The source's thread writes what the test's thread reads: a whole event at a time, and reports
    are only looked at as a copy.
    """

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, object]] = {resource: {} for resource in kinds.KINDS}
        self.reports: dict[str, ports.StreamReport] = {}
        self.states: dict[str, list[ports.StreamState]] = {r: [] for r in kinds.KINDS}
        self.lists: dict[str, int] = dict.fromkeys(kinds.KINDS, 0)
        self.changes = 0
        self._unseen: dict[str, set[str]] = {}

    def put(self, event: ports.Event) -> None:
        """Take one event."""
        match event:
            case ports.StreamReport():
                self.reports[event.resource] = event
                self.states[event.resource].append(event.state)
            case ports.Listed():
                self._take_page(event)
            case ports.ListDone():
                for name in self._unseen.pop(event.resource):
                    del self.objects[event.resource][name]
                self.lists[event.resource] += 1
            case ports.Changed():
                self.objects[event.resource][identity(event.object)] = event.object
                self.changes += 1
            case ports.Removed() | ports.Undecodable():
                name = f"{event.namespace}/{event.name}"
                self.objects[event.resource].pop(name, None)
                self.changes += 1

    def _take_page(self, page: ports.Listed) -> None:
        known = self.objects[page.resource]
        if page.first:
            self._unseen[page.resource] = set(known)
        for item in page.objects:
            known[identity(item)] = item
            self._unseen[page.resource].discard(identity(item))

    @property
    def is_synced(self) -> bool:
        """Whether everything was listed."""
        return all(self.lists.values())

    @property
    def is_watching(self) -> bool:
        """Whether every stream is well."""
        return self.is_synced and self.are_all(ports.StreamState.WATCHING)

    def are_all(self, state: ports.StreamState) -> bool:
        """Whether every stream is said to be in this state."""
        reports = list(self.reports.values())
        return len(reports) == len(kinds.KINDS) and {each.state for each in reports} == {state}

    def relists(self) -> int:
        """Count the lists after the first, over all resources."""
        return sum(report.relists for report in list(self.reports.values()))

    @property
    def has_relisted_everything(self) -> bool:
        """Whether every resource was listed once more at least."""
        return all(count > 1 for count in self.lists.values())


@contextlib.contextmanager
def following(*urls: str, **settings: str) -> Iterator[Recorder]:
    """Follow etcd with the real source, from in sync on."""
    with starting(*urls, **settings) as recorder:
        wait_for(lambda: recorder.is_watching, "the source to watch everything")
        yield recorder


@contextlib.contextmanager
def starting(*urls: str, **settings: str) -> Iterator[Recorder]:
    """Start the real source."""
    datastore = DatastoreSettings(etcd=EtcdSettings(endpoints=urls, **settings))
    recorder = Recorder()
    watched = source.open_source(datastore, kinds.KINDS)
    watched.start(recorder)
    try:
        yield recorder
    finally:
        watched.stop()


class Line:
    """A TCP line to a member that can be cut, mended and frozen."""

    def __init__(self, port: int) -> None:
        """Lay it."""
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._turn = threading.Lock()  # so that a cut finds every connection
        self._is_cut = False
        self._flows = threading.Event()
        self._flows.set()
        self._carriers: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def url(self) -> str:
        """Where its near end is."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """End all connections, and every new one at once."""
        with self._turn:
            self._is_cut = True
            for end in self._ends:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let connections through again; frozen ones stay silent for ever."""
        self._is_cut = False

    def freeze(self) -> None:
        """Let nothing through any more on the connections that there are, without ending them."""
        self._flows.clear()
        self._flows = threading.Event()
        self._flows.set()

    def close(self) -> None:
        """Take it away."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)  # wakes whoever accepts
        self._accepting.join()
        self.cut()
        for thread in self._carriers:
            thread.join()
        for end in (self._server, *self._ends):
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                with self._turn:
                    self._lay(near)

    def _lay(self, near: socket.socket) -> None:
        if self._is_cut:
            near.close()
            return
        self._ends.append(near)
        try:
            far = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            near.shutdown(socket.SHUT_RDWR)
            return
        self._ends.append(far)
        for one, other in ((near, far), (far, near)):
            arguments = (one, other, self._flows)
            self._carriers.append(threading.Thread(target=self._carry, args=arguments))
            self._carriers[-1].start()

    @staticmethod
    def _carry(one: socket.socket, other: socket.socket, flows: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if not flows.is_set():
                    continue
                other.sendall(data)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)
