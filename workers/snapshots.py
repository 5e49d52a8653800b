"""Snapshot files of the watcher, mapped read-only: one copy in memory for all workers."""

import mmap
import os
from typing import Final

from typha.bus.wire import SnapshotReady

_EMPTY: Final = memoryview(b"")


class Snapshot:
    """A mapped snapshot; the mapping ends with the last connection that sends from it."""

    __slots__ = ("keys", "path", "sequence", "status", "view")

    def __init__(self, ready: SnapshotReady) -> None:
        """Map the file; raises OSError when it has been superseded and removed already."""
        self.path = ready.path
        self.sequence = ready.sequence
        self.status = ready.status
        self.keys = ready.keys
        self.view = _mapped(ready.path)


def _mapped(path: str) -> memoryview:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(file).st_size
        if size == 0:
            return _EMPTY  # an empty cache, sent plain
        return memoryview(mmap.mmap(file, size, prot=mmap.PROT_READ))
    finally:
        os.close(file)
