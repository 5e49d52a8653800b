"""What a worker holds of one topic: where it begins, and what that is worth."""

import pytest

from typha.bus.catch_up import Verdict
from typha.bus.wire import SnapshotReady
from typha.syncproto.frames import Frame, Topic
from typha.syncproto.messages import Codec, Dialect, SyncerType, SyncStatus
from workers.replica import Replica

EPOCH = 5


@pytest.fixture
def replica():
    """Begin without anything."""
    return Replica(Topic(SyncerType.FELIX, Dialect.MODERN, Codec.PLAIN), 1 << 20)


@pytest.fixture
def ready(tmp_path):
    """Return what makes the watcher's answer: a snapshot up to a sequence number."""

    def made(sequence, published=None, epoch=EPOCH):
        path = tmp_path / f"{epoch}-{sequence}"
        path.write_bytes(f"state at {sequence}".encode())
        published = sequence if published is None else published
        status = SyncStatus.IN_SYNC
        path, size = str(path), path.stat().st_size
        return SnapshotReady(b"t", 0, epoch, sequence, published, status, 1, path, size)

    return made


def frame(first, last=None, epoch=EPOCH):
    """Make a frame of some sequence numbers."""
    last = first if last is None else last
    return Frame(epoch, first, last, 1, 0.0, SyncStatus.IN_SYNC, f"{first}-{last};".encode())


def advanced(replica):
    """Give the last sequence numbers of what has become complete."""
    return [one.last for one in replica.advance(0.0)]


def test_frames_that_came_before_the_snapshot_follow_it(replica, ready):
    """But for those whose content it has."""
    for number in (9, 10, 11, 12):
        assert replica.take_frame(frame(number)) is Verdict.NOTHING
    assert advanced(replica) == []
    assert replica.take_snapshot(ready(10)) is Verdict.NOTHING
    assert advanced(replica) == [11, 12]
    assert replica.last == 12
    assert replica.epoch == EPOCH


def test_what_was_published_since_the_snapshot_is_asked_for(replica, ready):
    """It may have left before the topic was followed."""
    assert replica.take_tick(EPOCH, 12) is Verdict.NOTHING
    assert replica.take_snapshot(ready(10, published=12)) is Verdict.ASK
    assert replica.is_asking


def test_a_snapshot_is_fresh_until_something_follows_it(replica, ready):
    """A newer one makes up for that, and changes nothing about what clients are streamed."""
    assert not replica.has_fresh_snapshot()
    replica.take_snapshot(ready(10))
    assert replica.has_fresh_snapshot()
    replica.take_frame(frame(11))
    assert not replica.has_fresh_snapshot()
    assert replica.take_snapshot(ready(11)) is Verdict.NOTHING
    assert replica.has_fresh_snapshot()
    assert bytes(replica.snapshot.view) == b"state at 11"
    assert advanced(replica) == [11]


def test_a_snapshot_ahead_of_the_stream_does_not_move_it(replica, ready):
    """Those who stream have yet to be told what it holds already."""
    replica.take_snapshot(ready(10))
    assert replica.take_snapshot(ready(12)) is Verdict.NOTHING
    assert replica.last == 10
    replica.take_frame(frame(11))
    replica.take_frame(frame(12))
    assert advanced(replica) == [11, 12]


def test_a_snapshot_of_another_epoch_cannot_be_joined_to_the_stream(replica, ready):
    """Whoever follows has to begin anew."""
    replica.take_snapshot(ready(10))
    assert replica.take_snapshot(ready(10, epoch=EPOCH + 1)) is Verdict.LOST
    assert bytes(replica.snapshot.view) == b"state at 10"
