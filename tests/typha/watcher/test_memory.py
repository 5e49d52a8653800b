"""What a watcher knows when it begins."""

import logging

import pytest

from tests.typha.journal.test_log import FELIX, record, state, stores
from tests.typha.journal.test_store import given_key
from typha.journal import checkpoint
from typha.journal.checkpoint import Copy
from typha.journal.log import Journal
from typha.syncproto.messages import SyncerType, SyncStatus
from typha.watcher import memory

OURS = {"version": "1"}
NOBODY_TOLD = dict.fromkeys(SyncerType, 0)


@pytest.fixture
def kept(tmp_path):
    """Return the stores of a watcher that has told three batches and ended."""
    journal, kept = Journal(tmp_path / "journal", 77), stores()
    for number in range(3):
        record(journal, kept, [given_key(f"/{number}", b"v")])
    return kept


def test_a_predecessor_is_continued(tmp_path, kept):
    """Under its epoch, with its status."""
    told = NOBODY_TOLD | {FELIX: kept[FELIX].sequence}
    past = memory.of_a_predecessor(tmp_path / "journal", told)
    assert past is not None
    assert (past.epoch, past.statuses[FELIX]) == (77, SyncStatus.IN_SYNC)
    assert state(past.stores) == state(kept)


def test_no_journal_is_no_past(tmp_path):
    """The first start, or a journal that was given up."""
    assert memory.of_a_predecessor(tmp_path / "journal", NOBODY_TOLD) is None


@pytest.mark.parametrize("damage", ["torn", "cut between records", "flipped"])
def test_a_journal_that_knows_less_than_was_told_is_no_past(tmp_path, kept, damage, caplog):
    """Else the next changes would come under numbers that workers have seen already."""
    path = tmp_path / "journal"
    data = bytearray(path.read_bytes())
    last = data.rindex(b"TyJ1")
    if damage == "flipped":
        data[last + 20] ^= 1
    path.write_bytes(data[:-3] if damage == "torn" else data[:last] if "cut" in damage else data)
    told = NOBODY_TOLD | {FELIX: kept[FELIX].sequence}
    assert memory.of_a_predecessor(path, told) is None
    assert "journal is damaged" in caplog.text


def test_a_record_that_was_torn_before_it_was_told_costs_nothing(tmp_path, kept):
    """The watcher was killed while it wrote: what follows the last whole record never left it."""
    path = tmp_path / "journal"
    path.write_bytes(path.read_bytes()[:-3])
    told = NOBODY_TOLD | {FELIX: kept[FELIX].sequence - 1}
    past = memory.of_a_predecessor(path, told)
    assert past is not None
    assert past.stores[FELIX].sequence == told[FELIX]


def test_a_former_server_is_believed_but_not_in_sync(tmp_path, kept, caplog):
    """Under an epoch of its own; a syncer without keys is as new."""
    Copy(tmp_path / "journal", tmp_path / "volume", OURS).update()
    past = memory.of_a_former_server(tmp_path / "volume", OURS)
    assert past is not None
    assert past.epoch != 77
    assert past.statuses[FELIX] is SyncStatus.RESYNC
    assert past.statuses[SyncerType.BGP] is SyncStatus.WAIT_FOR_READY
    assert state(past.stores) == state(kept)
    assert "serving the last known state" in caplog.text


@pytest.mark.usefixtures("kept")
def test_a_checkpoint_that_must_not_be_used_is_said_to_be_ignored(tmp_path, caplog):
    """With the reason, and then the start is a cold one."""
    Copy(tmp_path / "journal", tmp_path / "volume", OURS).update()
    assert memory.of_a_former_server(tmp_path / "volume", {"version": "2"}) is None
    (line,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert line.message == "checkpoint ignored"
    assert line.reason == "it was written with version '1', and here it is '2'"
    assert line.file.endswith(checkpoint.NAME)


def test_where_there_is_none_yet_that_is_no_fault(tmp_path, caplog):
    """The first start with the setting."""
    caplog.set_level(logging.INFO)
    assert memory.of_a_former_server(tmp_path, OURS) is None
    assert "there is no checkpoint yet" in caplog.text
