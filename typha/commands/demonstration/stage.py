"""The server of the demonstration: certificates, a configuration file, `typha serve` on them."""

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from typha.certs import making
from typha.certs.making import Plan, Subject
from typha.commands import CommandError, asking
from typha.dialing import Address, Tls
from typha.parent import children

SHUTDOWN_SECONDS: Final = 3
ENDING_SECONDS: Final = 60.0  # then something is wrong
LAST_LINES: Final = 12
_DETAIL: Final = re.compile(r'detail="((?:[^"\\]|\\.)*)"')

_CONFIGURATION: Final = """\
[global]
DatastoreType = file
ManifestDir = {folder}/manifests
ServerHost = 127.0.0.1
ServerPort = {server}
ServerCertFile = {folder}/certs/typha.crt
ServerKeyFile = {folder}/certs/typha.key
CAFile = {folder}/certs/typhaca.crt
ClientCN = calico-node
Workers = {workers}
RunDir = {folder}/run
HealthEnabled = true
HealthPort = {health}
PrometheusMetricsEnabled = true
PrometheusMetricsHost = 127.0.0.1
PrometheusMetricsPort = {metrics}
LogFilePath = none
LogSeveritySys = none
ShutdownTimeoutSecs = {shutdown}
"""


class Stage:
    """A folder with everything in it, and the server that runs on it."""

    def __init__(self, folder: Path, workers: int) -> None:
        """Make certificates and configuration; nothing is started yet."""
        self.folder = folder
        self.workers = workers
        self.server, self.health, self.metrics = _free_ports(3)
        subjects = (
            Subject(stem="typha", common_name="calico-typha", server=True),
            Subject(stem="calico-node", common_name="calico-node"),
            Subject(stem="stranger", common_name="somebody-else"),
        )
        self.certificates = making.make(Plan(subjects=subjects, days=7), folder / "certs")
        self.configuration = folder / "typha.cfg"
        self.configuration.write_text(
            _CONFIGURATION.format(
                folder=folder,
                workers=workers,
                server=self.server,
                health=self.health,
                metrics=self.metrics,
                shutdown=SHUTDOWN_SECONDS,
            ),
            encoding="utf-8",
        )
        self._asking = asking.Server(
            rundir=str(folder / "run"), url=None, config_file=str(self.configuration)
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> Address:
        """Where clients connect."""
        return Address("127.0.0.1", self.server)

    def tls(self, stem: str = "calico-node") -> Tls:
        """Return what a client presents."""
        certs = self.folder / "certs"
        return Tls(
            ca_file=str(certs / "typhaca.crt"),
            cert_file=str(certs / f"{stem}.crt"),
            key_file=str(certs / f"{stem}.key"),
            server_cn="calico-typha",
        )

    def start(self) -> None:
        """Start the server, whose log goes to a file."""
        environ = {name: v for name, v in os.environ.items() if not name.startswith("TYPHA_")}
        command = [sys.executable, "-m", "typha", "serve", "-c", str(self.configuration)]
        with (self.folder / "serve.log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 our own program
                command,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is for the story, which ends the server itself
                preexec_fn=_follow_into_death,  # noqa: PLW1509 there is no other thread yet
            )

    def is_ready(self) -> bool:
        """Say whether the server is ready.  Raises CommandError if it has ended."""
        self._must_be_running()
        try:
            return bool(self.status()["ready"])
        except asking.AbsentError:
            return False

    def status(self) -> Any:
        """Return what `typha status` tells."""
        return self._asking.ask("/status.json")

    def clients(self) -> Any:
        """Return what `typha clients` tells."""
        return self._asking.ask("/clients.json")

    def kill(self, name: str) -> int:
        """Kill a process of the server as a crash would; return its pid."""
        pid = self.process(name)["pid"]
        os.kill(pid, signal.SIGKILL)
        return int(pid)

    def process(self, name: str) -> Any:
        """Return what is known of one process."""
        return next(row for row in self.status()["processes"] if row["name"] == name)

    def end(self) -> int:
        """Ask the server to end, and return its exit code."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def logged(self, word: str) -> str:
        """Return what the newest log line that holds `word` tells in detail, "" if none does."""
        lines = [line for line in self._log() if word in line]
        found = _DETAIL.search(lines[-1]) if lines else None
        return found[1].replace('\\"', '"') if found else ""

    def last_lines(self) -> list[str]:
        """Return the end of the log."""
        return self._log()[-LAST_LINES:]

    def _log(self) -> list[str]:
        try:
            return (self.folder / "serve.log").read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return []

    def _must_be_running(self) -> None:
        if self._process is None or self._process.poll() is not None:
            raise CommandError("the server has ended", "its last words are above")


def _follow_into_death() -> None:
    """Let the server end when the story is killed."""
    children.end_with_parent(signal.SIGTERM)


def _free_ports(count: int) -> list[int]:
    """Find ports that nobody listens on.

    The kernel chooses others for outgoing connections, one of which might take a port just before
    the server does.
    """
    found: list[int] = []
    for port in random.sample(range(10_000, 32_000), 1000):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
        if len(found) == count:
            break
    return found
