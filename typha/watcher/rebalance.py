"""How many connections this server may hold, and when to drop one.

The limit is the reference's, exactly.  Whether to act on it is ours: a connection is dropped only
where that can help, and what has not helped is left off.  Pure: moments and chance are arguments.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

PIPELINES: Final = 4  # connections that the limit expects of each node
HEADROOM_PERCENT: Final = 120  # so that one Typha fewer is no reason to drop anything
JITTER: Final = 0.1  # most that is added to an interval, in intervals, as the reference has it

TOLERATED_PERCENT: Final = 5  # above the limit: as much comes about by chance alone
EVEN_PERCENT: Final = 115  # of an even share: down to it goes what has once begun
STRANGERS_PERCENT: Final = 10  # of the commonest syncer's clients: fewer are no part of every host
VAIN_DROPS: Final = 30  # after which there has to be one connection fewer than ever before
FIRST_REST_SECONDS: Final = 300.0  # once dropping was in vain; doubled each time it is again
LONGEST_REST_SECONDS: Final = 3600.0

_NODE_PREFIX: Final = "/calico/resources/v3/projectcalico.org/nodes/"


class Bounds(NamedTuple):
    """The limit lies between these, whatever was counted."""

    lower: int
    upper: int


class Reason(StrEnum):
    """What the limit was decided by, in the reference's words."""

    LONE = "lone typha"
    LOWER = "configured lower limit"
    SHARE = "fraction+20%"
    UPPER = "configured upper limit"
    ERROR = "error"


class Limit(NamedTuple):
    """How many connections a server may hold, and why so many."""

    connections: int
    reason: Reason


def limit(
    typhas: int | None, nodes: int | None, bounds: Bounds, pipelines: int = PIPELINES
) -> Limit:
    """Give the limit of one of so many Typhas; None is what could not be counted."""
    if typhas is None or nodes is None:
        return Limit(bounds.upper, Reason.ERROR)
    if typhas <= 1:
        return Limit(bounds.upper, Reason.LONE)
    found = Limit(bounds.lower, Reason.LOWER)
    share = pipelines * (1 + nodes * HEADROOM_PERCENT // (typhas - 1) // 100)
    if share > bounds.lower:
        found = Limit(share, Reason.SHARE)
    return found if found.connections <= bounds.upper else Limit(bounds.upper, Reason.UPPER)


def count_nodes(keys: Iterable[str]) -> int:
    """Count the nodes among the keys of the felix syncer."""
    return sum(key.startswith(_NODE_PREFIX) for key in keys)


def connections_per_host(clients: Mapping[str, int]) -> int:
    """Infer, from the clients here by syncer, how many connections each host makes to all Typhas.

    A host has one client of each syncer in use, spread over all Typhas, so each such syncer has
    about as many clients here; a few strangers of another do not count.
    """
    least = max(clients.values(), default=0) * STRANGERS_PERCENT / 100
    return sum(1 for count in clients.values() if count and count >= least)


class Ground(StrEnum):
    """Why a connection is dropped."""

    UPPER = "upper-limit"  # more than the configuration allows to any server
    BALANCE = "balance"  # more than a fair share, and a peer has room
    STALE = "stale"  # the datastore is lost to us, and a peer was seen to be up to date


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is known when the governor decides.

    `active` leaves out what is being dropped already; `dropped` only ever grows; `typhas` are
    those that clients can choose, this one included, 0 where nobody counts them.
    """

    active: int
    dropped: int
    limit: int
    typhas: int = 0
    nodes: int = 0
    per_host: int = 1
    is_cut_off: bool = False
    has_fresh_peer: bool = False

    @property
    def expected(self) -> int:
        """The connections that all hosts together are expected to make."""
        return self.nodes * max(1, self.per_host)

    @property
    def peer_has_room(self) -> bool:
        """Whether the others hold less than they may, if all is as it is expected to be."""
        return self.typhas > 1 and self.expected < self.limit * self.typhas


class _Effort(NamedTuple):
    """The fewest connections since dropping began, and the drops it took to come there."""

    lowest: int
    dropped: int


class Governor:
    """Decides, once an interval, whether one connection has to go."""

    def __init__(self, interval: float, bounds: Bounds, now: float) -> None:
        """Decide for the first time after one interval, in seconds."""
        self.next_at = now + interval
        self._interval = interval
        self._bounds = bounds
        self._balancing = False
        self._effort: _Effort | None = None
        self._typhas = 0
        self._rest_seconds = FIRST_REST_SECONDS
        self._rests_until = float("-inf")

    def decide(self, view: View, now: float, chance: float) -> Ground | None:
        """Say on what ground to drop a connection now, None for none; chance is of [0, 1)."""
        self.next_at = now + self._interval * (1 + JITTER * chance)
        if view.active > self._bounds.upper:
            return Ground.UPPER
        ground = self._wish(view)
        if ground is None:
            if self._effort is not None:  # it has helped
                self._rest_seconds = FIRST_REST_SECONDS
            self._balancing, self._effort = False, None
            return None
        if self._is_in_vain(view, now):
            self._balancing = False
            return None
        self._balancing = ground is Ground.BALANCE
        return ground

    def is_resting(self, now: float) -> bool:
        """Tell whether nothing is dropped because it would not help."""
        return now < self._rests_until

    def _wish(self, view: View) -> Ground | None:
        if view.is_cut_off:  # unless somebody else is known to do better, all stay where they are
            return Ground.STALE if view.has_fresh_peer and view.active else None
        if not view.peer_has_room:
            return None
        most = self._goal(view) if self._balancing else _tolerated(view.limit)
        return Ground.BALANCE if view.active > most else None

    def _goal(self, view: View) -> int:
        """Tell where balancing that has begun may end."""
        if view.active > view.expected:  # so the expectation is wrong
            return view.limit
        even = view.expected * EVEN_PERCENT // 100 // view.typhas
        return min(view.limit, max(self._bounds.lower, even))

    def _is_in_vain(self, view: View, now: float) -> bool:
        if view.typhas != self._typhas:  # then all is different
            self._typhas = view.typhas
            self._rest_seconds, self._rests_until = FIRST_REST_SECONDS, now
        if now < self._rests_until:
            return True
        if self._effort is None or view.active < self._effort.lowest:
            self._effort = _Effort(view.active, view.dropped)
        if view.dropped - self._effort.dropped < VAIN_DROPS:
            return False
        self._effort = None
        self._rests_until = now + self._rest_seconds
        self._rest_seconds = min(2 * self._rest_seconds, LONGEST_REST_SECONDS)
        return True


def _tolerated(most: int) -> int:
    return most + most * TOLERATED_PERCENT // 100
