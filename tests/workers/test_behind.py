"""Who waits for the watcher to say what changed: one question for each position."""

import pytest

from tests.workers.clients import Client
from workers.behind import Behind


def at(number, position):
    """Make a client that stands at a position."""
    client = Client(number)
    client.position = position
    return client


@pytest.fixture
def behind():
    """Begin with nobody."""
    return Behind()


def test_those_at_one_position_share_a_question_and_its_answer(behind):
    """Whoever comes while it is on its way, too."""
    first, second, other = at(1, 5), at(2, 5), at(3, 6)
    assert behind.arrive(first, 0.0)
    assert not behind.arrive(second, 1.0)
    assert behind.arrive(other, 1.0)
    assert behind.answered(5) == [first, second]
    assert behind.answered(5) == []
    assert behind.answered(6) == [other]


def test_who_has_left_is_given_no_answer(behind):
    """And where nobody waits any more, the next one asks."""
    first, second = at(1, 5), at(2, 5)
    behind.arrive(first, 0.0)
    behind.arrive(second, 0.0)
    behind.leave(at(3, 5))  # it waited for nothing
    behind.leave(first)
    behind.leave(first)
    assert behind.answered(5) == [second]
    behind.arrive(first, 0.0)
    behind.leave(first)
    assert behind.arrive(second, 0.0)


def test_a_question_is_overdue_once_in_a_while(behind):
    """From when it was asked, by whoever was first, or asked again."""
    behind.arrive(at(1, 5), 10.0)
    behind.arrive(at(2, 5), 20.0)
    behind.arrive(at(3, 6), 20.0)
    assert behind.overdue(10.0, 12.0) == []
    assert behind.overdue(10.1, 12.1) == [5]
    assert behind.overdue(12.0, 14.0) == []
    assert behind.overdue(20.1, 22.1) == [5, 6]
