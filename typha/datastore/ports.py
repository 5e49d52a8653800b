"""What every datastore tells the pipeline, and nothing of how it learnt it.

A source delivers events of one resource in order; between resources there is no order.  A resource
is named as kubectl spells it: `pods`, `networkpolicies.networking.k8s.io`; Calico's own are
`<plural>.projectcalico.org`, whichever group they are stored in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from typha.model.resources import JsonObject


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a complete list; `first` marks all that was known as unseen."""

    resource: str
    objects: Sequence[JsonObject]
    first: bool


@dataclass(frozen=True, slots=True)
class ListDone:
    """The list is complete: what was not in it since `first` is gone; the resource is synced."""

    resource: str


@dataclass(frozen=True, slots=True)
class Changed:
    """An object was created or altered."""

    resource: str
    object: JsonObject


@dataclass(frozen=True, slots=True)
class Removed:
    """An object was deleted."""

    resource: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Undecodable:
    """One object could not be read at all; its keys count as absent until it can."""

    resource: str
    namespace: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class ApiMissing:
    """The API does not serve this resource: it counts as synced, and nothing is deleted."""

    resource: str


class StreamState(StrEnum):
    """What a resource's stream is doing."""

    LISTING = "listing"
    WATCHING = "watching"
    MISSING = "missing"  # the API does not have it
    FORBIDDEN = "forbidden"
    FAILING = "failing"


WORKING: Final = frozenset({StreamState.LISTING, StreamState.WATCHING, StreamState.MISSING})


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReport:
    """How a resource's stream stands; sent when that changes and at each proof of life."""

    resource: str
    state: StreamState
    revision: str = ""
    error: str = ""
    relists: int = 0
    alive_at: float = 0.0  # time.monotonic() of the last event, bookmark or successful probe
    failing_since: float = 0.0  # the same, of what ended it; 0 while it works, or if not known


Event = Listed | ListDone | Changed | Removed | Undecodable | ApiMissing | StreamReport


class Inbox(Protocol):
    """Where a source puts its events; safe to call from any thread, blocks when it is full."""

    def put(self, event: Event) -> None:
        """Take one event."""


class Source(Protocol):
    """A datastore, opened."""

    def start(self, inbox: Inbox) -> None:
        """Begin to deliver; returns at once."""

    def stop(self) -> None:
        """End every stream and wait for its threads."""
