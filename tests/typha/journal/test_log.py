"""The journal: what a restarted watcher knows of what clients were told."""

import random
import zlib
from pathlib import Path

import cramjam
import pytest
from hypothesis import given, strategies as st

from tests.typha.journal.test_store import changes, given_key, gone
from typha.journal import log, store
from typha.journal.log import Journal
from typha.journal.store import HistoryLostError, Store
from typha.syncproto.messages import SyncerType, SyncStatus, UpdateType

FELIX = SyncerType.FELIX


def stores():
    """Make empty stores."""
    return {syncer: Store() for syncer in SyncerType}


def statuses():
    """Make statuses that say in sync."""
    return dict.fromkeys(SyncerType, SyncStatus.IN_SYNC)


def record(journal, kept, batch):
    """Apply changes to felix's store and note them."""
    told = [
        (change.key, delta) for change in batch if (delta := kept[FELIX].apply(change)) is not None
    ]
    journal.append(FELIX, kept[FELIX], SyncStatus.IN_SYNC, told)


def state(kept):
    """Show all that clients of a store know."""
    return list(kept[FELIX].snapshot())


def test_no_file_is_no_memory(tmp_path):
    """The first start of all."""
    assert log.recall(tmp_path / "journal") is None


@given(st.lists(changes, max_size=5), st.booleans())
def test_what_was_told_is_remembered(tmp_path_factory, batches, rewrite):
    """Values, sequence numbers, deletions and statuses come back, from either form of the file."""
    path = tmp_path_factory.mktemp("journal") / "journal"
    journal = Journal(path, 77)
    kept = stores()
    for batch in batches:
        record(journal, kept, batch)
    journal.rewrite(kept, statuses()) if rewrite else record(journal, kept, [])
    remembered = log.recall(path)
    assert remembered is not None
    assert remembered.epoch == 77
    assert state(remembered.stores) == state(kept)
    assert remembered.stores[FELIX].sequence == kept[FELIX].sequence
    assert remembered.statuses[FELIX] is SyncStatus.IN_SYNC
    told = {key: element for _, key, element in kept[FELIX].since(0)}
    assert {key: element for _, key, element in remembered.stores[FELIX].since(0)} == told


@given(st.integers(0, 10_000), st.binary(max_size=8))
def test_a_torn_tail_ends_the_memory_there(tmp_path_factory, cut, noise):
    """Whole records before the damage count, whatever follows."""
    path = tmp_path_factory.mktemp("journal") / "journal"
    journal = Journal(path, 77)
    kept = stores()
    states = [None]
    for number in range(5):
        record(journal, kept, [given_key(f"/{number}", b"v" * 40), gone("/0")])
        states.append(state(kept))
    data = path.read_bytes()
    path.write_bytes(data[: cut % (len(data) + 1)] + noise)
    remembered = log.recall(path)
    assert (None if remembered is None else state(remembered.stores)) in states


def test_a_key_that_came_back_is_remembered_as_it_is_now(tmp_path):
    """Those who catch up after a restart are not told that it was away."""
    journal = Journal(tmp_path / "journal", 77)
    kept = stores()
    for change in (given_key("/a", b"1"), gone("/a"), given_key("/a", b"2")):
        record(journal, kept, [change])
    remembered = log.recall(tmp_path / "journal")
    assert remembered is not None
    assert [key for _, key, _ in remembered.stores[FELIX].since(0)] == ["/a"]
    assert state(remembered.stores) == state(kept)


def test_a_value_that_became_unfit_is_remembered_as_gone(tmp_path):
    """Clients were told that the key has no value; what it was called shows nothing."""
    journal = Journal(tmp_path / "journal", 77)
    kept = stores()
    record(journal, kept, [given_key("/a", b"1"), store.absent("/a", UpdateType.UPDATED)])
    remembered = log.recall(tmp_path / "journal")
    assert remembered is not None
    assert "/a" not in remembered.stores[FELIX]
    assert [key for _, key, _ in remembered.stores[FELIX].since(0)] == ["/a"]


@pytest.mark.parametrize("rewrite", [False, True])
def test_it_is_remembered_which_deletions_were_forgotten(tmp_path, monkeypatch, rewrite):
    """Who has missed one of them needs a snapshot after a restart too."""
    monkeypatch.setattr(store, "MINIMUM_TOMBSTONES", 2)
    journal = Journal(tmp_path / "journal", 77)
    kept = stores()
    for number in range(5):
        record(journal, kept, [gone(f"/{number}")])
    if rewrite:
        journal.rewrite(kept, statuses())
    remembered = log.recall(tmp_path / "journal")
    assert remembered is not None
    assert len(remembered.stores[FELIX].since(3)) == 2
    with pytest.raises(HistoryLostError):
        remembered.stores[FELIX].since(2)


