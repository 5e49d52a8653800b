"""How fast connections are shed at shutdown."""

import itertools

from hypothesis import given, strategies as st

from typha.parent.draining import Drain, share


def played(connections: int, *, timeout: float, longest: float, step: float = 0.01):
    """Return the times at which connections were closed, everything obeying at once."""
    drain = Drain(connections, timeout=timeout, longest_interval=longest, now=0.0)
    now, active, closed = 0.0, connections, []
    while not drain.is_over():
        now += step
        closing = drain.take(now, active, chance=0.5)
        active -= closing
        closed += [now] * closing
    return closed


def test_with_nobody_connected_there_is_nothing_to_wait_for():
    """The original once divided by zero here."""
    assert Drain(0, timeout=300, longest_interval=1, now=0).is_over()


def test_few_connections_leave_one_a_second():
    """As recorded: five clients and ten seconds take five seconds."""
    closed = played(5, timeout=10, longest=1)
    assert len(closed) == 5
    gaps = [later - before for before, later in itertools.pairwise(closed)]
    assert all(0.9 < gap < 1.1 for gap in gaps)


def test_many_connections_share_95_percent_of_the_time():
    """A thousand in a minute leave 57 ms apart."""
    closed = played(1000, timeout=60, longest=1)
    assert len(closed) == 1000
    assert 55.0 < closed[-1] < 58.0


def test_connections_that_do_not_leave_are_cut_at_the_deadline():
    """The time allowed is the most it takes."""
    drain = Drain(10, timeout=5, longest_interval=1, now=100.0)
    taken = [drain.take(100.0 + tenth / 10, 10, chance=0.0) for tenth in range(51)]
    assert drain.is_over()
    assert taken[-1] == 10
    assert sum(taken[:-1]) == 10


def test_the_wait_until_the_next_one_is_known():
    """So the parent sleeps in between."""
    drain = Drain(10, timeout=100, longest_interval=1, now=0.0)
    assert drain.due_in(0.0) == 0.95
    assert drain.due_in(2.0) == 0.0


@given(st.integers(1, 500), st.floats(0.1, 300), st.floats(0.01, 5))
def test_every_connection_is_closed_once_and_in_time(connections, timeout, longest):
    """Whatever the settings."""
    closed = played(connections, timeout=timeout, longest=longest, step=max(0.01, timeout / 300))
    assert len(closed) == connections
    assert closed[-1] <= timeout * 1.01 + 0.01


@given(st.lists(st.integers(0, 30), min_size=1, max_size=8), st.integers(0, 300))
def test_shares_even_the_workers_out(held, closing):
    """What is taken comes from the fullest, and never more than there is."""
    shares = share(closing, held)
    left = [before - taken for before, taken in zip(held, shares, strict=True)]
    assert sum(shares) == min(closing, sum(held))
    assert all(taken >= 0 and rest >= 0 for taken, rest in zip(shares, left, strict=True))
    touched = [rest for rest, taken in zip(left, shares, strict=True) if taken]
    assert all(rest >= max(left) - 1 for rest in touched)
