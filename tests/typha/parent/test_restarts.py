"""When a process that ended is started again."""

import pytest
from hypothesis import given, strategies as st

from typha.parent.restarts import (
    BOOT_FAILED,
    LONGEST_DELAY_SECONDS,
    MOST_SHORT_LIVES,
    BackOff,
    Exit,
    GiveUp,
    Restart,
    verdict,
)


def exits(*lives: float, code: int = -9) -> list[Exit]:
    """Return exits after these many seconds of life, one after the other."""
    at = 0.0
    found = []
    for lived in lives:
        at += lived
        found.append(Exit(code=code, lived=lived, at=at))
    return found


def test_a_settled_process_that_is_killed_comes_back_at_once():
    """Most deaths are single."""
    assert verdict(exits(3600), served=True) == Restart()


def test_the_first_early_death_is_forgiven():
    """A kill right after the start says nothing about the process."""
    assert verdict(exits(0.2), served=True) == Restart()


def test_repeated_early_deaths_are_spaced_ever_wider():
    """The second waits 0.1 s, then twice as long each time."""
    waits = []
    for count in range(2, 6):
        history = exits(*[1.0] * count)
        decision = verdict(history, served=True)
        assert isinstance(decision, BackOff)
        waits.append(round(decision.until - history[-1].at, 3))
    assert waits == [0.1, 0.2, 0.4, 0.8]


def test_a_long_life_clears_the_record():
    """Only the row of early deaths at the end counts."""
    assert verdict(exits(1, 1, 1, 1, 60), served=True) == Restart()
    assert verdict(exits(1, 1, 1, 1, 60, 1), served=True) == Restart()


def test_a_process_that_cannot_work_ends_a_server_that_never_served():
    """Retrying would hide what the operator has to mend."""
    decision = verdict(exits(0.1, code=BOOT_FAILED), served=False)
    assert isinstance(decision, GiveUp)


def test_a_serving_server_keeps_trying_what_says_it_cannot_work():
    """A bad reload must not take the other processes' clients down."""
    assert verdict(exits(0.1, code=BOOT_FAILED), served=True) == Restart()


def test_dying_young_too_often_before_serving_ends_the_server():
    """The container's own restart policy takes over then."""
    history = exits(*[0.5] * (MOST_SHORT_LIVES + 1), code=1)
    assert isinstance(verdict(history, served=False), GiveUp)
    assert isinstance(verdict(history[1:], served=False), BackOff)
    assert isinstance(verdict(history, served=True), BackOff)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=40), st.sampled_from([-9, 1, BOOT_FAILED]))
def test_a_serving_server_always_tries_again_within_the_longest_delay(lives, code):
    """Whatever the history, the post is filled again, and soon."""
    history = exits(*lives, code=code)
    match verdict(history, served=True):
        case Restart():
            pass
        case BackOff(until):
            assert 0 < until - history[-1].at <= LONGEST_DELAY_SECONDS + 1e-6
        case GiveUp():
            pytest.fail("gave up while serving")
