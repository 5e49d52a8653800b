"""How often the log tells of what is in the way."""

import pytest

from typha.telemetry.obstacles import REMIND_SECONDS, Obstacles


@pytest.fixture
def obstacles():
    """Begin with a way that is clear."""
    return Obstacles()


def test_what_lasts_is_said_at_once_and_every_minute(obstacles):
    """However often it is met; whatever the clock begins with."""
    for begin in (-1_000.0, 0.0, 1e9):
        said = [second for second in range(150) if obstacles.is_to_be_said("full", begin + second)]
        assert said == [0, 60, 120]


def test_another_obstacle_is_news(obstacles):
    """It may be the one that can be removed."""
    assert obstacles.is_to_be_said("full", 0.0)
    assert obstacles.is_to_be_said("no such folder", 1.0)
    assert not obstacles.is_to_be_said("no such folder", 2.0)


def test_two_that_take_turns_are_each_said_once_a_minute(obstacles):
    """Each try may be met by another one."""
    turns = [("full", "gone")[second % 2] for second in range(120)]
    said = [turn for second, turn in enumerate(turns) if obstacles.is_to_be_said(turn, second)]
    assert said == ["full", "gone"] * 2


def test_what_comes_back_after_it_went_well_is_said_again(obstacles):
    """And that it went well is known once."""
    assert not obstacles.clear()
    assert obstacles.is_to_be_said("full", 0.0)
    assert obstacles.clear()
    assert not obstacles.clear()
    assert obstacles.is_to_be_said("full", 1.0)


def test_nothing_is_kept_of_obstacles_long_past(obstacles):
    """Texts may name whatever was tried, and nobody knows how many there will be."""
    for second in range(1000):
        assert obstacles.is_to_be_said(f"port {second}", float(second))
    assert len(obstacles._silent_until) <= REMIND_SECONDS
