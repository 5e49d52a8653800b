"""One topic in one worker."""

from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, strategies as st

from typha.bus.catch_up import Verdict
from typha.bus.wire import Changes, SnapshotReady
from typha.syncproto import frames
from typha.syncproto.frames import Frame, Topic
from typha.syncproto.messages import Codec, Dialect, SyncerType, SyncStatus
from workers import replica as replicas
from workers.outbox import PIECE_BYTES
from workers.replica import LISTED_SECONDS, MARK_SECONDS, Log, Replica

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


def numbered(number, payload=b"change", status=SyncStatus.IN_SYNC):
    """Make a frame of one change."""
    return Frame(EPOCH, number, number, 1, 0.0, status, payload)


def kept(log):
    """Count the frames that still take up memory."""
    return sum(bool(each.payload) for each in log._frames)


sizes = st.sampled_from([1, 1_000, 40_000, 300_000])
pauses = st.sampled_from([0.0, 0.01, 0.3, 6.0])
stretches = st.tuples(st.integers(1, 300), sizes, pauses)


@given(st.lists(stretches, min_size=1, max_size=5), st.sampled_from([0.0, 1.0, 6.0]))
def test_what_is_let_go_of_would_not_be_sent_anyhow(stretches, rest):
    """Whoever is that far behind is told what has become of it."""
    log, everything = Log(1 << 40), Log(1 << 40)
    now, last = 0.0, 0
    for count, size, pause in stretches:
        payload = bytes(size)
        for _ in range(count):
            now += pause
            last += 1
            log.append(numbered(last, payload), now)
            with mock.patch.object(everything, "_begins_uselessly", return_value=False):
                everything.append(numbered(last, payload), now)
    now += rest
    for position in {0, last // 2, max(0, last - 257), max(0, last - 256), last - 1, last}:
        found = log.after(position, PIECE_BYTES, now)
        assert found == everything.after(position, PIECE_BYTES, now)


def test_a_calm_log_does_not_grow_until_its_window_is_full():
    """Of a day with ten small frames a second the last few hundred are of use."""
    log = Log(64 << 20)
    for number in range(1, 10_000):
        log.append(numbered(number), number / 10)
        assert kept(log) <= replicas.TRIM_AFTER
        assert len(log._frames) <= 3 * replicas.TRIM_AFTER


def test_it_is_known_how_long_somebody_has_slept_though_the_frames_are_gone():
    """To some seconds, for an hour."""
    log = Log(64 << 20)
    for number in range(1, 30_000):
        log.append(numbered(number), number / 10)
    for position in range(0, 29_998, 7):
        came_at = (position + 1) / 10
        assert came_at <= log.born_at(position) <= came_at + 2 * MARK_SECONDS


def test_a_list_is_kept_for_those_who_take_it_slower_but_not_for_ever():
    """It is the first that comes, and would keep all behind it."""
    log = Log(64 << 20)
    for number in range(1, 1001):
        log.append(numbered(number, status=SyncStatus.RESYNC), number / 10)
    assert kept(log) == 1000
    log.append(numbered(1001), 100.0)
    log.append(numbered(1002), LISTED_SECONDS)
    assert kept(log) == 1002
    for number in range(1003, 2000):
        log.append(numbered(number), LISTED_SECONDS + number / 10)
    assert kept(log) <= replicas.TRIM_AFTER


def test_frames_before_the_first_snapshot_do_not_pile_up(tmp_path):
    """It may not come for hours, where none can be written; what is missing is asked for then."""
    made = Replica(TOPIC, 10_000)
    for number in range(1, 500):
        made.take_frame(numbered(number, b""))
        assert len(made._early) < 30
    (tmp_path / "snapshot").touch()
    ready = SnapshotReady(
        b"", -1, EPOCH, 90, 499, SyncStatus.IN_SYNC, 1, str(tmp_path / "snapshot"), 0
    )
    assert made.take_snapshot(ready) is Verdict.ASK
    made.take_changes(changes(91, 499, more=False))
    assert made.last == 499
