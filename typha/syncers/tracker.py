"""Which keys each object of one feed has now, and so what is new, altered or gone.

The rules are those of the reference's watch cache: what an update is called depends on what has
been sent, not on what the datastore called the event.  Knows no value's meaning and no datastore.
"""

from bisect import insort
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from typha.model.resources import KV
from typha.syncproto.messages import UpdateType


class Outcome(NamedTuple):
    """What becomes of one key; `kv` is None when it is deleted."""

    key: str
    kv: KV | None
    update_type: UpdateType


class Tracking(Protocol):
    """What the intake needs of either tracker."""

    def begin(self) -> None:
        """Mark all objects as unseen: a complete list follows."""

    def see(self, identity: str) -> None:
        """Note that an object is still as it was."""

    def take(self, identity: str, kvs: list[KV]) -> list[Outcome]:
        """Note the keys that an object has now; an empty list means that it is gone."""

    def finish(self) -> list[Outcome]:
        """End a complete list: what was not seen is gone."""


class Tracker:
    """For feeds where no two objects make the same key."""

    def __init__(self) -> None:
        """Start with no objects."""
        self._keys: dict[str, str | tuple[str, ...]] = {}  # a lone key stands by itself: memory
        self._unseen: set[str] = set()

    def begin(self) -> None:
        """Mark all objects as unseen."""
        self._unseen = set(self._keys)

    def see(self, identity: str) -> None:
        """Note that an object is still as it was."""
        self._unseen.discard(identity)

    def take(self, identity: str, kvs: list[KV]) -> list[Outcome]:
        """Note the keys that an object has now."""
        self._unseen.discard(identity)
        before = self._keys.pop(identity, ())
        if isinstance(before, str):
            before = (before,)
        outcomes = [
            Outcome(kv.key, kv, UpdateType.UPDATED if kv.key in before else UpdateType.NEW)
            for kv in kvs
        ]
        if kvs:
            now = kvs[0].key if len(kvs) == 1 else tuple(kv.key for kv in kvs)
            self._keys[identity] = now
        if before:
            kept = {kv.key for kv in kvs}
            gone = (key for key in before if key not in kept)
            outcomes.extend(Outcome(key, None, UpdateType.DELETED) for key in gone)
        return outcomes

    def finish(self) -> list[Outcome]:
        """Delete the keys of what was not seen."""
        return _gone(self, self._unseen)


class ContestedTracker:
    """For feeds where several objects may claim one key: the first by name has it."""

    def __init__(self) -> None:
        """Start with no objects."""
        self._claims: dict[str, KV] = {}  # by object
        self._claimants: dict[str, list[str]] = {}  # by key, sorted
        self._unseen: set[str] = set()

    def begin(self) -> None:
        """Mark all objects as unseen."""
        self._unseen = set(self._claims)

    def see(self, identity: str) -> None:
        """Note that an object is still as it was."""
        self._unseen.discard(identity)

    def take(self, identity: str, kvs: list[KV]) -> list[Outcome]:
        """Note the key that an object claims now."""
        self._unseen.discard(identity)
        claim = kvs[0] if kvs else None
        before = self._claims.get(identity)
        outcomes: list[Outcome] = []
        if before is not None and (claim is None or claim.key != before.key):
            outcomes = self._withdraw(identity, before.key)
        if claim is not None:
            outcomes.extend(self._claim(identity, claim))
        return outcomes

    def finish(self) -> list[Outcome]:
        """Withdraw the claims of what was not seen."""
        return _gone(self, self._unseen)

    def _claim(self, identity: str, claim: KV) -> list[Outcome]:
        claimants = self._claimants.setdefault(claim.key, [])
        known = bool(claimants)
        if identity not in claimants:
            insort(claimants, identity)
        self._claims[identity] = claim
        if claimants[0] != identity:
            return []
        update_type = UpdateType.UPDATED if known else UpdateType.NEW
        return [Outcome(claim.key, claim, update_type)]

    def _withdraw(self, identity: str, key: str) -> list[Outcome]:
        claimants = self._claimants[key]
        was_first = claimants[0] == identity
        claimants.remove(identity)
        del self._claims[identity]
        if not claimants:
            del self._claimants[key]
            return [Outcome(key, None, UpdateType.DELETED)]
        if not was_first:
            return []
        return [Outcome(key, self._claims[claimants[0]], UpdateType.UPDATED)]


def _gone(tracker: Tracking, unseen: Iterable[str]) -> list[Outcome]:
    return [outcome for identity in sorted(unseen) for outcome in tracker.take(identity, [])]
