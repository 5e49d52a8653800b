"""The journal: what a restarted watcher knows of what clients were told."""

from hypothesis import given, strategies as st

from tests.typha.journal.test_store import changes, given_key, gone
from typha.journal import log
from typha.journal.log import Journal
from typha.journal.store import Store
from typha.syncproto.messages import SyncerType, SyncStatus

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
    told = {key for _, key, _ in kept[FELIX].since(0)}
    assert {key for _, key, _ in remembered.stores[FELIX].since(0)} == told


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
