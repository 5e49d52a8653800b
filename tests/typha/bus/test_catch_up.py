"""Following a topic over a bus that loses messages."""

from hypothesis import given, strategies as st

from typha.bus.catch_up import Follower, Verdict
from typha.syncproto.frames import Frame
from typha.syncproto.messages import SyncStatus

EPOCH = 5


def frame(first, last, epoch=EPOCH):
    """Make a frame of some sequence numbers."""
    return Frame(epoch, first, last, last - first + 1, 0.0, SyncStatus.IN_SYNC, b"")


def test_frames_in_order_are_ready_at_once():
    """The usual case."""
    follower = Follower(EPOCH, 10)
    assert follower.take_frame(frame(11, 12)) is Verdict.NOTHING
    assert follower.take_frame(frame(13, 13)) is Verdict.NOTHING
    assert [f.last for f in follower.ready()] == [12, 13]
    assert follower.ready() == []


def test_what_the_snapshot_held_is_not_repeated():
    """Frames published before the snapshot come late."""
    follower = Follower(EPOCH, 10)
    follower.take_frame(frame(9, 10))
    assert follower.ready() == []


def test_a_gap_is_asked_for_once_and_filled_in_order():
    """Frames that come meanwhile wait."""
    follower = Follower(EPOCH, 10)
    assert follower.take_frame(frame(12, 12)) is Verdict.ASK
    assert follower.take_frame(frame(13, 13)) is Verdict.NOTHING
    assert follower.ready() == []
    assert follower.take_changes(frame(11, 12), more=False) is Verdict.NOTHING
    assert [f.last for f in follower.ready()] == [12, 13]
    assert follower.gaps == 1


def test_a_tick_shows_that_the_last_frame_was_lost():
    """Nothing else would, until the next change."""
    follower = Follower(EPOCH, 10)
    assert follower.take_tick(EPOCH, 10) is Verdict.NOTHING
    assert follower.take_tick(EPOCH, 11) is Verdict.ASK


def test_another_epoch_cannot_be_continued():
    """Its numbers mean something else."""
    follower = Follower(EPOCH, 10)
    assert follower.take_frame(frame(11, 11, epoch=6)) is Verdict.LOST
    assert follower.take_tick(6, 10) is Verdict.LOST
    assert follower.take_changes(frame(11, 11, epoch=6), more=False) is Verdict.LOST


@given(st.lists(st.tuples(st.integers(1, 5), st.booleans(), st.integers(0, 3)), max_size=60))
def test_whatever_is_lost_everything_is_ready_once_and_in_order(story):
    """Frames (size, lost?, ticks and answers after it): the end is contiguous and complete."""
    follower = Follower(EPOCH, 0)
    published = 0
    asked = False
    ready = []

    def act(verdict):
        nonlocal asked
        asked = asked or verdict is Verdict.ASK
        ready.extend(follower.ready())

    def answer():
        nonlocal asked
        if asked:
            asked = False
            middle = (follower.last + published) // 2
            if follower.last < middle < published:
                act(follower.take_changes(frame(follower.last + 1, middle), more=True))
            else:
                act(follower.take_changes(frame(follower.last + 1, published), more=False))

    for size, lost, extras in story:
        published += size
        if not lost:
            act(follower.take_frame(frame(published - size + 1, published)))
        for _ in range(extras):
            act(follower.take_tick(EPOCH, published))
            answer()
    for _ in range(100):
        act(follower.take_tick(EPOCH, published))
        answer()
    assert follower.last == published
    assert not follower.asking
    at = 0
    for one in ready:
        assert one.first <= at + 1 <= one.last
        at = one.last
    assert at == published
