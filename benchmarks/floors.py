"""The floor during a benchmark: its processes, and clients that only decrypt and read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.children import Child

Swarm = Callable[[], Child]


class Floors:
    """Bare senders and as many readers as the server under test has clients."""

    def __init__(self, arguments: tuple[str, ...], swarm: Swarm, per_swarm: int) -> None:
        """Prepare; `arguments` are the floor's own, `swarm` starts a process of readers."""
        self._arguments: Final = arguments
        self._swarm: Final = swarm
        self._per_swarm: Final = per_swarm
        self._floor: Child | None = None
        self._readers: list[Child] = []
        self._taken = 0

    def measure(self, frames: Path, clients: int, workers: int, *, handshakes: bool) -> float:
        """Return the CPU seconds that sending these frames costs, with or without handshakes."""
        greeting = 0.0
        if handshakes or clients != self._taken:
            greeting = self._connect(clients, workers)["handshakes_cpu_s"]
        assert self._floor
        sending: float = self._floor.ask("send", frames=str(frames))["cpu_s"]
        return sending + greeting if handshakes else sending

    def _connect(self, clients: int, workers: int) -> dict[str, Any]:
        self.close()
        self._floor = Child("floor", *self._arguments)
        port = self._floor.answer()["port"]
        count = -(-clients // self._per_swarm)
        self._readers = [self._swarm() for _ in range(count)]
        self._floor.order("accept", clients=clients, workers=workers)
        for turn, reader in enumerate(self._readers):
            part = clients // count + (turn < clients % count)
            reader.order("connect", groups=[{"clients": part, "sink": True}], port=port)
        for reader in self._readers:
            reader.answer()
        self._taken = clients
        return self._floor.answer()

    def close(self) -> None:
        """End the floor and its readers."""
        for reader in self._readers:
            reader.close()
        if self._floor:
            self._floor.close()
        self._readers, self._floor, self._taken = [], None, 0
