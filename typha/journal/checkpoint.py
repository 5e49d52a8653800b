"""The last known state on a volume, for a server that starts while its datastore is away.

The file is a head, which says whose state it is, and behind it the journal, byte for byte.  What
the journal held when the file was begun has to be whole, or the state would lack keys that it had;
what was added since counts up to where it is damaged, as in the journal itself.
"""

import errno
import fcntl
import os
import stat
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from typha.journal import log
from typha.journal.log import Remembered

NAME: Final = "checkpoint"
LOCK_NAME: Final = "checkpoint.lock"
_MAGIC: Final = b"TyC1"
_HEAD: Final = struct.Struct("<4sIIQ")  # magic, checksum of what follows, identity's size, base
_SIZES: Final = struct.Struct("<IQ")
_LARGEST_IDENTITY: Final = 64 * 1024  # bytes; ours takes some hundred

Identity = Mapping[str, str]  # what the values depend on: release, datastore, settings


class UnusableError(Exception):
    """There is a checkpoint, but it must not be used; the text says why."""


class Found(NamedTuple):
    """A checkpoint that may be used."""

    remembered: Remembered
    written_at: float  # Unix time of the last change
    damaged: int  # bytes at its end that do not count


def recall(folder: Path, identity: Identity) -> Found | None:
    """Read the checkpoint in a folder; None if there is none.  Raises UnusableError."""
    try:
        data, written_at = _read(folder / NAME)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnusableError(error.strerror or str(error)) from error
    records, base = _split(memoryview(data), identity)
    remembered, whole = log.replay(records)
    if remembered is None or whole < base:
        raise UnusableError(f"it is damaged: {whole} bytes are whole, and {base} have to be")
    return Found(remembered, written_at, len(records) - whole)


def _read(path: Path) -> tuple[bytes, float]:
    """Read a file that nobody else can have written."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise UnusableError("it is no file")
        if found.st_uid not in {os.geteuid(), 0}:
            raise UnusableError(f"it belongs to user {found.st_uid}, not to {os.geteuid()}")
        if found.st_mode & stat.S_IWOTH:
            raise UnusableError("everybody may write to it")
        return file.read(), found.st_mtime


def _head(identity: Identity, base: int) -> bytes:
    text = orjson.dumps(dict(identity), option=orjson.OPT_SORT_KEYS)
    checksum = zlib.crc32(_SIZES.pack(len(text), base) + text)
    return _HEAD.pack(_MAGIC, checksum, len(text), base) + text


def _split(data: memoryview, identity: Identity) -> tuple[memoryview, int]:
    """Return the records, and how many bytes of them have to be whole; raise UnusableError."""
    if len(data) < _HEAD.size or bytes(data[: len(_MAGIC)]) != _MAGIC:
        raise UnusableError("it is no checkpoint of this format")
    _, checksum, size, base = _HEAD.unpack_from(data)
    text = data[_HEAD.size : _HEAD.size + min(size, _LARGEST_IDENTITY)]
    if zlib.crc32(_SIZES.pack(size, base) + bytes(text)) != checksum:
        raise UnusableError("its head is damaged")
    written: dict[str, str] = orjson.loads(text)
    for name in sorted(written.keys() | identity.keys()):
        theirs, ours = written.get(name), identity.get(name)
        if theirs != ours:
            raise UnusableError(f"it was written with {name} {theirs!r}, and here it is {ours!r}")
    return data[_HEAD.size + size :], base


class Copy:
    """Follows a journal into a folder: appends what it gains, begins anew when that was."""

    def __init__(self, journal: Path, folder: Path, identity: Identity) -> None:
        """Note from where to where; nothing is opened yet."""
        self._journal = journal
        self._folder = folder
        self._identity = identity
        self._lock = self._source = self._target = -1
        self._copied = 0  # bytes of the source
        self.size = 0  # bytes of the file

    def update(self) -> None:
        """Bring the file up to date, on the disk.

        Raises OSError; what was there before can then still be read, but for an unfinished end.
        """
        self._take_lock()
        try:
            if self._is_current():
                self._append()
            else:
                self._begin()
        except OSError:
            self._close()  # so the next time begins anew, rather than behind an unfinished end
            raise

    def _take_lock(self) -> None:
        """Keep other servers from writing here; the kernel lets go when we end."""
        if self._lock >= 0:
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, log.PRIVATE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise OSError(errno.EBUSY, "another server writes its checkpoint there") from error
        self._lock = lock

    def _is_current(self) -> bool:
        """Tell whether both files are those that are open: neither renewed nor removed."""
        return _is_at(self._journal, self._source) and _is_at(self._folder / NAME, self._target)

    def _begin(self) -> None:
        self._close()
        unfinished = self._folder / f"{NAME}.new"
        unfinished.unlink(missing_ok=True)
        self._source = os.open(self._journal, os.O_RDONLY)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        self._target = os.open(unfinished, flags, log.PRIVATE)
        try:
            base = os.fstat(self._source).st_size
            head = _head(self._identity, base)
            self._copied, self.size = 0, os.write(self._target, head)
            self._copy(base)
            os.fsync(self._target)
            unfinished.rename(self._folder / NAME)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        _sync_folder(self._folder)

    def _append(self) -> None:
        end = os.fstat(self._source).st_size
        if end > self._copied:
            self._copy(end)
            os.fdatasync(self._target)

    def _copy(self, end: int) -> None:
        """Let the kernel copy: no byte passes through Python, and nobody has to wait for it."""
        while self._copied < end:
            copied = os.sendfile(self._target, self._source, self._copied, end - self._copied)
            if not copied:
                raise OSError(errno.EIO, "the journal has become shorter")
            self._copied += copied
            self.size += copied

    def _close(self) -> None:
        for descriptor in (self._source, self._target):
            if descriptor >= 0:
                os.close(descriptor)
        self._source = self._target = -1


def _is_at(path: Path, descriptor: int) -> bool:
    """Tell whether a path leads to the file that is open; while it is, nobody gets its number."""
    if descriptor < 0:
        return False
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    """Make the new name last."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
