"""Simulated Felix clients, many in one thread: `python -m benchmarks.swarm --certs DIR`.

Obeys a JSON object a line on standard input and answers each with one:

`connect` (groups, port, patience) adds clients and answers when all are in sync; `mark` forgets
what has arrived so far; `waiting` (stamp) counts the clients that have not seen the change of
that moment; `report` (frames) tells latency and counts since the mark; `check` (state) compares
what every client was told with what is so; `leave` closes all connections.
"""

import argparse
import json
import os
import resource
import select
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks import arrivals, children, verdict
from benchmarks.felix import Client, Group, State

PATIENCE_SECONDS: Final = 120.0
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


class Arrival:
    """Clients that are connecting, and when that is over."""

    def __init__(self, clients: list[Client], rate: float, patience: float) -> None:
        self.clients: Final = clients
        self.begun: Final = time.monotonic()
        self.rate: Final = rate
        self.deadline: Final = self.begun + patience
        self.started = 0

    def due(self) -> list[Client]:
        """Return the clients that are to connect now."""
        allowed = int((time.monotonic() - self.begun) * self.rate) + 1
        start, self.started = self.started, min(allowed, len(self.clients))
        return self.clients[start : self.started]

    def over(self) -> bool:
        """Tell whether every client is in sync or lost, or the patience is at its end."""
        return time.monotonic() > self.deadline or all(settled(client) for client in self.clients)

    def outcome(self) -> dict[str, Any]:
        """Tell how it went; times in seconds since the first connection was started."""
        done = [client for client in self.clients if client.in_sync_at or client.group.sink]
        secured = sorted(client.secured_at - self.begun for client in done)
        synced = sorted(max(client.in_sync_at - self.begun, 0.0) for client in done)
        return {
            "in_sync": len(done),
            "failed": len(self.clients) - len(done),
            "errors": sorted({client.error for client in self.clients if client.error})[:3],
            "secured_s": secured[-1] if secured else 0.0,
            "first_s": synced[0] if synced else 0.0,
            "last_s": synced[-1] if synced else 0.0,
        }


def settled(client: Client) -> bool:
    """Tell whether nothing more is to be waited for from a client that connects."""
    done = client.secured_at if client.group.sink else client.in_sync_at
    return bool(done) or client.state is State.CLOSED


class Swarm:
    """The connections of one process."""

    def __init__(self, tls: ssl.SSLContext, first_number: int, samplers: int) -> None:
        self._tls = tls
        self._first_number = first_number
        self._samplers = samplers
        self._clients: list[Client] = []
        self._by_descriptor: dict[int, Client] = {}
        self._poll = select.epoll()
        self._arrival: Arrival | None = None
        self._port = 0
        self._checker = verdict.Checker()
        self._marked = time.time_ns()

    def run(self, orders: int) -> None:
        """Serve until the descriptor that orders come from is closed."""
        os.set_blocking(orders, False)
        self._poll.register(orders, select.EPOLLIN)
        text = b""
        while True:
            for descriptor, _ in self._poll.poll(0.002 if self._arrival else None, 256):
                if descriptor != orders:
                    self._serve(self._by_descriptor[descriptor])
                    continue
                if not (read := os.read(orders, 1 << 20)):
                    return
                *lines, text = (text + read).split(b"\n")
                for line in lines:
                    self._obey(json.loads(line))
            if self._arrival:
                self._arrive(self._arrival)

    def _serve(self, client: Client) -> None:
        before = client.state
        client.ready()
        if client.state is before:
            return
        if client.state is State.HANDSHAKE:
            self._poll.modify(client.socket, select.EPOLLIN)
        elif client.state is State.STUCK:
            self._poll.modify(client.socket, 0)

    def _arrive(self, arrival: Arrival) -> None:
        for client in arrival.due():
            client.connect(("127.0.0.1", self._port))
            self._by_descriptor[client.socket.fileno()] = client
            self._poll.register(client.socket, select.EPOLLOUT)
        if arrival.over():
            self._arrival = None
            children.tell(arrival.outcome())

    def _obey(self, order: dict[str, Any]) -> None:
        verb = order.pop("do")
        if verb == "connect":
            self._connect(**order)
        else:
            verbs: dict[str, Callable[..., dict[str, Any]]] = {
                "mark": self._mark,
                "waiting": self._waiting,
                "report": self._report,
                "check": self._check,
                "leave": self._leave,
            }
            children.tell(verbs[verb](**order))

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
            first = self._first_number + len(self._clients) + len(arriving)
            made = [Client(first + turn, group, self._tls) for turn in range(group.clients)]
            self._choose(made, group)
            arriving += made
        self._clients += arriving
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
        self._checker.digest(self._clients)
        self._marked = time.time_ns()
        return {"marked": self._marked}

    def _waiting(self, stamp: int) -> dict[str, Any]:
        reading = [client for client in self._clients if follows(client)]
        return {"waiting": sum(1 for client in reading if arrivals.newest(client) < stamp)}

    def _report(self, frames: str = "") -> dict[str, Any]:
        reading = [client for client in self._clients if follows(client)]
        if frames:
            arrivals.write_frames(self._clients, Path(frames))
        closed = [client for client in self._clients if client.state is State.CLOSED]
        errors = sorted({client.error for client in closed})[:3]
        used = resource.getrusage(resource.RUSAGE_SELF)
        return arrivals.summary(reading, self._marked) | {
            "closed": len(closed),
            "errors": errors,
            "swarm_cpu_s": used.ru_utime + used.ru_stime,
        }

    def _check(self, state: dict[str, Any]) -> dict[str, Any]:
        self._checker.digest(self._clients)
        return self._checker.compare(self._clients, state)

    def _leave(self) -> dict[str, Any]:
        for client in self._clients:
            client.close("left")
        left = len(self._clients)
        self._clients.clear()
        self._by_descriptor.clear()
        return {"left": left}


def follows(client: Client) -> bool:
    """Tell whether a client is told of every change: it reads, and wants what changes."""
    return client.state is State.STREAMING and client.group.syncer == "felix"


def main() -> None:
    """Be a swarm until standard input ends."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.swarm")
    arguments.add_argument("--certs", type=Path, required=True)
    arguments.add_argument("--protocol", choices=("tls12", "tls13"), default="tls13")
    arguments.add_argument("--first-number", type=int, default=0)
    arguments.add_argument("--samplers", type=int, default=3)
    options = arguments.parse_args()
    tls = context(options.certs, options.protocol)
    Swarm(tls, options.first_number, options.samplers).run(sys.stdin.fileno())


if __name__ == "__main__":
    main()
