"""Quantiles that are near the truth, and the same however the values were spread."""

import math

import pytest
from hypothesis import given, strategies as st

from typha.telemetry.sketch import Sketch

values = st.floats(min_value=1e-6, max_value=1e6)


def sketched(observed, age: int = 0) -> Sketch:
    """Return a sketch of these values."""
    made = Sketch()
    made.turn(age)
    for value in observed:
        made.observe(value)
    return made


@given(st.lists(values, min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_quantile_is_at_most_one_percent_above_the_true_one(observed, share):
    """The value whose rank is the share, rounded up."""
    exact = sorted(observed)[math.ceil(share * len(observed)) - 1]
    (found,) = sketched(observed).quantiles([share], age=0)
    assert exact * (1 - 1e-9) <= found <= exact * 1.0100001


@given(st.lists(st.tuples(st.integers(0, 3), values), min_size=1, max_size=100))
def test_merging_processes_gives_what_one_process_would_have_seen(parts):
    """Exactly: buckets are added."""
    merged = Sketch()
    for process in range(4):
        merged.merge(sketched(value for owner, value in parts if owner == process))
    alone = sketched(value for _owner, value in parts)
    shares = [0.5, 0.9, 0.99]
    assert merged.quantiles(shares, age=0) == alone.quantiles(shares, age=0)
    assert merged.count == alone.count == len(parts)
    assert merged.total == pytest.approx(alone.total)


@given(st.lists(values, max_size=50), st.integers(0, 1000))
def test_a_sketch_survives_the_journey_to_ops(observed, age):
    """Its plain form holds everything."""
    before = sketched(observed, age)
    after = Sketch.from_plain(before.to_plain())
    assert after.to_plain() == before.to_plain()


def test_a_weight_stands_for_so_many_observations():
    """One call for a frame that went to 600 clients."""
    once = Sketch()
    once.observe(3.0, weight=600)
    assert once.to_plain() == sketched([3.0] * 600).to_plain()


def test_zero_and_less_have_a_bucket_of_their_own():
    """Clocks may step back."""
    assert sketched([0.0, -1.0, 5.0]).quantiles([0.5], age=0) == [0.0]


def test_small_whole_numbers_are_shown_as_they_are():
    """One key-value in a message is 1, not 0.99."""
    assert sketched([1, 1, 1]).quantiles([0.5], age=0) == [1.0]


def test_nothing_observed_is_not_a_number():
    """As the original shows it."""
    assert all(math.isnan(value) for value in Sketch().quantiles([0.5, 0.99], age=0))


def test_old_ages_are_forgotten_but_stay_counted():
    """Quantiles look at the last five ages; count and sum are for ever."""
    sketch = sketched([100.0], age=1)
    for age in range(2, 6):
        sketch.turn(age)
        assert sketch.quantiles([0.5], age)[0] == pytest.approx(100, rel=0.01)
    sketch.turn(6)
    assert math.isnan(sketch.quantiles([0.5], 6)[0])
    assert (sketch.count, sketch.total) == (1, 100.0)
    assert list(sketch.ages) == [2, 3, 4, 5, 6]
