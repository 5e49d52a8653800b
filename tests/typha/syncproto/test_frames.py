"""Batches as bytes that any client of a stream can read, and the stream that each client is in."""

import pytest

from tests.typha.journal.test_snapshot import messages, plain
from tests.typha.journal.test_store import given_key
from typha.syncproto import frames
from typha.syncproto.frames import Topic
from typha.syncproto.messages import Codec, Dialect, KVs, SyncerType, SyncStatus, SyncStatusMessage

IN_SYNC = SyncStatusMessage(status=SyncStatus.IN_SYNC)


@pytest.mark.parametrize("syncer", SyncerType)
@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("codec", Codec)
def test_only_clients_of_felix_are_served_by_dialect(syncer, dialect, codec):
    """The keys of the others are spelt alike for all, so they share a stream."""
    topic = Topic.serving(syncer, dialect, codec)
    spelt = dialect if syncer is SyncerType.FELIX else Dialect.MODERN
    assert topic == Topic(syncer, spelt, codec)
    assert topic.to_bytes().endswith(b"/snappy|" if codec is Codec.SNAPPY else b"/plain|")


@pytest.mark.parametrize("codec", Codec)
def test_the_status_of_a_batch_comes_behind_its_changes(codec):
    """In messages of bounded size, and joined to a stream that was opened once."""
    elements = [given_key(f"/{number}", b"v").delta() for number in range(5)]
    stream = frames.opening(codec)
    stream += frames.deltas(elements, SyncStatus.IN_SYNC, codec, largest_batch=2)
    stream += frames.deltas(elements[:1], None, codec)
    stream += frames.status_alone(SyncStatus.IN_SYNC, codec)
    read = messages(plain(stream, codec))
    shapes = [len(one.updates) if isinstance(one, KVs) else one for one in read]
    assert shapes == [2, 2, 1, IN_SYNC, 1, IN_SYNC]


@pytest.mark.parametrize("codec", Codec)
def test_nothing_to_tell_is_no_bytes(codec):
    """Not even those of an empty chunk."""
    assert frames.deltas([], None, codec) == b""
