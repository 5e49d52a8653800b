"""Who goes when connections have to go.  Knows no sockets; moments come in as arguments."""

import heapq
import random
from collections.abc import Iterable
from typing import Protocol, TypeVar

from workers.connection import Connection, Stage


class Client(Protocol):
    """Somebody who came at some time, in Unix seconds."""

    accepted_at: float


C = TypeVar("C", bound=Client)


def at_random(connections: Iterable[C], count: int) -> list[C]:
    """Choose so many for a shutdown, where all have to go in the end."""
    candidates = list(connections)
    return random.sample(candidates, min(count, len(candidates)))


def settled(connections: Iterable[Connection]) -> list[Connection]:
    """Give those that were told everything there is to tell.

    One that waits for its snapshot, or is behind, would have to begin again elsewhere.  In one
    expression, for all are looked at once a second.
    """
    return [
        each
        for each in connections
        if each.state is Stage.STREAMING
        and each.replica is not None
        and each.unsent is None
        and not each.is_catching_up
        and each.position >= each.replica.log.last
    ]


def newest_first(clients: Iterable[C], count: int, now: float, newcomer_seconds: float) -> list[C]:
    """Choose so many whom it costs least to start anew: those who have been here least long.

    Those who came within the last `newcomer_seconds` go after all others, and the newest of them
    last: a peer may just have sent them here.
    """
    young_since = now - newcomer_seconds

    def order(client: C) -> tuple[bool, float]:
        is_young = client.accepted_at > young_since
        return is_young, client.accepted_at if is_young else -client.accepted_at

    return heapq.nsmallest(count, clients, key=order)
