"""Files of the watcher, as a worker maps them."""

from pathlib import Path

import pytest

from typha.bus.wire import SnapshotReady
from typha.syncproto.messages import SyncStatus
from workers.snapshots import Snapshot

DESCRIPTORS = Path("/proc/self/fd")


def ready(path):
    """Tell of a file."""
    return SnapshotReady(
        topic=b"topic",
        token=7,
        epoch=8,
        sequence=41,
        published=42,
        status=SyncStatus.IN_SYNC,
        keys=3,
        path=str(path),
        size=10,
    )


def test_a_file_is_sent_though_it_is_removed(tmp_path):
    """The watcher makes newer ones; the mapping holds it, with one descriptor of its own."""
    file = tmp_path / "snapshot"
    file.write_bytes(b"everything")
    before = len(list(DESCRIPTORS.iterdir()))
    snapshot = Snapshot(ready(file))
    file.unlink()
    assert len(list(DESCRIPTORS.iterdir())) == before + 1
    assert bytes(snapshot.view) == b"everything"
    assert (snapshot.path, snapshot.sequence) == (str(file), 41)
    assert (snapshot.status, snapshot.keys) == (SyncStatus.IN_SYNC, 3)


def test_an_empty_file_is_an_empty_snapshot(tmp_path):
    """Nothing can be mapped then."""
    file = tmp_path / "snapshot"
    for content in (b"", b"x"):
        file.write_bytes(content)
        assert bytes(Snapshot(ready(file)).view) == content


def test_a_file_that_was_superseded_cannot_be_had(tmp_path):
    """The worker asks again."""
    with pytest.raises(FileNotFoundError):
        Snapshot(ready(tmp_path / "gone"))
