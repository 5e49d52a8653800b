"""How many connections a server may hold, and when one has to go."""

import pytest
from hypothesis import example, given, settings, strategies as st

from typha.watcher import rebalance
from typha.watcher.rebalance import Bounds, Governor, Ground, Limit, Reason, View

BOUNDS = Bounds(lower=100, upper=10000)
NODE = "/calico/resources/v3/projectcalico.org/nodes/{}"


# ---- the limit


@pytest.mark.parametrize(
    ("typhas", "nodes", "expected"),
    [
        (1, 10, Limit(101, Reason.LONE)),
        (10, 10, Limit(11, Reason.LOWER)),
        (5, 100, Limit(93, Reason.SHARE)),
        (5, 200, Limit(101, Reason.UPPER)),
        (10, 500, Limit(101, Reason.UPPER)),
        (2, 500, Limit(101, Reason.UPPER)),
        (0, 10, Limit(101, Reason.LONE)),
        (None, 10, Limit(101, Reason.ERROR)),
        (5, None, Limit(101, Reason.ERROR)),
    ],
)
def test_the_references_own_values_for_three_pipelines(typhas, nodes, expected):
    """From its unit test."""
    assert rebalance.limit(typhas, nodes, Bounds(11, 101), pipelines=3) == expected


@pytest.mark.parametrize(
    ("typhas", "nodes", "bounds", "expected"),
    [
        (3, 600, Bounds(400, 10000), 1444),
        (6, 1000, Bounds(400, 10000), 964),
        (3, 2, Bounds(1, 10000), 8),  # seen with the real server
        (20, 1600, Bounds(400, 10000), 408),
        (4, 0, Bounds(1, 10000), 4),
        (4, 10, Bounds(500, 300), 300),  # the upper one wins
        (2, 10**6, Bounds(0, 2147483647), 4 * (1 + 1_200_000)),
    ],
)
def test_the_formula_for_the_four_pipelines_there_are(typhas, nodes, bounds, expected):
    """Each division is of integers, from left to right."""
    assert rebalance.limit(typhas, nodes, bounds).connections == expected


@given(st.integers(0, 50), st.integers(0, 10000), st.integers(0, 5000), st.integers(1, 20000))
def test_the_limit_lies_between_the_bounds(typhas, nodes, lower, upper):
    """Whatever was counted."""
    found = rebalance.limit(typhas, nodes, Bounds(lower, upper)).connections
    assert min(lower, upper) <= found <= upper


def test_nodes_are_counted_by_their_resource():
    """Nothing else that has to do with a node is one."""
    keys = [
        NODE.format("a"),
        NODE.format("b"),
        "/calico/v1/host/a/bird_ip",
        "/calico/resources/v3/projectcalico.org/felixconfigurations/node.a",
        "/calico/v1/config/IpInIpTunnelAddr",
    ]
    assert rebalance.count_nodes(keys) == 2


@pytest.mark.parametrize(
    ("clients", "expected"),
    [
        ({}, 0),
        ({"felix": 0, "bgp": 0}, 0),
        ({"felix": 9, "bgp": 0}, 1),
        ({"felix": 30, "bgp": 12, "tunnel-ip-allocation": 8, "node-status": 11}, 4),
        ({"felix": 100, "bgp": 91, "tunnel-ip-allocation": 108, "node-status": 97}, 4),
        ({"felix": 100, "bgp": 8, "tunnel-ip-allocation": 108, "node-status": 97}, 3),
    ],
)
def test_a_host_connects_once_for_each_syncer_in_use(clients, expected):
    """A stranger with a client of another does not make it one."""
    assert rebalance.connections_per_host(clients) == expected


# ---- the governor


def view(**known) -> View:
    """Make a view of a server in a cluster of three with 250 nodes, each making 4 connections."""
    limit = rebalance.limit(3, 250, BOUNDS).connections
    defaults = {"dropped": 0, "limit": limit, "typhas": 3, "nodes": 250, "per_host": 4}
    return View(**{**defaults, **known})


class Played:
    """A governor that is asked time and again, and obeyed."""

    def __init__(self, bounds=BOUNDS):
        self.governor = Governor(1.0, bounds, 0.0)
        self.dropped = 0

    def decide(self, active, **known):
        """Ask once."""
        now = self.governor.next_at
        ground = self.governor.decide(view(active=active, dropped=self.dropped, **known), now, 0.5)
        self.dropped += ground is not None
        return ground

    def shed(self, active, most=10000, **known):
        """Ask until nothing is to be dropped, and tell how many are left."""
        for _ in range(most):
            if self.decide(active, **known) is None:
                return active
            active -= 1
        raise AssertionError


def test_it_decides_once_an_interval_and_up_to_a_tenth_later():
    """So that servers do not move in step."""
    governor = Governor(2.0, BOUNDS, 100.0)
    assert governor.next_at == 102.0
    governor.decide(view(active=0), 102.0, 0.0)
    assert governor.next_at == 104.0
    governor.decide(view(active=0), 104.0, 0.999)
    assert 106.19 < governor.next_at < 106.2


