"""Keeps the checkpoint up to date, beside the watcher's work and never in its way.

A thread, as a volume may be slow or full: it reads what the journal has on file, so it shares
nothing with the thread that owns all state, and all it does happens in the kernel.
"""

import hashlib
import logging
import threading
import time
from pathlib import Path
from typing import Final

import typha
from typha.config.settings import DatastoreSettings
from typha.datastore import places
from typha.journal.checkpoint import Copy, Identity

log = logging.getLogger(__name__)

INTERVAL_SECONDS: Final = 5.0  # so much of the past a power cut may cost
PAUSE_SECONDS: Final = 60.0  # after a failure
LAST_SECONDS: Final = 1.0  # for the last update; the parent waits no longer than 2.5 s


def identity(settings: DatastoreSettings) -> Identity:
    """Tell what the values depend on: a checkpoint of anything else is not ours."""
    place = places.place(settings)
    return {
        "version": typha.__version__,
        "datastore": settings.type,
        "place": place.name,
        "authority": _digest(place.ca_file),
        "api group": settings.kubernetes.api_group,
        "interface prefix": settings.interface_prefix,
        "USE_POD_CIDR": str(settings.use_pod_cidr),
        "StripManagedFields": str(settings.strip_managed_fields),
    }


def _digest(path: str) -> str:
    """Tell one cluster's authority from another's; addresses are often the same."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else ""
    except OSError:
        return ""


class Checkpointing:
    """The thread, and how it fares."""

    def __init__(self, copy: Copy) -> None:
        """Take what writes; nothing is written yet."""
        self._copy = copy
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoint", daemon=True)
        self.updated_at = 0.0  # Unix time
        self.size = 0
        self.failures = 0

    def begin(self) -> None:
        """Write from now on: there is something better than what the file may hold."""
        if self._thread.ident is None:
            self._thread.start()

    def end(self) -> None:
        """Update the file a last time, if the volume lets us do so at once."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join(LAST_SECONDS)

    def _run(self) -> None:
        while not self._ended.is_set():
            pause = INTERVAL_SECONDS if self._update() else PAUSE_SECONDS
            self._ended.wait(pause)
        self._update()

    def _update(self) -> bool:
        try:
            self._copy.update()
        except OSError as error:
            self.failures += 1
            log.warning("checkpoint not written", extra={"error": str(error)})
            return False
        self.updated_at, self.size = time.time(), self._copy.size
        return True
