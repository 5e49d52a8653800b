"""The current value of every key of one syncer, in order of last change.

Every change takes the next sequence number.  `since(n)` answers what a client that has seen
everything up to n must still be told: the latest value of each key changed after n, and nothing
twice.  Deletions are remembered for a bounded horizon.  Knows no wire, no file and no clock.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from operator import itemgetter
from typing import Final, NamedTuple

from typha.syncproto import schema
from typha.syncproto.messages import UpdateType

MINIMUM_TOMBSTONES: Final = 10_000  # deletions remembered however small the store is
SURPLUS: Final = 8  # that part of them more, before the oldest are forgotten in one go
Entry = tuple[int, str, bytes]  # the sequence number of a key's last change, key, element


class Change(NamedTuple):
    """One key's new state, encoded once for every store, client and worker.

    With a value, `element` is as a snapshot has it (type new), and its first `head` bytes hold key
    and value; `update_type` says what a delta makes of it.  Without a value (deleted, or unfit to
    be sent) `element` is what a delta carries and `head` is 0.
    """

    key: str
    element: bytes
    head: int
    update_type: UpdateType

    def delta(self) -> bytes:
        """Give the element as clients that follow the stream get it."""
        if self.head == 0 or self.update_type == UpdateType.NEW:
            return self.element
        return schema.with_update_type(self.element, self.update_type)


def present(update: tuple[str, bytes, str, str], update_type: UpdateType) -> Change:
    """Encode (key, value, revision, v3 resource version) of a key that has a value."""
    key, value, revision, v3_resource_version = update
    head = schema.element_head(key, value)
    element = schema.element(key, value, revision, v3_resource_version, UpdateType.NEW, head=head)
    return Change(key, element, len(head), update_type)


def absent(key: str, update_type: UpdateType, revision: str = "") -> Change:
    """Encode a key that has no value: deleted, or its value is unfit.

    Then there is no v3 resource version either: it is said of a value.
    """
    element = schema.element(key, None, revision, "", update_type)
    return Change(key, element, 0, update_type)


class HistoryLostError(Exception):
    """Deletions older than the horizon have been forgotten: only a snapshot can help."""


class Store:
    """Keys of one syncer."""

    def __init__(self, sequence: int = 0) -> None:
        """Start empty, at a sequence number."""
        self.sequence = sequence
        self.horizon = sequence  # `since` answers for this number and later ones
        self._live: dict[str, tuple[int, bytes]] = {}
        self._dead: dict[str, tuple[int, bytes]] = {}

    def __len__(self) -> int:
        """Count the keys that have a value."""
        return len(self._live)

    def __contains__(self, key: str) -> bool:
        """Tell whether the key has a value."""
        return key in self._live

    def keys(self) -> Iterator[str]:
        """Go through the keys that have a value, longest unchanged first."""
        return iter(self._live)

    def apply(self, change: Change) -> bytes | None:
        """Take a change; return the delta to publish, or None where nothing changes for anybody.

        As in the original: an update of equal value is dropped whatever its revision, a deletion
        never is, not even of an unknown key.
        """
        key, element, head, update_type = change
        if head == 0:
            return self._bury(change)
        known = self._live.get(key)
        if known is not None:
            if update_type == UpdateType.UPDATED and known[1].startswith(element[:head]):
                return None
            del self._live[key]  # so that it goes to the end: entries stay in order of change
        else:
            self._dead.pop(key, None)
        self.sequence += 1
        self._live[key] = (self.sequence, element)
        return change.delta()

    def advance(self) -> int:
        """Take a sequence number for something that is not a key, such as a status."""
        self.sequence += 1
        return self.sequence

    def restore(self, key: str, element: bytes, sequence: int, *, alive: bool) -> None:
        """Put back what a journal recorded, in its order."""
        self._live.pop(key, None)
        self._dead.pop(key, None)
        (self._live if alive else self._dead)[key] = (sequence, element)
        self.sequence = max(self.sequence, sequence)

    def _bury(self, change: Change) -> bytes:
        self._live.pop(change.key, None)
        self._dead.pop(change.key, None)
        self.sequence += 1
        self._dead[change.key] = (self.sequence, change.element)
        self._forget()
        return change.element

    def _forget(self) -> None:
        """Let the oldest deletions go; one by one each would be searched for behind their gaps."""
        kept = max(MINIMUM_TOMBSTONES, len(self._live))
        if len(self._dead) > kept + kept // SURPLUS:
            for oldest in list(islice(self._dead, len(self._dead) - kept)):
                self.horizon = self._dead.pop(oldest)[0]

    def snapshot(self) -> Iterator[tuple[str, bytes]]:
        """Go through keys and elements in byte order of the keys."""
        for key in sorted(self._live):
            yield key, self._live[key][1]

    def since(self, sequence: int) -> list[Entry]:
        """List (sequence, key, element) changed after `sequence`, oldest change first.

        Raises HistoryLostError when deletions since then have been forgotten.
        """
        if sequence < self.horizon:
            raise HistoryLostError
        changed = list(_newer(self._live, sequence))
        changed.extend(_newer(self._dead, sequence))
        changed.sort()
        return changed


class Backlog:
    """What has changed in a store since a sequence number, to be told in pieces.

    To find it costs as much as there is of it, so it is found once for all pieces.  What changes
    meanwhile comes behind its end: then a piece may tell of a key that is told of again later.
    """

    def __init__(self, store: Store, since: int) -> None:
        """Look through the store; raises HistoryLostError as it does."""
        self._entries = store.since(since)
        self._start = since
        self._end = store.sequence

    def __len__(self) -> int:
        """Count the keys that have changed."""
        return len(self._entries)

    def covers(self, sequence: int) -> bool:
        """Tell whether some of what has changed since a sequence number is here."""
        return self._start <= sequence < self._end

    def piece(self, since: int, most: int) -> tuple[list[Entry], int]:
        """Give at most so many entries, and the sequence number up to which that is all.

        Whoever begins in between has pieces that end where the others' do: then they share them.
        """
        begin = bisect_right(self._entries, since, key=itemgetter(0))
        end = begin - begin % most + most
        told = self._entries[begin:end]
        return told, told[-1][0] if end < len(self._entries) else self._end


def _newer(entries: dict[str, tuple[int, bytes]], sequence: int) -> Iterator[Entry]:
    for key in reversed(entries):
        changed_at, element = entries[key]
        if changed_at <= sequence:
            return
        yield changed_at, key, element
