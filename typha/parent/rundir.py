"""The folder a running server keeps its sockets, snapshots and figures in.

Private to the user (0700), in memory where the machine has such a place, and gone when the server
ends.  A lock on a file in it is inherited by every child, so it is free exactly when no process
of the server is left: that is how the remains of a killed server are told from a living one.
"""

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

LOCK_NAME: Final = "lock"
PREFIX: Final = "typha-"
# Unix socket addresses hold 107 bytes; the longest name we put into the folder needs 32 of them.
LONGEST_PATH: Final = 107 - 32
ROOM_BYTES: Final = 512 << 20  # a snapshot of 100,000 keys takes 80 MB, and there may be several
HOMES: Final = (Path("/dev/shm"), Path("/run"))  # noqa: S108 memory; folders in it are 0700


_ADVICE: Final = "name another place with RunDir, such as a volume in memory"


class RunDirError(Exception):
    """The run directory cannot be used; the text says why and what to do."""


class RunDir:
    """A locked run directory."""

    def __init__(self, path: Path, lock: int, *, ours: bool) -> None:
        self.path = path
        self._lock = lock
        self._ours = ours

    def remove(self) -> None:
        """Delete all that is in it, and the folder itself unless the user had made it."""
        if self._ours:
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            _empty(self.path)
            (self.path / LOCK_NAME).unlink(missing_ok=True)
        os.close(self._lock)


def open_(wanted: str) -> RunDir:
    """Take the folder `wanted`, or make a private one when that is empty.

    What a dead server left is removed first.  Raises RunDirError.
    """
    if wanted:
        return _take(Path(wanted).absolute())
    home = private_home()
    sweep(home)
    try:
        unseen = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=home))  # a sweep must not find it
        lock = _locked(unseen)  # before it is
        return RunDir(unseen.rename(home / unseen.name.removeprefix(".")), lock, ours=True)
    except OSError as error:
        raise RunDirError(
            f"no folder can be made in {home}: {error.strerror}; {_ADVICE}"
        ) from error


def sweep(home: Path) -> None:
    """Remove the run directories in `home` whose server is dead."""
    for path in _candidates(home):
        with contextlib.suppress(BlockingIOError, OSError):
            lock = os.open(path / LOCK_NAME, os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)


def running() -> list[Path]:
    """Return the private run directories of this user's living servers, newest first."""
    alive = [path for home in _homes() for path in _candidates(home) if is_alive(path)]
    return sorted(alive, key=lambda path: (path / LOCK_NAME).stat().st_mtime, reverse=True)


def is_alive(path: Path) -> bool:
    """Return whether a server is running in `path`."""
    try:
        lock = os.open(path / LOCK_NAME, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _homes() -> tuple[Path, ...]:
    try:
        return (*HOMES, Path(tempfile.gettempdir()))
    except FileNotFoundError:  # none can be written to, as where the root file system is read-only
        return HOMES


def private_home() -> Path:
    """Return the first place with room for large snapshots, or the one with most room.

    Containers have a /dev/shm of 64 MiB unless told otherwise.  Raises RunDirError.
    """
    writable = [place for place in _homes() if os.access(place, os.W_OK | os.X_OK)]
    if not writable:
        tried = ", ".join(map(str, HOMES))
        raise RunDirError(f"neither {tried} nor a temporary folder can be written to; {_ADVICE}")
    roomy = [place for place in writable if _free(place) >= ROOM_BYTES]
    return roomy[0] if roomy else max(writable, key=_free)


def _free(place: Path) -> int:
    return shutil.disk_usage(place).free


def _candidates(home: Path) -> Iterator[Path]:
    for path in home.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            found = path.lstat()
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
                yield path


def unfit(path: Path) -> str:
    """Say what speaks against a folder that there is, or will be; empty if nothing does.

    Raises OSError.
    """
    if len(os.fsencode(path)) > LONGEST_PATH:
        return f"is longer than {LONGEST_PATH} bytes: name a shorter one"
    try:
        str(path).encode()
    except UnicodeEncodeError:  # no process could tell ZeroMQ where its sockets are
        return "is not UTF-8: name another"
    if path.exists() and any(path.iterdir()) and not (path / LOCK_NAME).exists():
        return "holds files that are not ours: name an empty folder"
    return ""


def _take(path: Path) -> RunDir:
    try:
        if obstacle := unfit(path):
            raise RunDirError(f"RunDir {path} {obstacle}")
        made = not path.exists()
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _locked(path)
    except OSError as error:
        raise RunDirError(f"RunDir {path} cannot be used: {error.strerror}") from error
    _empty(path)
    return RunDir(path, lock, ours=made)


def _locked(path: Path) -> int:
    """Lock `path` for this server and the children it will fork."""
    name = path / LOCK_NAME
    while True:
        lock = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise RunDirError(f"RunDir {path} is in use by another running server") from None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock), name.stat()):
                return lock
        os.close(lock)  # its last owner removed it between our two steps


def _empty(path: Path) -> None:
    """Delete all in `path` but the lock."""
    for entry in path.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name != LOCK_NAME:
            entry.unlink(missing_ok=True)
