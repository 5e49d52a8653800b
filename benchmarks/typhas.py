"""Simulated Typhas behind a Service, their clients, and a clock that costs nothing.

Clients behave as the reference's do: a Typha is chosen at random among those that are ready, and
since v3.31 none a second time before all others were tried; older ones restart instead and begin
anew.  What a Typha drops is decided by one of two rules: ours or the reference's.
"""

import heapq
import itertools
import random
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from typha.parent.draining import Drain
from typha.scoreboard import SYNCERS
from typha.watcher import rebalance
from typha.watcher.rebalance import Bounds, Governor, View
from workers import departures

DROP_SECONDS: Final = 1.0  # ConnectionDropIntervalSecs
POLL_SECONDS: Final = 30.0  # K8sServicePollIntervalSecs
SHUTDOWN_SECONDS: Final = 300.0  # ShutdownTimeoutSecs
SNAPSHOT_SECONDS: Final = 1.0  # from a connection to a client that has everything
RECONNECT_SECONDS: Final = 0.1
RESTART_SECONDS: Final = 3.0  # of a Felix that cannot reconnect
NEWCOMER_SECONDS: Final = 60.0
JITTER: Final = 0.1


class Client:
    """One connection's client side."""

    __slots__ = ("accepted_at", "dropped_at", "place", "remembers", "syncer", "tried")

    def __init__(self, syncer: str, *, remembers: bool) -> None:
        self.syncer = syncer
        self.remembers = remembers  # which Typhas it has tried: since v3.31
        self.tried: set[int] = set()
        self.accepted_at = float("-inf")
        self.dropped_at = float("-inf")
        self.place = 0  # in its Typha's list


class Rule(Protocol):
    """Decides what one Typha drops."""

    def take_limit(self, limit: int, typhas: int, nodes: int) -> None:
        """Take what a poll has found."""

    def victim(self, typha: "Typha", now: float, chance: random.Random) -> Client | None:
        """Choose whom to drop now."""


class Original:
    """One client at random whenever there are more than the limit."""

    def __init__(self, bounds: Bounds, _now: float) -> None:
        self._limit = bounds.upper

    def take_limit(self, limit: int, _typhas: int, _nodes: int) -> None:
        """Take what a poll has found."""
        self._limit = limit

    def victim(self, typha: "Typha", _now: float, chance: random.Random) -> Client | None:
        """Choose whom to drop now."""
        return chance.choice(typha.clients) if len(typha.clients) > self._limit else None


class Ours:
    """What the watcher and the workers do."""

    def __init__(self, bounds: Bounds, now: float) -> None:
        self._governor = Governor(DROP_SECONDS, bounds, now)
        self._found = (bounds.upper, 0, 0)
        self._dropped = 0

    def take_limit(self, limit: int, typhas: int, nodes: int) -> None:
        """Take what a poll has found."""
        self._found = (limit, typhas, nodes)

    def victim(self, typha: "Typha", now: float, chance: random.Random) -> Client | None:
        """Choose whom to drop now."""
        limit, typhas, nodes = self._found
        view = View(
            active=len(typha.clients),
            dropped=self._dropped,
            limit=limit,
            typhas=typhas,
            nodes=nodes,
            per_host=rebalance.connections_per_host(typha.by_syncer),
        )
        if self._governor.decide(view, now, chance.random()) is None:
            return None
        settled = [c for c in typha.clients if now - c.accepted_at > SNAPSHOT_SECONDS]
        chosen = departures.newest_first(settled, 1, now, NEWCOMER_SECONDS)
        self._dropped += len(chosen)
        return chosen[0] if chosen else None


class Typha:
    """One server."""

    def __init__(self, number: int, rule: Rule) -> None:
        self.number = number
        self.rule = rule
        self.is_ready = False
        self.is_ending = False
        self.clients: list[Client] = []
        self.by_syncer = dict.fromkeys(SYNCERS, 0)

    def add(self, client: Client) -> None:
        """Take a client in."""
        client.place = len(self.clients)
        self.clients.append(client)
        self.by_syncer[client.syncer] += 1

    def remove(self, client: Client) -> None:
        """Let a client go."""
        last = self.clients.pop()
        if last is not client:
            self.clients[client.place] = last
            last.place = client.place
        self.by_syncer[client.syncer] -= 1


class Cluster:
    """All of it, and what is about to happen."""

    def __init__(
        self,
        rule: Callable[[Bounds, float], Rule],
        bounds: Bounds,
        *,
        seed: int,
        limit: int | None = None,
    ) -> None:
        """Begin with nothing; `limit` replaces the formula's."""
        self.now = 0.0
        self.typhas: list[Typha] = []
        self.drops = 0  # for balance
        self.repeated = 0  # drops of a client that had been dropped less than a minute before
        self.moved_at = 0.0  # when a client was last sent away, for balance or by a shutdown
        self.dropped_at = 0.0
        self._nodes = 0
        self._rule = rule
        self._bounds = bounds
        self._limit = limit
        self._random = random.Random(seed)
        self._numbers = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []

    def run_until(self, moment: float) -> None:
        """Let time pass."""
        while self._events and self._events[0][0] <= moment:
            self.now, _, happen = heapq.heappop(self._events)
            happen()
        self.now = moment

    def at(self, moment: float, happen: Callable[[], None]) -> None:
        """Let something happen later."""
        heapq.heappush(self._events, (moment, next(self._numbers), happen))

    # ---- servers

    def start(self, *, ready_after: float = 0.0) -> Typha:
        """Start a server: it is counted at once, and chosen by clients when it is ready."""
        typha = Typha(next(self._numbers), self._rule(self._bounds, self.now))
        self.typhas.append(typha)
        self.at(self.now + ready_after, lambda: setattr(typha, "is_ready", True))
        self._later(DROP_SECONDS, lambda: self._govern(typha))
        self._later(POLL_SECONDS, lambda: self._poll(typha))
        return typha

    def stop(self, typha: Typha) -> None:
        """End a server gracefully; it is counted until it has gone."""
        typha.is_ready, typha.is_ending = False, True
        held = len(typha.clients)
        drain = Drain(held, timeout=SHUTDOWN_SECONDS, longest_interval=1.0, now=self.now)
        self._drain(typha, drain)

    def ready(self) -> list[Typha]:
        """List whom clients can choose."""
        return [typha for typha in self.typhas if typha.is_ready]

    def _later(self, interval: float, happen: Callable[[], None]) -> None:
        self.at(self.now + interval * (1 + JITTER * self._random.random()), happen)

    def _govern(self, typha: Typha) -> None:
        if typha.is_ending:
            return
        client = typha.rule.victim(typha, self.now, self._random)
        if client is not None:
            self.drops += 1
            self.repeated += self.now - client.dropped_at < NEWCOMER_SECONDS
            client.dropped_at = self.dropped_at = self.now
            self._send_away(client, typha)
        self._later(DROP_SECONDS, lambda: self._govern(typha))

    def _poll(self, typha: Typha) -> None:
        if typha.is_ending:
            return
        limit = rebalance.limit(len(self.typhas), self._nodes, self._bounds).connections
        if self._limit is not None:
            limit = self._limit
        typha.rule.take_limit(limit, len(self.ready()), self._nodes)
        self._later(POLL_SECONDS, lambda: self._poll(typha))

    def _drain(self, typha: Typha, drain: Drain) -> None:
        leaving = drain.take(self.now, len(typha.clients), self._random.random())
        if drain.is_over():
            leaving = len(typha.clients)
            self.typhas.remove(typha)
        for client in departures.at_random(typha.clients, leaving):
            self._send_away(client, typha)
        if not drain.is_over():
            self.at(self.now + drain.due_in(self.now) + 1e-6, lambda: self._drain(typha, drain))

    # ---- clients

    def populate(self, nodes: int, shares: Iterable[float]) -> None:
        """Let each node's clients connect, spread over the Typhas by these shares."""
        self._nodes = nodes
        weights = list(shares)
        for syncer in SYNCERS * nodes:
            client = Client(syncer, remembers=True)
            self._join(client, self._random.choices(self.typhas, weights)[0])

    def forget(self, share: float) -> None:
        """Make a share of the clients older than v3.31."""
        for typha in self.typhas:
            for client in typha.clients:
                client.remembers = self._random.random() >= share

    def _join(self, client: Client, typha: Typha) -> None:
        client.accepted_at = self.now
        client.tried.add(typha.number)
        typha.add(client)

    def _send_away(self, client: Client, typha: Typha) -> None:
        self.moved_at = self.now
        typha.remove(client)
        pause = RECONNECT_SECONDS if client.remembers else RESTART_SECONDS
        self.at(self.now + pause, lambda: self._connect(client))

    def _connect(self, client: Client) -> None:
        choices = self.ready()
        if not choices:
            self.at(self.now + RECONNECT_SECONDS, lambda: self._connect(client))
            return
        untried = [t for t in choices if t.number not in client.tried]
        if not untried or not client.remembers:
            client.tried.clear()
            untried = choices
        self._join(client, self._random.choice(untried))
