"""One syncer: its store, and what has changed since it was published.  No sockets, no clock."""

from typing import NamedTuple

from typha.journal.store import Change, Store
from typha.syncproto.messages import SyncerType, SyncStatus, UpdateType


class Batch(NamedTuple):
    """What is to be published: deltas of the sequence numbers `first` to `last`.

    `status` is None when it has not changed; `born` is the moment of the oldest event in it.
    """

    first: int
    last: int
    born: float
    deltas: list[tuple[str, bytes]]
    status: SyncStatus | None


class Stream:
    """What clients of one syncer are told."""

    def __init__(self, syncer: SyncerType, store: Store, status: SyncStatus) -> None:
        """Start from a store, which may be one that a former watcher left."""
        self.syncer = syncer
        self.store = store
        self.status = status  # as last published
        self.published = store.sequence
        self.unverified = set(store.keys())  # told by a former watcher, not yet seen again
        self.pending: list[tuple[str, bytes]] = []
        self.updates = 0
        self.skipped = 0
        self._born = 0.0
        self._status_pending: SyncStatus | None = None

    def take(self, change: Change, born: float) -> None:
        """Take a change of a key."""
        self.updates += 1
        if self.unverified and change.key in self.unverified:
            self.unverified.discard(change.key)
            if change.update_type == UpdateType.NEW:
                change = change._replace(update_type=UpdateType.UPDATED)
        delta = self.store.apply(change)
        if delta is None:
            self.skipped += 1
            return
        if not self.pending:
            self._born = born
        self.pending.append((change.key, delta))

    def take_status(self, status: SyncStatus) -> None:
        """Take the syncer's status; one that a former watcher had reached never goes back."""
        if status > (self._status_pending or self.status):
            self._status_pending = status

    @property
    def is_waiting(self) -> bool:
        """Tell whether there is anything to publish."""
        return bool(self.pending) or self._status_pending is not None

    def cut(self) -> Batch:
        """Take out all that is to be published, as one batch."""
        deltas, self.pending = self.pending, []
        status, self._status_pending = self._status_pending, None
        if status is not None:
            self.status = status
            self.store.advance()
        batch = Batch(self.published + 1, self.store.sequence, self._born, deltas, status)
        self.published = self.store.sequence
        self._born = 0.0
        return batch
