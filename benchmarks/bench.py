"""Everything that runs during a benchmark: API server, server under test, clients, floor.

Knows how to start, feed, watch and stop them; what is measured with them is the scenarios' matter.
"""

import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from benchmarks import certificates, tree
from benchmarks.children import Child
from benchmarks.felix import Group
from benchmarks.floors import Floors
from benchmarks.kvs_server import Feeder

SPARE_DESCRIPTORS: Final = 1000  # for all but the clients
CLIENTS_PER_SWARM: Final = 2000  # one thread serves so many without being late itself
DELIVERY_SECONDS: Final = 60.0  # what has not come by then is missing
POLL_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says."""

    clients: int = 600
    workers: int = 2
    kvs: int = 10_000
    rate: float = 1000.0
    seconds: float = 10.0
    family: str = "policies"
    source: str = "api"
    protocol: str = "tls13"
    rsa: bool = False
    seed: int = 1
    stuck: int = 1
    samplers: int = 3
    settings: dict[str, str] = field(default_factory=dict)
    command: Sequence[str] = ()


def say(text: str) -> None:
    """Show progress."""
    sys.stderr.write(f"  {text}\n")
    sys.stderr.flush()


class Bench:
    """One server with its surroundings.  Use it as a context manager."""

    def __init__(self, options: Options) -> None:
        allow_descriptors(options.clients)
        tree.compile_as_installed()
        self.options = options
        self._stack: Final = ExitStack()
        self.folder: Final = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.certs: Final = certificates.make(self.folder / "certs", rsa=options.rsa)
        self._preference = certificates.prefer_as_go_does(self.folder / "openssl.cnf")
        self.api_port = 0
        self.load: Final = self._loader()
        self.swarms: Final[list[Child]] = []
        self.connected = 0
        given = ("--certs", str(self.certs), "--protocol", options.protocol)
        self._floors: Final = Floors(given, self.swarm, CLIENTS_PER_SWARM)
        self._tree: tree.Tree | None = None

    def __enter__(self) -> Self:
        """Return the bench; nothing but the API server runs yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        self.disconnect()
        self._floors.close()
        if self._tree:
            self._tree.stop()
        self._stack.close()

    def at_rate(self, rate: float) -> Self:
        """Set the rate of churn; returns the bench."""
        self.options = replace(self.options, rate=rate)
        return self

    @property
    def running(self) -> bool:
        """Tell whether the server under test was started."""
        return self._tree is not None

    @property
    def tree(self) -> tree.Tree:
        """Return the server under test."""
        assert self._tree, "the server has not been started"
        return self._tree

    def _loader(self) -> Child | Feeder:
        options = self.options
        if options.source == "kvs":
            return Feeder(self.folder / "orders")
        given = (
            "--family",
            options.family,
            "--count",
            str(options.kvs),
            "--seed",
            str(options.seed),
        )
        child = self._stack.enter_context(Child("api", *given))
        self.api_port = child.answer()["port"]
        return child

    def _command(self) -> Sequence[str]:
        options = self.options
        if options.source == "kvs":
            given = (str(options.kvs), str(options.seed), str(self.folder / "orders"))
            return (sys.executable, "-m", "benchmarks.kvs_server", *given)
        return options.command or tree.SERVE

    def start(self) -> None:
        """Start the server under test and wait until it listens."""
        options = self.options
        self._tree = tree.Tree(
            tree.Setup(
                folder=self.folder,
                certs=self.certs,
                api_port=self.api_port,
                workers=options.workers,
                command=self._command(),
                settings=options.settings,
            )
        )
        self._tree.listening()

    def swarm(self, number: int = 0, samplers: int | None = None) -> Child:
        """Start a process of simulated clients; the caller closes it."""
        wanted = self.options.samplers if samplers is None else samplers
        return self.clients_of("swarm", f"--first-number={number}", f"--samplers={wanted}")

    def clients_of(self, module: str, *arguments: str) -> Child:
        """Start a process of simulated clients of one sort or another; the caller closes it."""
        return Child(
            module,
            *("--certs", str(self.certs), "--protocol", self.options.protocol),
            *arguments,
            OPENSSL_CONF=str(self._preference),
        )

    def connect(self, groups: Sequence[Group], rate: float | None = None) -> dict[str, Any]:
        """Connect clients, all at once or so many a second, and wait until they are in sync."""
        total = sum(group.clients for group in groups)
        count = -(-total // CLIENTS_PER_SWARM)
        self.swarms.extend(self.swarm(turn * CLIENTS_PER_SWARM) for turn in range(count))
        for turn, swarm in enumerate(self.swarms):
            shares = [asdict(share(group, turn, count)) for group in groups]
            paced = {} if rate is None else {"rate": rate / count}
            swarm.order("connect", groups=shares, port=self.tree.port, **paced)
        answers = [swarm.answer() for swarm in self.swarms]
        self.connected = sum(answer["in_sync"] for answer in answers)
        return {
            "in_sync": self.connected,
            "failed": sum(answer["failed"] for answer in answers),
            "errors": [error for answer in answers for error in answer["errors"]],
            "last_s": max(answer["last_s"] for answer in answers),
        }

    def disconnect(self) -> None:
        """Let all clients leave."""
        for swarm in self.swarms:
            swarm.close()
        self.swarms.clear()
        self.connected = 0

    def mark(self) -> None:
        """Let the clients forget what has arrived so far."""
        self._ask("mark")

    def delivered(self, stamp: int) -> float:
        """Wait until every client has seen the change of that moment; returns when that was."""
        deadline = time.monotonic() + DELIVERY_SECONDS
        while time.monotonic() < deadline:
            if not sum(answer["waiting"] for answer in self._ask("waiting", stamp=stamp)):
                break
            time.sleep(POLL_SECONDS)
        return time.monotonic()

    def report(self) -> dict[str, Any]:
        """Collect what the clients received since the mark; frames go to `frames_path`."""
        path = str(self.frames_path)
        answers = [
            swarm.ask("report", frames="" if turn else path)
            for turn, swarm in enumerate(self.swarms)
        ]
        buckets: Counter[int] = Counter()
        for answer in answers:
            buckets.update({int(bucket): kvs for bucket, kvs in answer.pop("latency").items()})
        summed = {
            name: sum(answer[name] for answer in answers)
            for name in ("clients", "kvs", "messages", "bytes", "closed")
        }
        errors = [error for answer in answers for error in answer["errors"]]
        return {**summed, "latency": buckets, "errors": errors}

    def check(self) -> dict[str, Any]:
        """Compare what every client was told with the state of the API server."""
        answers = self._ask("check", state=self.load.ask("state"))
        return {name: sum(answer[name] for answer in answers) for name in answers[0]}

    @property
    def frames_path(self) -> Path:
        """Where the frames that one client received are written."""
        return self.folder / "frames"

    def floor(self, clients: int, *, handshakes: bool = False) -> float | None:
        """Measure what the bare send loop needs for what the last report wrote; CPU seconds."""
        if not clients or not self.frames_path.stat().st_size:
            return None
        workers = self.options.workers
        return self._floors.measure(self.frames_path, clients, workers, handshakes=handshakes)

    def _ask(self, verb: str, **given: Any) -> list[dict[str, Any]]:
        for swarm in self.swarms:
            swarm.order(verb, **given)
        return [swarm.answer() for swarm in self.swarms]


def allow_descriptors(clients: int) -> None:
    """Let this process and all that it starts have a socket for every client, where it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = clients + SPARE_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def share(group: Group, turn: int, count: int) -> Group:
    """Cut a group for one of several processes."""

    def part(number: int) -> int:
        return number // count + (turn < number % count)

    return Group(
        clients=part(group.clients),
        syncer=group.syncer,
        release=group.release,
        stuck=part(group.stuck),
        sink=group.sink,
    )
