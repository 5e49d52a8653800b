"""The way of an update: event -> changes -> stores -> batches, with a journal of what was told.

change -> intake (read, process, validate, encode) -> store -> journal -> batch for the publisher
"""

import logging
import secrets
from pathlib import Path

from typha.datastore.ports import Changed, Event
from typha.journal import store
from typha.journal.log import Journal, Remembered
from typha.journal.store import Store
from typha.syncers.intake import Intake
from typha.syncproto.messages import SyncerType, SyncStatus, UpdateType
from typha.watcher.stream import Batch, Stream

log = logging.getLogger(__name__)


class Pipeline:
    """All syncers' streams behind one intake."""

    def __init__(
        self, intake: Intake, journal_path: Path | None, past: Remembered | None = None
    ) -> None:
        """Continue the past, or start anew; without a path no journal is kept."""
        self.intake = intake
        self.epoch = secrets.randbits(63) if past is None else past.epoch
        self.streams = {
            syncer: Stream(syncer, Store(), SyncStatus.WAIT_FOR_READY)
            if past is None
            else Stream(syncer, past.stores[syncer], past.statuses[syncer])
            for syncer in SyncerType
        }
        self._journal = None if journal_path is None else self._open(journal_path)

    def _open(self, path: Path) -> Journal:
        journal = Journal(path, self.epoch)
        stores, statuses = self._told()
        journal.rewrite(stores, statuses)
        return journal

    def _told(self) -> tuple[dict[SyncerType, Store], dict[SyncerType, SyncStatus]]:
        streams = self.streams.items()
        return {s: stream.store for s, stream in streams}, {s: t.status for s, t in streams}

    def take(self, event: Event, born: float) -> None:
        """Work one event of the datastore in; `born` is the moment it came."""
        for syncers, change in self.intake.take(event):
            for syncer in syncers:
                self.streams[syncer].take(change, born)
        if isinstance(event, Changed):
            return  # only lists, and what stands for one, tell how complete a syncer is
        for syncer, stream in self.streams.items():
            status = self.intake.status(syncer)
            if status > stream.status or stream.unverified:
                self._advance(stream, status, born)

    def _advance(self, stream: Stream, status: SyncStatus, born: float) -> None:
        if status is SyncStatus.IN_SYNC:
            for key in sorted(stream.unverified):  # gone while no watcher was looking
                stream.take(store.absent(key, UpdateType.DELETED), born)
        stream.take_status(status)

    def cut(self, stream: Stream) -> Batch:
        """Take what a stream has to publish, after noting it in the journal."""
        batch = stream.cut()
        self._record(stream, batch)
        return batch

    def _record(self, stream: Stream, batch: Batch) -> None:
        if self._journal is None:
            return
        try:
            self._journal.append(stream.syncer, stream.store, stream.status, batch.deltas)
            if self._journal.is_overgrown():
                self._journal.rewrite(*self._told())
        except OSError as error:
            lost = "journal given up: a watcher's crash will cost reconnects"
            log.warning(lost, extra={"error": str(error)})
            self._journal.abandon()
            self._journal = None