def test_a_journal_that_was_given_up_is_no_memory(tmp_path):
    """It has a hole, so a watcher that read it would not know what clients were told."""
    journal = Journal(tmp_path / "journal", 77)
    record(journal, stores(), [given_key("/a", b"v")])
    journal.abandon()
    assert log.recall(tmp_path / "journal") is None


def test_what_an_interrupted_rewrite_left_is_no_part_of_the_next(tmp_path):
    """The watcher was killed before the new file had the old one's name."""
    journal = Journal(tmp_path / "journal.new", 66)
    record(journal, stores(), [given_key("/never", b"v")])
    journal = Journal(tmp_path / "journal", 77)
    kept = stores()
    record(journal, kept, [given_key("/a", b"v")])
    descriptors = sorted(Path("/proc/self/fd").iterdir())
    journal.rewrite(kept, statuses())
    assert len(sorted(Path("/proc/self/fd").iterdir())) == len(descriptors)
    remembered = log.recall(tmp_path / "journal")
    assert remembered is not None
    assert state(remembered.stores) == state(kept)


def sealed(body, magic=log._MAGIC):
    """Make a record, whole by its checksum, whatever it holds."""
    return log._FRAME.pack(magic, zlib.crc32(body), len(body)) + body


def body(number=0, status=SyncStatus.IN_SYNC.value, elements=b""):
    """Make what a record holds: a syncer by its number, a status, and compressed elements."""
    return log._BODY.pack(77, 9, 0, number, status) + elements


NOTHING = bytes(cramjam.snappy.compress_raw(b""))
RUBBISH = bytes(cramjam.snappy.compress_raw(b"rubbish"))


@pytest.mark.parametrize(
    "strange",
    [
        sealed(body(elements=NOTHING), magic=b"TyJ0"),
        sealed(b"short"),
        sealed(body(number=200, elements=NOTHING)),
        sealed(body(status=200, elements=NOTHING)),
        sealed(body(elements=b"not compressed")),
        sealed(body(elements=RUBBISH)),
    ],
    ids=["another format", "short", "syncer", "status", "compression", "elements"],
)
def test_a_whole_record_that_makes_no_sense_ends_the_memory_there(tmp_path, strange):
    """Another release wrote it: what precedes it counts, and nothing that follows."""
    journal = Journal(tmp_path / "journal", 77)
    kept = stores()
    record(journal, kept, [given_key("/a", b"v")])
    before = state(kept)
    whole = (tmp_path / "journal").read_bytes()
    record(journal, kept, [given_key("/b", b"v")])
    rest = (tmp_path / "journal").read_bytes().removeprefix(whole)
    assert len(list(log.decode(memoryview(whole + sealed(body(elements=NOTHING)) + rest)))) == 3
    remembered, end = log.replay(memoryview(whole + strange + rest))
    assert remembered is not None
    assert state(remembered.stores) == before
    assert end == len(whole)


def test_a_flipped_bit_is_found(tmp_path):
    """Checksums cover every record."""
    path = tmp_path / "journal"
    journal = Journal(path, 77)
    kept = stores()
    record(journal, kept, [given_key("/a", b"v")])
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    assert log.recall(path) is None


def test_a_journal_that_outgrew_its_stores_says_so(tmp_path, monkeypatch):
    """It is written anew only when that is worth while."""
    monkeypatch.setattr(log, "SMALLEST_REWRITE", 1000)
    journal = Journal(tmp_path / "journal", 77)
    kept = stores()
    while not journal.is_overgrown():
        record(journal, kept, [given_key("/a", str(kept[FELIX].sequence).encode() * 20)])
    journal.rewrite(kept, statuses())
    assert not journal.is_overgrown()
    assert (tmp_path / "journal").stat().st_size < 1000
    record(journal, kept, [given_key("/b", b"later")])
    remembered = log.recall(tmp_path / "journal")
    assert remembered is not None
    assert state(remembered.stores) == state(kept)


def test_a_journal_is_written_anew_when_it_is_large_and_has_doubled(tmp_path, monkeypatch):
    """Else a small one would be all the time, and a large one with each change."""
    journal = Journal(tmp_path / "journal", 77)
    kept = stores()
    chance = random.Random(1)
    record(journal, kept, [given_key("/a", chance.randbytes(2000))])
    record(journal, kept, [given_key("/a", chance.randbytes(2000))])
    assert not journal.is_overgrown()
    monkeypatch.setattr(log, "SMALLEST_REWRITE", 100)
    assert journal.is_overgrown()
    journal.rewrite(kept, statuses())
    record(journal, kept, [given_key("/b", chance.randbytes(500))])
    assert not journal.is_overgrown()
    record(journal, kept, [given_key("/c", chance.randbytes(3000))])
    assert journal.is_overgrown()
