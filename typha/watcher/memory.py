"""What a watcher knows when it begins: what its predecessor was telling, or a checkpoint."""

import logging
import secrets
import time
from collections.abc import Mapping
from pathlib import Path

from typha.journal import checkpoint, log as journal_log
from typha.journal.checkpoint import Identity, UnusableError
from typha.journal.log import Remembered
from typha.syncproto.messages import SyncerType, SyncStatus

log = logging.getLogger(__name__)


def of_a_predecessor(journal: Path, told: Mapping[SyncerType, int]) -> Remembered | None:
    """Recall the journal; `told` are the numbers up to which workers may have been told.

    A journal that knows less is none: whoever is told other things under the same numbers misses
    some of them.  Workers see a new epoch, and their clients start over.
    """
    past = journal_log.recall(journal)
    if past is None:
        return None
    if any(past.stores[syncer].sequence < told[syncer] for syncer in SyncerType):
        log.warning("journal is damaged: clients have to connect again")
        return None
    return past


def of_a_former_server(folder: Path, identity: Identity) -> Remembered | None:
    """Recall the checkpoint: nothing in it is in sync, and no worker knows its numbers."""
    file = str(folder / checkpoint.NAME)
    try:
        found = checkpoint.recall(folder, identity)
    except UnusableError as error:
        log.warning("checkpoint ignored", extra={"file": file, "reason": str(error)})
        return None
    if found is None:
        log.info("there is no checkpoint yet", extra={"file": file})
        return None
    stores = found.remembered.stores
    facts = {
        "file": file,
        "keys": sum(map(len, stores.values())),
        "age": f"{max(0.0, time.time() - found.written_at):.0f}s",
        "damaged": found.damaged,
    }
    log.warning("serving the last known state until the datastore is listed", extra=facts)
    statuses = {
        syncer: SyncStatus.RESYNC if len(store) else SyncStatus.WAIT_FOR_READY
        for syncer, store in stores.items()
    }
    return Remembered(secrets.randbits(63), stores, statuses)
