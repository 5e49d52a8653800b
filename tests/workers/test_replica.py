"""One topic in one worker."""

from pathlib import Path

import pytest

from typha.bus.catch_up import Verdict
from typha.bus.wire import Changes, SnapshotReady
from typha.syncproto import frames
from typha.syncproto.frames import Frame, Topic
from typha.syncproto.messages import Codec, Dialect, SyncerType, SyncStatus
from workers.replica import Replica

EPOCH = 7
TOPIC = Topic(SyncerType.FELIX, Dialect.MODERN, Codec.SNAPPY)


@pytest.fixture
def replica(tmp_path: Path) -> Replica:
    """Give one that stands behind a snapshot of a list that was coming in."""
    path = tmp_path / "snapshot"
    path.write_bytes(b"all")
    made = Replica(TOPIC, 1 << 20)
    status = SyncStatus.RESYNC
    made.take_snapshot(SnapshotReady(b"", -1, EPOCH, 10, 10, status, 1, str(path), 3))
    return made


def changes(first, last, *, more):
    """Make an answer of a watcher that is in sync."""
    frame = Frame(EPOCH, first, last, 1, 0.0, SyncStatus.IN_SYNC, b"changes")
    return Changes(TOPIC.to_bytes(), -1, more, frame)


def test_what_was_missed_is_in_sync_with_the_last_piece_of_it(replica):
    """Until then newcomers who know as much must not be told that it is all."""
    resync = frames.status_alone(SyncStatus.RESYNC, Codec.SNAPPY)
    assert replica.log.status == resync
    assert replica.take_tick(EPOCH, 30) is Verdict.ASK
    assert replica.take_changes(changes(11, 20, more=True)) is Verdict.ASK
    replica.advance(0.0)
    assert replica.log.last == 20
    assert replica.log.status == resync
    assert replica.take_changes(changes(21, 30, more=False)) is Verdict.NOTHING
    replica.advance(0.0)
    assert replica.log.last == 30
    assert replica.log.status == frames.status_alone(SyncStatus.IN_SYNC, Codec.SNAPPY)
