"""The real server as the benchmarks run it: its process tree, settings, certificates and log."""

import compileall
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import typha
import workers
from benchmarks import accounting, free_ports

START_SECONDS: Final = 120.0
SETTLED_CPU: Final = 0.03  # of a core: a tree that uses less is done with its work
SETTLE_SECONDS: Final = 3.0
COMPLAINT: Final = re.compile(r"\[(WARNING|ERROR|CRITICAL|FATAL)\]|Traceback|Error: ")
COMPLAINTS: Final = 20
SERVE: Final = (sys.executable, "-m", "typha", "serve")


class ServerError(Exception):
    """The server did not start, or ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How a server is started."""

    folder: Path  # for its files; certificates are in `certs`
    certs: Path
    api_port: int
    workers: int
    protocol: str = "tls13"
    command: Sequence[str] = SERVE
    settings: dict[str, str] = field(default_factory=dict)


def compile_as_installed() -> None:
    """Put the server's bytecode beside its source, as installing it does."""
    for package in (typha, workers):
        compileall.compile_dir(Path(package.__file__ or "").parent, quiet=2)


def kubeconfig(folder: Path, api_port: int) -> Path:
    """Write how to reach the API server, and return where."""
    path = folder / "kubeconfig"
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "bench",
                "clusters": [
                    {"name": "bench", "cluster": {"server": f"http://127.0.0.1:{api_port}"}}
                ],
                "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
                "users": [{"name": "bench", "user": {}}],
            }
        )
    )
    return path


def environment(setup: Setup, port: int) -> dict[str, str]:
    """Spell the settings as the server reads them."""
    inherited = {name: value for name, value in os.environ.items() if "TYPHA" not in name.upper()}
    return inherited | {
        "KUBECONFIG": str(kubeconfig(setup.folder, setup.api_port)),
        "TYPHA_DATASTORETYPE": "kubernetes",
        "TYPHA_SERVERHOST": "127.0.0.1",
        "TYPHA_SERVERPORT": str(port),
        "TYPHA_LOGFILEPATH": "none",
        "TYPHA_LOGSEVERITYSYS": "none",
        "TYPHA_LOGSEVERITYSCREEN": "info",
        "TYPHA_CAFILE": str(setup.certs / "typhaca.crt"),
        "TYPHA_SERVERCERTFILE": str(setup.certs / "typha.crt"),
        "TYPHA_SERVERKEYFILE": str(setup.certs / "typha.key"),
        "TYPHA_CLIENTCN": "calico-node",
        "TYPHA_WORKERS": str(setup.workers),
        "TYPHA_SHUTDOWNTIMEOUTSECS": "1",
        "TYPHA_RUNDIR": str(setup.folder / "run"),
        # All clients come from one address here, which no cluster has.
        "TYPHA_MAXUNAUTHENTICATEDPERADDRESS": "100000",
        "TYPHA_MAXUNAUTHENTICATED": "100000",
        **setup.settings,
    }


class Tree:
    """A running server and all its processes."""

    def __init__(self, setup: Setup) -> None:
        """Start the server; `listening` tells when clients can come."""
        self.port: Final = free_ports.take()
        self.log: Final = setup.folder / "server.log"
        self.started: Final = time.monotonic()
        with self.log.open("wb") as log:
            self.process: Final = subprocess.Popen(
                setup.command,
                env=environment(setup, self.port),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def listening(self) -> None:
        """Wait until the server listens.  Raises ServerError if it ends, or takes too long."""
        while not accounting.listens(self.port):
            self.alive()
            if time.monotonic() - self.started > START_SECONDS:
                raise ServerError("the server does not listen")
            time.sleep(0.01)

    def alive(self) -> None:
        """Raise ServerError if the server has ended."""
        if (code := self.process.poll()) is not None:
            raise ServerError(f"the server ended with exit code {code}")

    def usage(self) -> accounting.Usage:
        """Account for the CPU of the tree.  Raises ServerError if the server has ended."""
        self.alive()
        return accounting.usage(self.process.pid)

    def pss_mib(self) -> float:
        """Sum the memory of the tree, in MiB."""
        return accounting.tree_pss_mib(self.process.pid)

    def settled(self) -> accounting.Usage:
        """Wait until the tree is done with what it was given; return what it has used by then."""
        before, deadline = self.usage(), time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            time.sleep(0.2)
            after = self.usage()
            if after.total - before.total < 0.2 * SETTLED_CPU:
                return after
            before = after
        return before

    def roles(self) -> dict[int, str]:
        """Name the processes of the tree."""
        return {pid: accounting.name(pid) for pid in accounting.tree(self.process.pid)}

    def last_words(self) -> str:
        """Return the end of the server's log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])

    def complaints(self) -> list[str]:
        """Return the newest lines of the server's log that are warnings or worse."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if COMPLAINT.search(line)][-COMPLAINTS:]

    def stop(self) -> None:
        """End the server, by force if it takes more than 10 s."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
