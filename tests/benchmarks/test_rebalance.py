"""Simulated Typhas: our rule settles, and costs less than it gains."""

import pytest
from click.testing import CliRunner
from hypothesis import given, settings, strategies as st

from benchmarks import rebalance, typhas
from benchmarks.rebalance import Choices, simulate
from benchmarks.typhas import Cluster
from typha.watcher.rebalance import Bounds

SKEWED, GROWING, _, _, FULL = rebalance.SCENARIOS


@given(st.integers(0, 1000))
@settings(max_examples=5)
def test_one_that_holds_nearly_all_comes_down_to_a_share_and_drops_no_more_than_needed(seed):
    """90 : 5 : 5 of 1000: soon within a fifth of even, and nobody is moved twice."""
    found = simulate(SKEWED._replace(watched=1000), "ours", 3, Choices(seed=seed))
    assert found.settled is not None
    assert found.settled <= 660  # one seed in a hundred takes a little longer than 600
    assert found.fewest >= 0.8
    assert found.most <= 1.2
    assert found.drops <= 900 - 1000 / 3
    assert found.repeated == 0


@given(st.integers(0, 1000))
@settings(max_examples=3)
def test_where_no_peer_has_room_nobody_is_dropped(seed):
    """412 of 408, everywhere: the reference goes on for ever."""
    assert simulate(FULL, "ours", 3, Choices(seed=seed)).drops == 0


def test_the_reference_drops_for_ever_where_no_peer_has_room():
    """What we measure ourselves against is there."""
    found = simulate(FULL, "original", 3, Choices())
    assert found.settled is None
    assert found.drops > 1000


@given(st.integers(0, 1000), st.lists(st.floats(0.01, 1), min_size=2, max_size=6), st.booleans())
@settings(max_examples=6)
def test_whatever_the_start_it_comes_to_an_end(seed, shares, old):
    """Also with clients that choose at random each time; and nobody goes below an even share."""
    cluster = Cluster(typhas.Ours, Bounds(20, 10000), seed=seed)
    for _ in shares:
        cluster.start()
    cluster.populate(100, shares)
    cluster.forget(float(old))
    before = {typha: len(typha.clients) for typha in cluster.typhas}
    cluster.run_until(1200)
    assert cluster.dropped_at < 600
    even = 400 / len(shares)
    for typha, held in before.items():
        assert len(typha.clients) >= min(held, even * 0.95)


@pytest.mark.parametrize("rule", rebalance.RULES)
def test_no_client_is_lost(rule):
    """Clients of a server that ends, or that is new, are somewhere."""
    cluster = Cluster(rebalance.RULES[rule], Bounds(10, 10000), seed=1)
    first, second = cluster.start(), cluster.start()
    cluster.populate(50, [1, 0])
    cluster.start(ready_after=10)
    cluster.stop(first)
    cluster.run_until(1000)
    assert first not in cluster.typhas
    assert sum(len(typha.clients) for typha in cluster.ready()) == 200
    assert len(second.clients) > 50


def test_the_table_shows_both_rules(monkeypatch):
    """One line for each scenario, fleet and rule."""
    monkeypatch.setattr(rebalance, "SCENARIOS", [GROWING])
    monkeypatch.setattr(rebalance, "FLEETS", {3: 20})
    ran = CliRunner().invoke(rebalance.main, ["--lower", "10", "--seed", "3"])
    assert ran.exit_code == 0
    heading, ours, theirs = ran.output.splitlines()
    assert heading.split()[:3] == ["scenario", "Typhas", "rule"]
    assert "ours" in ours.split()
    assert "original" in theirs.split()
