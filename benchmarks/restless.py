"""Simulated Felix clients that come back: `python -m benchmarks.restless --certs DIR`.

Obeys what `benchmarks.swarm` obeys, and `persist` (from now on a lost connection is made anew),
`hang_up` (clients) without a word, and `pause` (clients, seconds) reading.
"""

import random
import select
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from benchmarks import swarm
from benchmarks.felix import Client, State

BACK_AFTER_SECONDS: Final = 0.3  # a Felix waits 0.1 s between attempts
PATROL_SECONDS: Final = 0.1
DIGEST_SECONDS: Final = 2.0  # what has arrived is worked in so often, so that no log grows


class RestlessSwarm(swarm.Swarm):
    """A swarm whose clients end, come back and dawdle."""

    def __init__(self, options: swarm.SwarmOptions, seed: int) -> None:
        super().__init__(options)
        self._dice = random.Random(seed)
        self._persistent = False
        self._lost: Counter[str] = Counter()
        self._back_at: dict[int, float] = {}  # place in the list -> when to connect anew
        self._reading_at: dict[Client, float] = {}  # paused clients -> when to read again
        self._patrol_at = self._digest_at = 0.0

    def verbs(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Add what only restless clients do."""
        return super().verbs() | {
            "persist": self._persist,
            "hang_up": self._hang_up,
            "pause": self._pause,
        }

    def patience(self) -> float | None:
        """Wake up often enough to look after the clients."""
        usual = super().patience()
        return PATROL_SECONDS if self._persistent and usual is None else usual

    def turn(self) -> None:
        """Bring back who was lost and wake who was paused."""
        super().turn()
        now = time.monotonic()
        if not self._persistent or now < self._patrol_at:
            return
        self._patrol_at = now + PATROL_SECONDS
        for place, client in enumerate(self.clients):
            if client.state is State.CLOSED:
                self._mourn(place, client, now)
        for client, until in list(self._reading_at.items()):
            if now >= until:
                del self._reading_at[client]
                if client.state is not State.CLOSED:
                    self.poll.modify(client.socket, select.EPOLLIN)
        if now >= self._digest_at:
            self._digest_at = now + DIGEST_SECONDS
            self.checker.digest(self.clients)

    def _mourn(self, place: int, client: Client, now: float) -> None:
        """Note a loss; after a while put a new client in the place of the lost one."""
        due = self._back_at.get(place)
        if due is None:
            self._lost[client.error] += 1
            self._back_at[place] = now + BACK_AFTER_SECONDS * (1 + self._dice.random())
        elif now >= due:
            del self._back_at[place]
            self.clients[place] = anew = Client(client.number, client.group, self.tls)
            anew.record = None if client.record is None else []
            self.begin(anew)

    def _persist(self) -> dict[str, Any]:
        """Begin to bring clients back; tells how many were lost so far, by reason."""
        self._persistent = True
        streaming = sum(bool(client.in_sync_at) for client in self.clients if alive(client))
        return {"lost": dict(self._lost), "in_sync": streaming, "clients": len(self.clients)}

    def _hang_up(self, clients: int) -> dict[str, Any]:
        chosen = self._some(clients)
        for client in chosen:
            client.close("hung up")
        return {"hung_up": len(chosen)}

    def _pause(self, clients: int, seconds: float) -> dict[str, Any]:
        chosen = self._some(clients)
        for client in chosen:
            self.poll.modify(client.socket, 0)
            self._reading_at[client] = time.monotonic() + seconds
        return {"paused": len(chosen)}

    def _some(self, count: int) -> list[Client]:
        """Choose streaming clients that are not paused already."""
        streaming = [
            client
            for client in self.clients
            if client.state is State.STREAMING and client not in self._reading_at
        ]
        return self._dice.sample(streaming, min(count, len(streaming)))


def alive(client: Client) -> bool:
    """Tell whether a client is connected."""
    return client.state is not State.CLOSED


def main() -> None:
    """Be a restless swarm until standard input ends."""
    arguments = swarm.arguments("python -m benchmarks.restless")
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    seed = options.seed
    RestlessSwarm(swarm.SwarmOptions.of(options), seed).run(sys.stdin.fileno())


if __name__ == "__main__":
    main()
