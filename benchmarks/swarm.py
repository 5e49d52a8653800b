"""Simulated Felix clients, many in one thread: `python -m benchmarks.swarm --certs DIR`.

Obeys a JSON object a line on standard input and answers each with one:

`connect` (groups, port, patience) adds clients and answers when all are in sync; `mark` forgets
what has arrived so far; `waiting` (stamp) counts the clients that have not seen the change of
that moment; `report` (frames) tells latency and counts since the mark; `check` (state) compares
what every client was told with what is so.
"""

import argparse
import json
import os
import select
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import arrivals, children, verdict
from benchmarks.arriving import Arrival
from benchmarks.felix import Client, Group, State

PATIENCE_SECONDS: Final = 120.0
CONNECTING_SECONDS: Final = 0.002  # between looks at clients that are to connect
ALL_AT_ONCE: Final = 1_000_000.0  # connections started per second


def context(certs: Path, protocol: str) -> ssl.SSLContext:
    """Prepare TLS as Felix does: its own certificate, the server's verified, no session cache."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False  # Felix checks the common name, not the host
    made.load_verify_locations(certs / "typhaca.crt")
    made.load_cert_chain(certs / "calico-node.crt", certs / "calico-node.key")
    version = {"tls12": ssl.TLSVersion.TLSv1_2, "tls13": ssl.TLSVersion.TLSv1_3}[protocol]
    made.minimum_version = made.maximum_version = version
    if protocol == "tls12":
        made.set_ciphers("ECDHE+AESGCM")
    return made


@dataclass(frozen=True, slots=True)
class SwarmOptions:
    """What a swarm is told at its start."""

    certs: Path
    protocol: str
    first_number: int
    samplers: int

    @classmethod
    def of(cls, given: argparse.Namespace) -> "SwarmOptions":
        """Take them from the command line."""
        return cls(given.certs, given.protocol, given.first_number, given.samplers)


class Swarm:
    """The connections of one process."""

    def __init__(self, options: SwarmOptions) -> None:
        self.tls: Final = context(options.certs, options.protocol)
        self.poll: Final = select.epoll()
        self.clients: Final[list[Client]] = []
        self.checker: Final = verdict.Checker()
        self._first_number = options.first_number
        self._samplers = options.samplers
        self._by_descriptor: dict[int, Client] = {}
        self._arrival: Arrival | None = None
        self._port = 0
        self._marked = time.time_ns()

    def run(self, orders: int) -> None:
        """Serve until the descriptor that orders come from is closed."""
        os.set_blocking(orders, False)
        self.poll.register(orders, select.EPOLLIN)
        text = b""
        while True:
            for descriptor, _ in self.poll.poll(self.patience(), 256):
                if descriptor != orders:
                    self._serve(self._by_descriptor[descriptor])
                    continue
                if not (read := os.read(orders, 1 << 20)):
                    return
                *lines, text = (text + read).split(b"\n")
                for line in lines:
                    self._obey(json.loads(line))
            self.turn()

    def patience(self) -> float | None:
        """Tell how long nothing has to be done unless something comes, in seconds."""
        return CONNECTING_SECONDS if self._arrival else None

    def turn(self) -> None:
        """Do what is due."""
        if self._arrival:
            for client in self._arrival.due():
                self.begin(client)
            if self._arrival.over():
                children.tell(self._arrival.outcome())
                self._arrival = None

    def begin(self, client: Client) -> None:
        """Let a client connect."""
        client.connect(("127.0.0.1", self._port))
        self._by_descriptor[client.socket.fileno()] = client
        self.poll.register(client.socket, select.EPOLLOUT)

    def verbs(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return what can be asked for, by name."""
        return {
            "mark": self._mark,
            "waiting": self._waiting,
            "report": self._report,
            "check": self._check,
        }

    def _serve(self, client: Client) -> None:
        before = client.state
        client.ready()
        if client.state is before:
            return
        if client.state is State.HANDSHAKE:
            self.poll.modify(client.socket, select.EPOLLIN)
        elif client.state is State.STUCK:
            self.poll.modify(client.socket, 0)

    def _obey(self, order: dict[str, Any]) -> None:
        verb = order.pop("do")
        if verb == "connect":
            self._connect(**order)  # which is answered when all have arrived
        else:
            children.tell(self.verbs()[verb](**order))

    def _connect(
        self,
        groups: list[dict[str, Any]],
        port: int,
        *,
        rate: float = ALL_AT_ONCE,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._port = port
        arriving: list[Client] = []
        for group in (Group(**given) for given in groups):
            first = self._first_number + len(self.clients) + len(arriving)
            made = [Client(first + turn, group, self.tls) for turn in range(group.clients)]
            self._choose(made, group)
            arriving += made
        self.clients.extend(arriving)
        self._arrival = Arrival(arriving, rate, patience)

    def _choose(self, made: list[Client], group: Group) -> None:
        """Choose the samplers, spread over the group, and those that will stop reading."""
        for client in made[: group.stuck]:
            client.will_stick = True
        reading = made[group.stuck :]
        wanted = min(self._samplers, len(reading))
        for turn in range(0 if group.sink else wanted):
            reading[(2 * turn + 1) * len(reading) // (2 * wanted)].record = []

    def _mark(self) -> dict[str, Any]:
        self.checker.digest(self.clients)
        self._marked = time.time_ns()
        return {"marked": self._marked}

    def _waiting(self, stamp: int) -> dict[str, Any]:
        reading = [client for client in self.clients if follows(client)]
        return {"waiting": sum(1 for client in reading if arrivals.newest(client) < stamp)}

    def _report(self, frames: str = "") -> dict[str, Any]:
        reading = [client for client in self.clients if follows(client)]
        if frames:
            arrivals.write_frames(self.clients, Path(frames))
        closed = [client for client in self.clients if client.state is State.CLOSED]
        return arrivals.summary(reading, self._marked) | {
            "closed": len(closed),
            "errors": sorted({client.error for client in closed})[:3],
        }

    def _check(self, state: dict[str, Any]) -> dict[str, Any]:
        self.checker.digest(self.clients)
        return self.checker.compare(self.clients, state)


def follows(client: Client) -> bool:
    """Tell whether a client is told of every change: it reads, and wants what changes."""
    return client.state is State.STREAMING and client.group.syncer == "felix"


def arguments(program: str) -> argparse.ArgumentParser:
    """Describe the command line of a swarm."""
    made = argparse.ArgumentParser(prog=program)
    made.add_argument("--certs", type=Path, required=True)
    made.add_argument("--protocol", choices=("tls12", "tls13"), default="tls13")
    made.add_argument("--first-number", type=int, default=0)
    made.add_argument("--samplers", type=int, default=3)
    return made


def main() -> None:
    """Be a swarm until standard input ends."""
    options = arguments("python -m benchmarks.swarm").parse_args()
    Swarm(SwarmOptions.of(options)).run(sys.stdin.fileno())


if __name__ == "__main__":
    main()
