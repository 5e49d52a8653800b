"""What workers, which are copies of one process, must not have in common."""

import os
import random

import pytest

from workers.listener import connection_numbers

# The test runner may have threads; the children only do what is written here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


def in_a_child(choose):
    """Let a forked child choose something; give what it chose."""
    ours, theirs = os.pipe()
    if os.fork() == 0:
        os.write(theirs, str(choose()).encode())
        os._exit(0)
    os.wait()
    os.close(theirs)
    with os.fdopen(ours) as answer:
        return answer.read()


@pytest.mark.parametrize(
    "choose", [random.random, lambda: next(connection_numbers())], ids=["jitter", "numbers"]
)
def test_forked_workers_do_not_choose_alike(choose):
    """Neither whom to drop nor how long to wait, nor the numbers of their connections."""
    random.seed(1)
    assert len({in_a_child(choose) for _ in range(3)}) == 3


def test_connections_are_numbered_one_after_another():
    """Behind a random upper half, from 1, as in the original."""
    numbers = connection_numbers()
    first = next(numbers)
    assert first & 0xFFFFFFFF == 1
    assert next(numbers) == first + 1