@pytest.mark.parametrize("typhas", [0, 1, 3])
@pytest.mark.parametrize("is_cut_off", [True, False])
def test_the_upper_limit_acts_always(typhas, is_cut_off):
    """Without rebalancing, alone, or with a datastore that is away."""
    bounds = Bounds(lower=5, upper=10)
    known = {"limit": 10, "typhas": typhas, "is_cut_off": is_cut_off}
    assert Played(bounds).decide(11, **known) is Ground.UPPER
    assert Played(bounds).decide(10, **known) is None


def test_balancing_begins_beyond_chance_and_goes_on_down_to_a_share():
    """604 is the limit; 333 would be even."""
    assert Played().decide(634) is None
    assert Played().decide(635) is Ground.BALANCE
    assert Played().shed(900) == 383


def test_balancing_ends_at_the_limit_where_there_are_more_than_expected_in_all():
    """Then nothing is known of what would be even: 2 nodes, limit 8."""
    known = {"limit": 8, "nodes": 2, "per_host": 1}
    assert Played(Bounds(1, 10000)).shed(10, **known) == 8


def test_balancing_keeps_to_the_lower_limit():
    """What it allows is no reason to drop anybody."""
    assert Played(Bounds(400, 10000)).shed(900) == 400


@given(
    st.integers(0, 10000),
    st.integers(0, 30),
    st.integers(0, 5000),
    st.integers(0, 4),
    st.integers(1, 10000),
)
@example(active=700, typhas=1, nodes=100, per_host=4, limit=604)
@example(active=700, typhas=2, nodes=302, per_host=4, limit=604)
def test_nothing_is_dropped_where_it_cannot_help(active, typhas, nodes, per_host, limit):
    """Below the limit, alone, or with all others as full as this one."""
    known = {"typhas": typhas, "nodes": nodes, "per_host": per_host, "limit": limit}
    ground = Played().decide(active, **known)
    expected = nodes * max(1, per_host)
    if active <= limit or typhas <= 1 or expected >= limit * typhas:
        assert ground is None


@given(st.integers(0, 10000), st.integers(2, 30), st.integers(1, 2500), st.integers(0, 4000))
def test_a_server_that_sheds_stays_above_an_even_share(active, typhas, nodes, lower):
    """Never so many that others would have to give some back."""
    bounds = Bounds(lower, 10000)
    known = {
        "typhas": typhas,
        "nodes": nodes,
        "limit": rebalance.limit(typhas, nodes, bounds).connections,
    }
    left = Played(bounds).shed(active, **known)
    assert left == active or left >= nodes * 4 // typhas


@given(st.integers(635, 1000), st.integers(5_000, 30_000))
@settings(max_examples=10)
def test_what_does_not_help_is_left_off(active, seconds):
    """However long it lasts: the pauses become longer, up to an hour."""
    played, resting = Played(), 0
    while played.governor.next_at < seconds:
        played.decide(active)
        resting += played.governor.is_resting(played.governor.next_at)
    hours = seconds / rebalance.LONGEST_REST_SECONDS
    assert played.dropped <= rebalance.VAIN_DROPS * (hours + 5)
    assert resting


def test_after_a_rest_it_is_tried_again():
    """And when another Typha has come, at once."""
    played = Played()
    for _ in range(100):
        played.decide(900)
    assert played.dropped == rebalance.VAIN_DROPS
    assert played.decide(900, typhas=4) is Ground.BALANCE
    assert played.shed(899) == 383


def test_help_makes_the_next_rest_a_short_one_again():
    """Each that follows another without any is twice as long."""
    played = Played()

    def rest():
        """Drop in vain until it rests, and tell for how long it does."""
        while not played.governor.is_resting(played.governor.next_at):
            played.decide(900)
        begin = played.governor.next_at
        while played.governor.is_resting(played.governor.next_at):
            played.decide(900)
        return played.governor.next_at - begin

    first = rest()
    assert rest() > 1.5 * first
    assert played.decide(900) is Ground.BALANCE
    assert played.decide(383) is None
    assert rest() < 1.5 * first


def test_help_that_comes_slowly_is_help():
    """Where others shed as well, most that are sent away are replaced."""
    played, active = Played(), 900.0
    while played.decide(int(active)) is not None:
        active -= 0.1
    assert int(active) == 383


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, None),
        ({"has_fresh_peer": True}, Ground.STALE),
        ({"has_fresh_peer": True, "active": 0}, None),
        ({"has_fresh_peer": True, "active": 3, "typhas": 0}, Ground.STALE),
        ({"active": 9000}, None),
    ],
)
def test_a_server_without_its_datastore_keeps_its_clients_unless_a_peer_does_better(
    known, expected
):
    """What it knows is old, and yet better than nothing."""
    assert Played().decide(**{"active": 50, "is_cut_off": True, **known}) is expected


def test_a_fresh_peer_takes_all_but_not_those_who_come_back():
    """Some may not be able to reach it."""
    known = {"is_cut_off": True, "has_fresh_peer": True}
    assert Played().shed(200, **known) == 0
    played = Played()
    for _ in range(200):
        played.decide(7, **known)
    assert played.dropped == rebalance.VAIN_DROPS
