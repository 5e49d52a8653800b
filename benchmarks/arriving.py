"""Clients on their way into a server, and how that went."""

import time
from typing import Any, Final

from benchmarks.felix import Client, State


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
            "half_s": synced[len(synced) // 2] if synced else 0.0,
            "last_s": synced[-1] if synced else 0.0,
        }


def settled(client: Client) -> bool:
    """Tell whether nothing more is to be waited for from a client that connects."""
    done = client.secured_at if client.group.sink else client.in_sync_at
    return bool(done) or client.state is State.CLOSED
