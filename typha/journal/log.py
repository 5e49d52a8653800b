"""What has been published, on file, so that a restarted watcher knows what clients were told.

A file of checksummed records in the order of publication.  When it has outgrown what it describes
it is written anew from the stores (a checkpoint).  A torn or corrupt tail ends the reading there.
"""

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

import cramjam

from typha.journal.store import Store
from typha.syncproto import schema
from typha.syncproto.errors import CorruptElementsError
from typha.syncproto.messages import SyncerType, SyncStatus, UpdateType

Keyed = tuple[str, bytes]  # a key, and the element that carries it

PRIVATE: Final = 0o600
SMALLEST_REWRITE: Final = 8 * 1024 * 1024  # bytes below which a file is not written anew
RECORD_KEYS: Final = 1000
_ORDER: Final = tuple(SyncerType)
_FRAME: Final = struct.Struct("<4sII")  # magic, checksum and length of the body
_BODY: Final = struct.Struct("<QQQBB")  # epoch, last sequence, horizon, syncer, status
_MAGIC: Final = b"TyJ1"


class Record(NamedTuple):
    """What was published of one syncer up to a sequence number."""

    epoch: int
    sequence: int
    horizon: int
    syncer: SyncerType
    status: SyncStatus
    elements: bytes


class Remembered(NamedTuple):
    """What a journal knows of the past."""

    epoch: int
    stores: dict[SyncerType, Store]
    statuses: dict[SyncerType, SyncStatus]


def encode(record: Record) -> bytes:
    """Make the bytes of a record."""
    syncer = _ORDER.index(record.syncer)
    head = _BODY.pack(record.epoch, record.sequence, record.horizon, syncer, record.status)
    body = head + bytes(cramjam.snappy.compress_raw(record.elements))
    return _FRAME.pack(_MAGIC, zlib.crc32(body), len(body)) + body


def decode(data: memoryview) -> Iterator[tuple[int, Record]]:
    """Read records, each with where it ends, as far as they are whole."""
    end = 0
    while len(data) - end >= _FRAME.size:
        magic, checksum, length = _FRAME.unpack_from(data, end)
        body = data[end + _FRAME.size : end + _FRAME.size + length]
        if magic != _MAGIC or len(body) < max(length, _BODY.size):
            return
        if zlib.crc32(body) != checksum:
            return
        try:
            record = _parse(body)
        except (IndexError, ValueError, cramjam.DecompressionError):  # whole, but none of ours
            return
        end += _FRAME.size + length
        yield end, record


def _parse(body: memoryview) -> Record:
    epoch, sequence, horizon, syncer, status = _BODY.unpack_from(body)
    elements = bytes(cramjam.snappy.decompress_raw(body[_BODY.size :]))
    return Record(epoch, sequence, horizon, _ORDER[syncer], SyncStatus(status), elements)


def recall(path: Path) -> Remembered | None:
    """Read what a journal holds; None when there is none or nothing in it is whole."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    return replay(memoryview(data))[0]


def replay(data: memoryview) -> tuple[Remembered | None, int]:
    """Give what records tell as far as they are whole, and how many bytes that is."""
    stores = {syncer: Store() for syncer in SyncerType}
    statuses = dict.fromkeys(SyncerType, SyncStatus.WAIT_FOR_READY)
    epoch, whole = None, 0
    for end, record in decode(data):
        try:
            _replay(record, stores[record.syncer])
        except CorruptElementsError:
            break
        epoch, whole = record.epoch, end
        statuses[record.syncer] = record.status
    return None if epoch is None else Remembered(epoch, stores, statuses), whole


def _replay(record: Record, store: Store) -> None:
    for key, element, _ in list(schema.scan(record.elements)):  # all of a record or nothing
        alive = element[-2] != UpdateType.DELETED
        kept = schema.with_update_type(element, UpdateType.NEW) if alive else element
        store.restore(key, kept, record.sequence, alive=alive)
    store.sequence = max(store.sequence, record.sequence)
    store.horizon = max(store.horizon, record.horizon)


class Journal:
    """The file, open for writing."""

    def __init__(self, path: Path, epoch: int) -> None:
        """Open a journal for appending."""
        self.path = path
        self.epoch = epoch
        self._file = _create(path)
        self._size = os.fstat(self._file).st_size
        self._rewritten_size = self._size

    def append(
        self, syncer: SyncerType, store: Store, status: SyncStatus, told: Iterable[Keyed]
    ) -> None:
        """Record keys and elements about to be published; raises OSError when there is no room."""
        elements = _marked(told, store)
        record = Record(self.epoch, store.sequence, store.horizon, syncer, status, elements)
        self._size += _write(self._file, encode(record))

    def abandon(self) -> None:
        """Remove the file: better no memory than one with holes."""
        os.close(self._file)
        self.path.unlink(missing_ok=True)

    def is_overgrown(self) -> bool:
        """Tell whether writing it anew is worth while."""
        return self._size > max(SMALLEST_REWRITE, 2 * self._rewritten_size)

    def rewrite(
        self, stores: dict[SyncerType, Store], statuses: dict[SyncerType, SyncStatus]
    ) -> None:
        """Replace the file by one that describes just the stores.

        Raises OSError; then the file is as it was, and not overgrown before it is twice as long.
        """
        fresh = self.path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        file = _create(fresh)
        try:
            size = self._write_all(file, stores, statuses)
            fresh.rename(self.path)
        except OSError:
            self._rewritten_size = self._size
            os.close(file)
            fresh.unlink(missing_ok=True)
            raise
        os.close(self._file)
        self._file, self._size, self._rewritten_size = file, size, size

    def _write_all(
        self, file: int, stores: dict[SyncerType, Store], statuses: dict[SyncerType, SyncStatus]
    ) -> int:
        return sum(
            _write(file, encode(record))
            for syncer, store in stores.items()
            for record in self._describe(syncer, store, statuses[syncer])
        )

    def _describe(self, syncer: SyncerType, store: Store, status: SyncStatus) -> Iterator[Record]:
        entries = iter(store.since(store.horizon))
        while batch := list(islice(entries, RECORD_KEYS)):
            elements = _marked(((key, element) for _, key, element in batch), store)
            yield Record(self.epoch, batch[-1][0], store.horizon, syncer, status, elements)
        yield Record(self.epoch, store.sequence, store.horizon, syncer, status, b"")


def _marked(told: Iterable[Keyed], store: Store) -> bytes:
    """Join elements so that the update type alone tells whether the key has a value now.

    An empty value cannot be seen in an element, and neither can that a value was unfit to be sent.
    """
    return b"".join(
        element if key in store else schema.with_update_type(element, UpdateType.DELETED)
        for key, element in told
    )


def _create(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, PRIVATE)


def _write(file: int, data: bytes) -> int:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]
    return len(data)
