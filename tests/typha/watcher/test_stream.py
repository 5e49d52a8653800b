"""One syncer's stream: what becomes of changes until they are cut into a batch."""

import pytest

from tests.typha.journal.test_store import given_key, gone
from typha.journal.store import Store
from typha.syncproto import schema
from typha.syncproto.messages import SyncerType, SyncStatus, UpdateType
from typha.watcher.stream import Stream


@pytest.fixture
def stream():
    """Begin without a past."""
    return Stream(SyncerType.FELIX, Store(), SyncStatus.WAIT_FOR_READY)


def update_types(batch):
    """Tell what a batch calls its changes."""
    scanned = [one for _, delta in batch.deltas for one in schema.scan(delta)]
    return {one.key: UpdateType(one.element[-2]) for one in scanned}


def test_a_batch_is_as_old_as_its_oldest_change(stream):
    """From that the time is measured that changes take; a status has no age."""
    stream.take(given_key("/a", b"1"), 5.0)
    stream.take(given_key("/b", b"1"), 7.0)
    assert stream.cut().born == 5.0
    stream.take(given_key("/b", b"2"), 9.0)
    assert stream.cut().born == 9.0
    stream.take_status(SyncStatus.IN_SYNC)
    assert stream.cut().born == 0.0


def test_a_status_never_goes_back_and_is_told_once(stream):
    """Neither before it was published nor afterwards."""
    stream.take_status(SyncStatus.IN_SYNC)
    stream.take_status(SyncStatus.RESYNC)
    assert stream.cut().status is SyncStatus.IN_SYNC
    for status in SyncStatus:
        stream.take_status(status)
    assert not stream.is_waiting


def test_changes_are_counted_and_so_are_those_that_nobody_has_to_be_told(stream):
    """An update of equal value is dropped."""
    stream.take(given_key("/a", b"1"), 1.0)
    stream.take(given_key("/a", b"1", UpdateType.UPDATED), 1.0)
    stream.take(gone("/a"), 1.0)
    assert (stream.updates, stream.skipped) == (3, 1)
    assert len(stream.cut().deltas) == 2


def test_only_what_clients_know_is_an_update_after_a_restart():
    """The new watcher sees everything for the first time, and they do not."""
    store = Store()
    store.apply(given_key("/known", b"1"))
    store.apply(given_key("/other", b"1"))
    stream = Stream(SyncerType.FELIX, store, SyncStatus.IN_SYNC)
    stream.take(given_key("/unknown", b"1"), 1.0)
    stream.take(given_key("/known", b"2"), 1.0)
    stream.take(given_key("/other", b"1"), 1.0)
    assert update_types(stream.cut()) == {
        "/unknown": UpdateType.NEW,
        "/known": UpdateType.UPDATED,
    }
