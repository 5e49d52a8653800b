"""Which manifest files there are at and below a path, and what tells that one has changed.

What cannot be looked at is told apart from what is not there: nothing may count as deleted only
because a folder was shut, or descriptors had run out.
"""

import errno
import os
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SUFFIXES: Final = (".yaml", ".yml", ".json")
_GONE: Final = (FileNotFoundError, NotADirectoryError)  # between two looks

Signature = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Found:
    """One look: the files, and the files and folders that may be there but do not show."""

    files: dict[str, Signature] = field(default_factory=dict)
    shut: dict[str, OSError] = field(default_factory=dict)

    def may_have(self, path: str) -> bool:
        """Tell whether a file is there, or hidden in or behind what cannot be looked at."""
        if path in self.files or path in self.shut:
            return True
        return any(path.startswith(f"{folder}{os.sep}") for folder in self.shut)


def find(path: Path) -> Found:
    """Look for every manifest file below `path`, or for `path` itself if it is a file.

    Raises OSError if `path` is not there or cannot be looked into.
    """
    found = Found()
    status = path.stat()
    if not stat.S_ISDIR(status.st_mode):
        found.files[str(path)] = _signature(status)
        return found

    def cannot_be_listed(error: OSError) -> None:
        folder = str(error.filename or path)
        if folder == str(path):
            raise error
        if not isinstance(error, _GONE):
            found.shut[folder] = error

    seen: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(path, onerror=cannot_be_listed, followlinks=True):
        # Hidden ones are an editor's, or the real folders behind a mounted ConfigMap's links.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if _is_seen(folder, seen):  # a link back up
            folders.clear()
        else:
            _look_at(folder, names, found)
    return found


def read(path: Path, at_most: int) -> bytes:
    """Read a regular file of up to so many bytes.

    Raises OSError: also for a pipe, which might keep us waiting for ever, and for a device.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        if status.st_size > at_most:
            raise OSError(errno.EFBIG, f"larger than {at_most} bytes")
        return file.read()


def _is_seen(folder: str, seen: set[tuple[int, int]]) -> bool:
    try:
        status = os.stat(folder)  # noqa: PTH116 - often
    except OSError:
        return False  # just listed: whatever it is, its files will show it
    inode = status.st_dev, status.st_ino
    is_seen = inode in seen
    seen.add(inode)
    return is_seen


def _look_at(folder: str, names: Collection[str], found: Found) -> None:
    for name in names:
        if name.endswith(SUFFIXES) and not name.startswith("."):
            path = os.path.join(folder, name)  # noqa: PTH118 - ten times as fast, and often
            try:
                found.files[path] = _signature(os.stat(path))  # noqa: PTH116
            except _GONE:
                continue  # or a link to nothing
            except OSError as error:  # a link to itself, for instance
                found.shut[path] = error


def _signature(status: os.stat_result) -> Signature:
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino
