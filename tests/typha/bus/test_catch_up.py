"""Following a topic over a bus that loses messages."""

from hypothesis import given, strategies as st

from typha.bus import catch_up
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


def test_nothing_is_asked_for_while_an_answer_is_due():
    """Neither for the frames nor for the ticks that come meanwhile."""
    follower = Follower(EPOCH, 10)
    assert follower.take_tick(EPOCH, 12) is Verdict.ASK
    assert follower.take_tick(EPOCH, 13) is Verdict.NOTHING
    assert follower.take_frame(frame(14, 14)) is Verdict.NOTHING
    assert follower.gaps == 1


def test_the_frame_that_showed_a_gap_is_not_asked_for():
    """It only has to wait until what precedes it is there."""
    follower = Follower(EPOCH, 10)
    assert follower.take_frame(frame(12, 12)) is Verdict.ASK
    assert follower.take_changes(frame(11, 11), more=False) is Verdict.NOTHING
    assert [one.last for one in follower.ready()] == [11, 12]


def test_an_answer_that_does_not_reach_far_enough_is_followed_by_a_question():
    """What a tick announced has to come, if not with the next frame."""
    follower = Follower(EPOCH, 10)
    assert follower.take_tick(EPOCH, 15) is Verdict.ASK
    assert follower.take_changes(frame(11, 12), more=False) is Verdict.ASK
    assert follower.take_changes(frame(13, 15), more=False) is Verdict.NOTHING
    assert [one.last for one in follower.ready()] == [12, 15]


def test_frames_that_have_no_room_to_wait_are_asked_for_afterwards(monkeypatch):
    """However long an answer takes, what waits is bounded."""
    monkeypatch.setattr(catch_up, "WAITING_FRAMES", 2)
    follower = Follower(EPOCH, 10)
    follower.take_frame(frame(12, 12))
    for number in (13, 14, 15):
        follower.take_frame(frame(number, number))
    assert follower.take_changes(frame(11, 11), more=False) is Verdict.ASK
    assert [one.last for one in follower.ready()] == [11, 12, 13]


def test_an_answer_in_pieces_fills_one_gap_and_repeats_none():
    """Each piece says whether to go on; the question is repeated where an answer is late."""
    follower = Follower(EPOCH, 0)
    assert follower.take_frame(frame(8, 9)) is Verdict.ASK
    for _ in range(2):
        assert follower.take_changes(frame(1, 4), more=True) is Verdict.ASK
    assert follower.take_changes(frame(5, 9), more=False) is Verdict.NOTHING
    assert [one.last for one in follower.ready()] == [4, 9]
    assert follower.gaps == 1


def test_a_second_answer_tells_nothing_twice():
    """The question was repeated because the first answer was late."""
    follower = Follower(EPOCH, 0)
    assert follower.take_frame(frame(3, 4)) is Verdict.ASK
    assert follower.take_changes(frame(1, 4), more=False) is Verdict.NOTHING
    assert follower.take_changes(frame(1, 6), more=False) is Verdict.NOTHING
    assert [one.last for one in follower.ready()] == [4]
    assert follower.take_frame(frame(5, 6)) is Verdict.NOTHING
    assert follower.last == 6


def test_another_epoch_cannot_be_continued():
    """Its numbers mean something else."""
    follower = Follower(EPOCH, 10)
    assert follower.take_frame(frame(11, 11, epoch=6)) is Verdict.LOST
    assert follower.take_tick(6, 10) is Verdict.LOST
    assert follower.take_changes(frame(11, 11, epoch=6), more=False) is Verdict.LOST


class Bus:
    """A follower, what it was given, and the answers it still waits for."""

    def __init__(self):
        self.follower = Follower(EPOCH, 0)
        self.published = 0
        self.asked = False
        self.ready = []

    def publish(self, size, *, lost):
        """Publish the next frame; a lost one never arrives."""
        first, self.published = self.published + 1, self.published + size
        if not lost:
            self.act(self.follower.take_frame(frame(first, self.published)))

    def tick(self):
        """Say how far the publisher is, and answer the question that was asked, if any."""
        self.act(self.follower.take_tick(EPOCH, self.published))
        if self.asked:
            self.asked = False
            self.answer()

    def answer(self):
        """Send what is missing, in two halves where it is more than one."""
        last = self.follower.last
        middle = (last + self.published) // 2
        if last < middle < self.published:
            self.act(self.follower.take_changes(frame(last + 1, middle), more=True))
        else:
            self.act(self.follower.take_changes(frame(last + 1, self.published), more=False))

    def act(self, verdict):
        """Note what the follower wants, and take what is ready."""
        self.asked = self.asked or verdict is Verdict.ASK
        self.ready.extend(self.follower.ready())


@given(st.lists(st.tuples(st.integers(1, 5), st.booleans(), st.integers(0, 3)), max_size=60))
def test_whatever_is_lost_everything_is_ready_once_and_in_order(story):
    """Frames (size, lost?, ticks and answers after it): the end is contiguous and complete."""
    bus = Bus()
    for size, lost, ticks in story:
        bus.publish(size, lost=lost)
        for _ in range(ticks):
            bus.tick()
    for _ in range(100):
        bus.tick()
    assert bus.follower.last == bus.published
    assert not bus.follower.asking
    at = 0
    for one in bus.ready:
        assert one.first <= at + 1 <= one.last
        at = one.last
    assert at == bus.published
