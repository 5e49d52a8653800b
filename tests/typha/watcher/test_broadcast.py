"""Frames and ticks, on a bus that only notes what it is given."""

from types import SimpleNamespace

import pytest

from tests.typha.journal.test_snapshot import messages, plain
from tests.typha.journal.test_store import given_key
from typha.bus import wire
from typha.journal.store import Store
from typha.syncproto.frames import Topic
from typha.syncproto.messages import Codec, Dialect, KVs, SyncerType, SyncStatus, SyncStatusMessage
from typha.watcher.broadcast import REPEATS, Broadcast
from typha.watcher.stream import Stream


@pytest.fixture
def bus():
    """Note what is published."""
    told = []
    return SimpleNamespace(
        told=told,
        publish=lambda parts: told.append(wire.decode_tick(parts)),
        hear_subscriptions=list,
        subscriptions={wire.TICK},
    )


def ticked(broadcast, bus, published, times):
    """Tick so many times; return after which of them something was said."""
    said = []
    for turn in range(times):
        before = len(bus.told)
        broadcast.tick(dict(published))
        if len(bus.told) > before:
            said.append(turn)
    return said


def test_what_is_new_is_repeated_a_few_times_and_then_now_and_then(bus):
    """A dropped frame shows within a second, a dropped tick with the next one."""
    broadcast = Broadcast(bus, 7, 100)
    often, rarely = range(REPEATS + 1), [2 * REPEATS, 3 * REPEATS]
    assert ticked(broadcast, bus, {"felix": 1}, 4 * REPEATS) == [*often, *rarely]
    assert ticked(broadcast, bus, {"felix": 2}, 4 * REPEATS) == [*often, *rarely]
    assert bus.told[-1] == wire.Tick(7, {"felix": 2})


def test_who_has_just_subscribed_is_told_often(bus):
    """It may have missed whatever was said before."""
    broadcast = Broadcast(bus, 7, 100)
    ticked(broadcast, bus, {"felix": 1}, 3 * REPEATS)
    broadcast.hear_subscriptions()
    assert ticked(broadcast, bus, {"felix": 1}, REPEATS) == list(range(REPEATS))


FELIX = Topic(SyncerType.FELIX, Dialect.MODERN, Codec.PLAIN)
BGP = Topic(SyncerType.BGP, Dialect.MODERN, Codec.PLAIN)
IN_SYNC = SyncStatusMessage(status=SyncStatus.IN_SYNC)


def shapes(frame):
    """Tell how many KVs each message of a frame has, or the message."""
    read = messages(plain(frame.payload, Codec.PLAIN))
    return [len(one.updates) if isinstance(one, KVs) else one for one in read]


def test_a_batch_leaves_in_frames_whose_numbers_join():
    """Nobody would notice a gap between them otherwise; the status has the last number."""
    published = []
    bus = SimpleNamespace(
        publish=published.append,
        hear_subscriptions=list,
        subscriptions={wire.TICK, FELIX.to_bytes()},
    )
    broadcast = Broadcast(bus, 7, 2)
    broadcast.hear_subscriptions()
    stream = Stream(SyncerType.FELIX, Store(), SyncStatus.WAIT_FOR_READY)
    for number in range(5):
        stream.take(given_key(f"/{number}", b"v"), 3.0)
    stream.take_status(SyncStatus.IN_SYNC)
    broadcast.publish(stream, stream.cut())
    broadcast.publish(Stream(SyncerType.BGP, Store(), SyncStatus.IN_SYNC), stream.cut())
    frames = [wire.decode_frame(parts) for parts in published]
    assert {parts[0] for parts in published} == {FELIX.to_bytes()}
    assert [(frame.first, frame.last) for frame in frames] == [(1, 2), (3, 4), (5, 6)]
    assert [frame.kvs for frame in frames] == [2, 2, 1]
    assert [shapes(frame) for frame in frames] == [[2], [2], [1, IN_SYNC]]
    assert {(frame.epoch, frame.born, frame.status) for frame in frames} == {
        (7, 3.0, SyncStatus.IN_SYNC)
    }
    assert broadcast.frames == 3


def test_a_status_alone_is_a_frame_too():
    """Nothing else may come for hours."""
    published = []
    bus = SimpleNamespace(
        publish=published.append, hear_subscriptions=list, subscriptions={FELIX.to_bytes()}
    )
    broadcast = Broadcast(bus, 7, 2)
    stream = Stream(SyncerType.FELIX, Store(), SyncStatus.RESYNC)
    stream.take_status(SyncStatus.IN_SYNC)
    broadcast.publish(stream, stream.cut())
    assert published == []  # nobody has been heard to follow it
    broadcast.hear_subscriptions()
    stream = Stream(SyncerType.FELIX, Store(2), SyncStatus.RESYNC)
    stream.take_status(SyncStatus.IN_SYNC)
    broadcast.publish(stream, stream.cut())
    (frame,) = map(wire.decode_frame, published)
    assert (frame.first, frame.last, frame.kvs) == (3, 3, 0)
    assert shapes(frame) == [IN_SYNC]
