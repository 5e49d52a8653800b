"""Keeps the journal as long as there is room for it, and begins it anew once there is again.

Knows no clock: the watcher passes now in.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from typha.journal.log import Journal
from typha.journal.store import Store
from typha.syncproto.messages import SyncerType, SyncStatus
from typha.watcher.stream import Batch, Stream

RETRY_SECONDS: Final = 10.0  # each attempt writes all there is, until there is no room again

log = logging.getLogger(__name__)


class Recording:
    """The journal of what is published, or none for now."""

    def __init__(self, path: Path, epoch: int, streams: Mapping[SyncerType, Stream]) -> None:
        """Write down what clients were told, in the place of what a predecessor wrote.

        Where there is no room for both, that goes first: its room may do.
        """
        self._path = path
        self._epoch = epoch
        self._streams = streams
        self._journal: Journal | None = None
        self._retry_at = 0.0
        error = self._begin() and self._begin()
        if error:
            _complain(error)

    def record(self, stream: Stream, batch: Batch) -> None:
        """Note what is about to be published."""
        if self._journal is None:
            return
        try:
            self._journal.append(stream.syncer, stream.store, stream.status, batch.deltas)
        except OSError as error:
            _complain(error)
            self._journal.abandon()
            self._journal = None
            return
        if self._journal.is_overgrown():
            self._shorten(self._journal)

    def turn(self, now: float) -> None:
        """Begin anew if that is due; to be called about once a second."""
        if self._journal is not None or now < self._retry_at:
            return
        self._retry_at = now + RETRY_SECONDS
        if self._begin() is None:
            log.info("journal is kept again")

    def _begin(self) -> OSError | None:
        """Write a journal; without success nothing is left, and the error is returned."""
        journal = None
        try:
            journal = Journal(self._path, self._epoch)
            journal.rewrite(*self._told())
        except OSError as error:
            if journal is not None:
                journal.abandon()
            return error
        self._journal = journal
        return None

    def _shorten(self, journal: Journal) -> None:
        try:
            journal.rewrite(*self._told())
        except OSError as error:  # the long one is as good
            log.warning("journal cannot be shortened yet", extra={"error": str(error)})

    def _told(self) -> tuple[dict[SyncerType, Store], dict[SyncerType, SyncStatus]]:
        streams = self._streams.items()
        return {s: stream.store for s, stream in streams}, {s: t.status for s, t in streams}


def _complain(error: OSError) -> None:
    lost = "journal given up: a watcher's crash will cost reconnects"
    log.warning(lost, extra={"error": str(error)})
