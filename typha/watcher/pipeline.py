"""The way of an update: event -> changes -> stores -> batches, with a journal of what was told.

change -> intake (read, process, validate, encode) -> store -> journal -> batch for the publisher
"""

import secrets
from pathlib import Path

from typha.datastore.ports import Changed, Event
from typha.journal import store
from typha.journal.log import Remembered
from typha.journal.store import Store
from typha.syncers.intake import Intake
from typha.syncproto.messages import SyncerType, SyncStatus, UpdateType
from typha.watcher.recording import Recording
from typha.watcher.stream import Batch, Stream


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
        self._recording = (
            None if journal_path is None else Recording(journal_path, self.epoch, self.streams)
        )

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
        if self._recording is not None:
            self._recording.record(stream, batch)
        return batch

    def turn(self, now: float) -> None:
        """Keep a journal again if there was no room; to be called about once a second."""
        if self._recording is not None:
            self._recording.turn(now)
