"""Which snapshots leave a worker, and what it shows of them to the others."""

import pytest

from typha.config.settings import ServerSettings
from typha.scoreboard import Scoreboard
from workers.connection import Progress
from workers.egress import PIECE_BYTES
from workers.loading import LOOK_AGAIN_SECONDS, Loading

LIMITED = ServerSettings(max_concurrent_snapshots=2)
PACED = ServerSettings(max_egress_per_second=10 * PIECE_BYTES)


@pytest.fixture
def board():
    """Give the scoreboard of a server with two workers."""
    return Scoreboard(2)


@pytest.fixture
def turn(board):
    """Take a turn as the first worker."""
    return lambda loading, now: loading.turn(board.workers, board.worker(0), now)


def test_without_limits_nobody_waits_and_nothing_is_shown(board, turn):
    """The default; no other worker has to look."""
    loading = Loading(ServerSettings())
    loading.arrive("a", 1.0)
    loading.arrive("b", 2.0)
    assert turn(loading, 3.0) == ["a", "b"]
    assert loading.patience() == float("inf")
    slot = board.worker(0)
    assert (slot.snapshots_sending, slot.waiting_since) == (0, 0.0)


def test_a_limited_worker_shows_what_it_sends_and_since_when_somebody_waits(board, turn):
    """Others decide by it."""
    loading, slot = Loading(LIMITED), board.worker(0)
    for moment, client in enumerate("abc", 1):
        loading.arrive(client, float(moment))
    assert turn(loading, 4.0) == ["a", "b"]
    assert (slot.snapshots_sending, slot.waiting_since) == (2, 3.0)
    assert loading.patience() == LOOK_AGAIN_SECONDS
    loading.leave(["a", "b"])
    assert turn(loading, 5.0) == ["c"]
    assert (slot.snapshots_sending, slot.waiting_since) == (1, 0.0)
    assert loading.patience() == float("inf")


def test_a_limit_of_one_is_a_limit(turn):
    """The least that can be set."""
    loading = Loading(ServerSettings(max_concurrent_snapshots=1))
    loading.arrive("a", 1.0)
    loading.arrive("b", 2.0)
    assert turn(loading, 3.0) == ["a"]


def test_what_another_worker_sends_counts(board, turn):
    """And who has waited there for longer goes first; what it shows of itself does not."""
    loading, other = Loading(LIMITED), board.worker(1)
    loading.arrive("a", 5.0)
    other.snapshots_sending = 2
    assert turn(loading, 6.0) == []
    other.snapshots_sending, other.waiting_since = 1, 4.0
    assert turn(loading, 6.0) == []
    other.waiting_since = 5.5
    assert turn(loading, 6.0) == ["a"]
    assert turn(loading, 7.0) == []


def test_of_several_that_wait_elsewhere_the_first_counts():
    """Whoever waits with us has waited for less, then."""
    board = Scoreboard(3)
    loading = Loading(LIMITED)
    loading.arrive("a", 5.0)
    board.worker(1).waiting_since, board.worker(2).waiting_since = 9.0, 4.0
    assert loading.turn(board.workers, board.worker(0), 10.0) == []


def test_with_a_rate_the_next_begins_when_the_first_can_take_no_more(turn):
    """As far as the client goes: that the rate is used up is not its doing."""
    loading = Loading(PACED)
    loading.arrive("a", 1.0)
    loading.arrive("b", 1.0)
    assert turn(loading, 1.0) == ["a"]
    for takes in (Progress.TURN_OVER, Progress.PACED):
        loading.note("a", takes)
        assert turn(loading, 1.0) == []
        assert loading.resumed() == ["a"]
    loading.note("a", Progress.BLOCKED)
    assert turn(loading, 1.0) == ["b"]
    assert loading.resumed() == ["b"]


def test_nobody_is_resumed_before_the_rate_allows_it(turn):
    """And the loop comes back when it does."""
    loading = Loading(PACED)
    loading.arrive("a", 1.0)
    turn(loading, 1.0)
    assert loading.patience() == 0.0
    loading.egress.take(3 * PIECE_BYTES)
    assert loading.resumed() == []
    wait = loading.patience()
    assert wait == pytest.approx(0.2)
    turn(loading, 1.0 + wait - 0.01)
    assert loading.resumed() == []
    turn(loading, 1.0 + wait + 0.01)
    assert loading.resumed() == ["a"]


def test_workers_that_send_at_the_same_time_share_the_rate(board, turn):
    """One that sends nothing leaves its share."""
    loading = Loading(PACED)
    loading.arrive("a", 1.0)
    turn(loading, 1.0)
    loading.egress.take(3 * PIECE_BYTES)
    board.worker(1).snapshots_sending = 1
    turn(loading, 1.0)
    assert loading.patience() == pytest.approx(0.4)


def test_without_a_rate_there_is_nothing_to_resume(turn):
    """Who can take more is told of by the poll."""
    loading = Loading(LIMITED)
    loading.arrive("a", 1.0)
    turn(loading, 1.0)
    loading.note("a", Progress.TURN_OVER)
    assert loading.resumed() == []
