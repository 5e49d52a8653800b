"""Starts the real process tree for a test, and makes sure that nothing of it is left."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks import free_ports
from benchmarks.follower import Follower
from typha import dialing
from typha.certs import making
from typha.certs.making import Plan, Subject
from typha.dialing import Address, Timeouts, Tls
from typha.syncproto import generations
from typha.syncproto.messages import SyncerType

PATIENCE_SECONDS = 90.0  # a loaded machine is slow
TIMEOUTS = Timeouts(connect=PATIENCE_SECONDS, read=PATIENCE_SECONDS, write=PATIENCE_SECONDS)


def make_certificates(folder: Path) -> None:
    """Make the set of the installation guide."""
    server = Subject(stem="typha", common_name="calico-typha", uri="", server=True)
    client = Subject(stem="calico-node", common_name="calico-node", uri="spiffe://felix")
    making.make(Plan(subjects=(server, client), days=1, use_rsa=False), folder)


@dataclass
class Server:
    """A running `typha serve`."""

    process: subprocess.Popen
    port: int
    folder: Path
    run_directory: Path  # where its sockets are
    certificates: Path | None
    clients: list = field(default_factory=list)
    readers: list[threading.Thread] = field(default_factory=list)  # of some of them, to its end

    @property
    def tls(self) -> Tls | None:
        """What a proper client presents."""
        if self.certificates is None:
            return None
        return Tls(
            ca_file=str(self.certificates / "typhaca.crt"),
            cert_file=str(self.certificates / "calico-node.crt"),
            key_file=str(self.certificates / "calico-node.key"),
            server_cn="calico-typha",
        )

    def log(self) -> str:
        """Read what it has logged."""
        return (self.folder / "serve.log").read_text()

    def child(self, name: str) -> psutil.Process:
        """Find a child by name: watcher, ops, worker-0; one that was just forked has none yet."""
        found: list[psutil.Process] = []

        def is_there() -> bool:
            for child in psutil.Process(self.process.pid).children():
                with contextlib.suppress(psutil.Error):
                    if child.name() == f"typha {name}"[:15]:
                        found.append(child)
            return bool(found)

        wait_for(is_there, f"a process called {name}")
        return found[0]

    def wait_ready(self) -> None:
        """Wait until every process works; the port may be open before the last worker is there."""
        command = [sys.executable, "-m", "typha", "status", "--wait"]
        patience = ["--timeout", str(PATIENCE_SECONDS), "--rundir", str(self.run_directory)]
        subprocess.run([*command, *patience], check=True, capture_output=True)

    def connect(self, version: str = generations.NEWEST, syncer: SyncerType = SyncerType.FELIX):
        """Connect as a client of some release."""
        hello = generations.hello(syncer, version=version, hostname="test-node")
        address = Address("127.0.0.1", self.port)
        return dialing.connect(address, hello, tls=self.tls, timeouts=TIMEOUTS)

    def connect_all(self, count: int) -> list[Follower]:
        """Connect and let each come in sync."""
        return [self.follower() for _ in range(count)]

    def read_on_a_thread(self, body: Callable[[Follower], None], client: Follower) -> None:
        """Let a client be read until the server ends it."""
        self.readers.append(threading.Thread(target=body, args=(client,), daemon=True))
        self.readers[-1].start()

    def follower(self, **options) -> Follower:
        """Connect a client, and let it come in sync."""
        follower = Follower(self.connect(**options))
        self.clients.append(follower)
        follower.read_until_in_sync()
        return follower


@contextlib.contextmanager
def running(
    folder: Path, manifests: Path, *, tls: bool = True, **settings: str
) -> Iterator[Server]:
    """Serve a folder of manifests for as long as the block lasts."""
    port = free_ports.take()
    # Not in `folder`: pytest's own are too deep for the names of Unix sockets.
    run_directory = Path(tempfile.mkdtemp(prefix="t-"))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TYPHA_")}
    environ |= {
        "TYPHA_DATASTORETYPE": "file",
        "TYPHA_MANIFESTDIR": str(manifests),
        "TYPHA_SERVERHOST": "127.0.0.1",
        "TYPHA_SERVERPORT": str(port),
        "TYPHA_RUNDIR": str(run_directory),
        "TYPHA_LOGFILEPATH": "none",
        "TYPHA_LOGSEVERITYSYS": "none",
        "TYPHA_MAXUNAUTHENTICATEDPERADDRESS": "1000",
        # The tests' clients read, and answer pings, only when they are asked to; and on a loaded
        # machine a handshake may take its time.
        "TYPHA_SERVERHANDSHAKETIMEOUTSECS": "300",
        "TYPHA_SERVERPONGTIMEOUTSECS": "600",
        "TYPHA_WORKERS": "2",
    }
    certificates = None
    if tls:
        certificates = folder / "certs"
        if not certificates.exists():
            make_certificates(certificates)
        environ |= {
            "TYPHA_CAFILE": str(certificates / "typhaca.crt"),
            "TYPHA_SERVERCERTFILE": str(certificates / "typha.crt"),
            "TYPHA_SERVERKEYFILE": str(certificates / "typha.key"),
            "TYPHA_CLIENTCN": "calico-node",
        }
    environ |= {f"TYPHA_{name.upper()}": value for name, value in settings.items()}
    with (folder / "serve.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "typha", "serve"], env=environ, stdout=log, stderr=log
        )
    server = Server(process, port, folder, run_directory, certificates)
    try:
        host = environ["TYPHA_SERVERHOST"]
        wait_for(
            lambda: _accepts(host, port) or process.poll() is not None, "the server to listen"
        )
        yield server
    finally:
        _end(process)
        # A socket is not closed under the hands of who reads it: its number may be another's soon.
        for reader in server.readers:
            reader.join(PATIENCE_SECONDS)
        for client in server.clients:
            client.connection.close()
        shutil.rmtree(run_directory)


def _accepts(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), 10):
        return True
    return False


def _end(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def wait_for(condition, what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a condition holds; fails the test when it never does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {what}")
