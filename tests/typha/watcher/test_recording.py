"""The journal where there is little room: given up, shortened, kept again."""

import errno
import os
from pathlib import Path

import pytest

from tests.typha.journal.test_store import given_key
from typha.journal import log
from typha.journal.store import Store
from typha.syncproto.messages import SyncerType, SyncStatus
from typha.watcher import recording
from typha.watcher.recording import RETRY_SECONDS, Recording
from typha.watcher.stream import Stream

FELIX = SyncerType.FELIX
ROOM_FOR_A_RECORD = 200  # of three keys, and not for the five of a new journal
GIVEN_UP = "journal given up: a watcher's crash will cost reconnects"


class Disk:
    """A run directory with so many bytes for files, written to as the real one is."""

    def __init__(self, folder, room):
        self.folder = folder
        self.room = room
        self._write = os.write

    def write(self, file, data):
        """Write what there is room for, as the kernel does."""
        left = self.room - sum(path.stat().st_size for path in self.folder.iterdir())
        if left <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._write(file, data[:left])

    def holds(self):
        """Name the files."""
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """Have room for everything at first."""
    made = Disk(tmp_path, 1 << 20)
    monkeypatch.setattr(os, "write", made.write)
    return made


@pytest.fixture
def streams():
    """Begin without a past."""
    return {s: Stream(s, Store(), SyncStatus.WAIT_FOR_READY) for s in SyncerType}


def published(kept, streams, *keys, value=b"1"):
    """Publish keys of felix."""
    for key in keys:
        streams[FELIX].take(given_key(key, value), 1.0)
    kept.record(streams[FELIX], streams[FELIX].cut())


def remembered(disk):
    """Tell what a successor knows: felix's keys, or nothing at all."""
    past = log.recall(disk.folder / "journal")
    return None if past is None else set(past.stores[FELIX].keys())


def descriptors():
    """Count what is open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_journal_that_was_given_up_is_kept_again_when_there_is_room(disk, streams, caplog):
    """With all that was told meanwhile; and it is tried every ten seconds only."""
    caplog.set_level("INFO", recording.__name__)
    kept = Recording(disk.folder / "journal", 77, streams)
    published(kept, streams, "/a")
    disk.room = 0
    published(kept, streams, "/b")
    assert disk.holds() == []
    kept.turn(0.0)
    disk.room = 1 << 20
    published(kept, streams, "/c")
    kept.turn(RETRY_SECONDS - 1.0)
    assert remembered(disk) is None
    kept.turn(RETRY_SECONDS)
    assert remembered(disk) == {"/a", "/b", "/c"}
    published(kept, streams, "/d")
    assert remembered(disk) == {"/a", "/b", "/c", "/d"}
    assert [line.message for line in caplog.records] == [GIVEN_UP, "journal is kept again"]


def test_a_successor_begins_where_there_is_no_room_for_two_journals(disk, streams):
    """The former one goes first: what it said is known by now."""
    kept = Recording(disk.folder / "journal", 77, streams)
    published(kept, streams, *(f"/{number}" for number in range(100)))
    disk.room = (disk.folder / "journal").stat().st_size + 10
    Recording(disk.folder / "journal", 77, streams)
    assert remembered(disk) == {f"/{number}" for number in range(100)}
    assert disk.holds() == ["journal"]


def test_a_successor_begins_where_there_is_no_room_at_all(disk, streams, caplog):
    """Clients are told what changes all the same; nothing is left of the attempts."""
    before = descriptors()
    kept = Recording(disk.folder / "journal", 77, streams)
    published(kept, streams, "/a")
    disk.room = 0
    first = descriptors()
    kept = Recording(disk.folder / "journal", 77, streams)
    published(kept, streams, "/b")
    for now in range(3):
        kept.turn(now * RETRY_SECONDS)
    assert disk.holds() == []
    assert descriptors() == first == before + 1
    assert [line.message for line in caplog.records] == [GIVEN_UP]


def test_what_cannot_be_shortened_goes_on_as_it_is(disk, streams, monkeypatch, caplog):
    """Until it has doubled, and nothing half-written takes up room."""
    monkeypatch.setattr(log, "SMALLEST_REWRITE", 2000)
    kept = Recording(disk.folder / "journal", 77, streams)
    before = descriptors()
    number = 0
    while (disk.folder / "journal").stat().st_size < 1900:
        number += 1
        published(kept, streams, "/a", value=b"%d" % number)
    disk.room = (disk.folder / "journal").stat().st_size + ROOM_FOR_A_RECORD
    published(kept, streams, *(f"/{letter}" for letter in "abc"))
    disk.room = (disk.folder / "journal").stat().st_size + ROOM_FOR_A_RECORD
    published(kept, streams, "/d")
    assert [line.message for line in caplog.records] == ["journal cannot be shortened yet"]
    assert disk.holds() == ["journal"]
    assert descriptors() == before
    assert remembered(disk) == {f"/{letter}" for letter in "abcd"}
