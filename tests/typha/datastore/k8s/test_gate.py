"""One endpoint is asked by all together: gently while it is away, freely when it is back."""

import itertools

import pytest
from hypothesis import given, settings, strategies as st

from typha.datastore.k8s.gate import Gate, Throttle


def test_all_pass_while_the_endpoint_answers():
    """Whatever the number."""
    gate = Gate()
    assert [gate.wait(0.0) for _ in range(100)] == [0.0] * 100


def test_one_attempt_at_a_time_is_made_while_it_is_away():
    """The others wait until that one knows."""
    gate = Gate()
    assert gate.failed(0.0, 1.0, 0.0)
    assert gate.wait(1.0) == 0.25
    assert gate.wait(1.25) == 0.0
    assert gate.wait(5.0) > 0
    assert gate.failed(1.25, 6.0, 0.0)
    assert gate.wait(6.0) == 0.5


def test_failures_that_were_under_way_do_not_count():
    """Thirty streams break at once when the server goes."""
    gate = Gate()
    gate.failed(0.0, 1.0, 0.0)
    for _ in range(30):
        assert not gate.failed(0.5, 1.1, 0.0)
    assert gate.wait(1.25) == 0.0


def test_the_first_answer_lets_everybody_through():
    """And the next absence begins with short waits again."""
    gate = Gate()
    for n in range(20):
        gate.failed(n * 10.0, n * 10.0, 0.0)
    assert gate.answered()
    assert not gate.answered()
    assert [gate.wait(200.0) for _ in range(3)] == [0.0] * 3
    gate.failed(300.0, 300.0, 0.0)
    assert gate.wait(300.25) == 0.0


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=200, max_size=200), st.integers(1, 40))
def test_after_ten_seconds_there_are_at_most_two_attempts_a_second(chances, streams):
    """Whatever chance says, and however many streams there are."""
    gate, now, attempts = Gate(), 0.0, []
    gate.failed(0.0, 0.0, 0.0)
    while now < 60.0:
        for _ in range(streams):
            if gate.wait(now) == 0.0:
                attempts.append(now)
                gate.failed(now, now, chances[len(attempts) % 200])
        now += 0.05
    late = [at for at in attempts if at >= 10.0]
    for begin in range(10, 59):
        assert sum(begin <= at < begin + 1 for at in late) <= 2
    assert max(b - a for a, b in itertools.pairwise(late)) <= 2.1


def test_a_rate_is_kept_where_one_is_set():
    """First the burst at once, then so many a second."""
    throttle = Throttle(rate=10.0, burst=3)
    assert [throttle.wait(0.0) for _ in range(3)] == [0.0] * 3
    assert throttle.wait(0.0) == 0.1
    assert throttle.wait(0.025) == pytest.approx(0.075)
    assert throttle.wait(0.1) == 0.0
    assert throttle.wait(0.1) > 0
    assert [throttle.wait(100.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.1]
    assert Throttle(rate=5.0, burst=0).wait(0.0) == 0.0


def test_without_a_rate_nothing_waits():
    """Our streams are few and pace themselves."""
    throttle = Throttle(rate=0.0, burst=1)
    assert [throttle.wait(0.0) for _ in range(1000)] == [0.0] * 1000
