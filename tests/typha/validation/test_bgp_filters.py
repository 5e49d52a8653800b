"""Rules for BGPFilter: one case a rule."""

import pytest

from typha.model import bgp
from typha.validation import v3

GOOD = {
    "cidr": "10.0.0.0/8",
    "matchOperator": "In",
    "prefixLength": {"min": 0, "max": 32},
    "source": "RemotePeers",
    "interface": "eth*",
    "peerType": "eBGP",
    "communities": {"values": ["65000:1"]},
    "asPathPrefix": [64512, "1.10"],
    "priority": 1,
    "action": "Accept",
    "operations": [
        {"addCommunity": {"value": "65000:2"}},
        {"prependASPath": {"prefix": ["64512"]}},
        {"setPriority": {"value": 2147483646}},
    ],
}


def unfit(rule, direction="exportV4"):
    """Return why a filter with one rule must not be sent."""
    spec = bgp.FILTER.convert({direction: [rule]})
    return v3.reason_unfit("bgpfilters", {"metadata": {"name": "f"}, "spec": spec})


def without(member):
    """Return the good rule without a member."""
    return {name: value for name, value in GOOD.items() if name != member}


@pytest.mark.parametrize(
    ("direction", "rule"),
    [
        ("exportV4", GOOD),
        ("importV4", {"action": "Reject"}),
        ("importV6", {"action": "Accept", "cidr": "fd00::/8", "matchOperator": "NotIn"}),
        (
            "exportV6",
            {
                "action": "Accept",
                "cidr": "fd00::1",
                "matchOperator": "Equal",
                "prefixLength": {"max": 128},
            },
        ),
        ("exportV4", {"action": "Accept", "interface": "*"}),
    ],
)
def test_good_rules_are_sent(direction, rule):
    """Of both versions of IP, with everything and with next to nothing."""
    assert unfit(rule, direction) is None


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (GOOD | {"cidr": "10.0.0.1/8"}, "cidr"),
        (GOOD | {"cidr": "fd00::/8"}, "cidr"),
        (GOOD | {"cidr": "elm"}, "cidr"),
        (without("cidr"), "together"),
        (without("matchOperator"), "together"),
        ({"action": "Accept", "prefixLength": {"min": 1}}, "prefixLength"),
        (GOOD | {"prefixLength": {"min": 33}}, "prefixLength"),
        (GOOD | {"prefixLength": {"max": -1}}, "prefixLength"),
        (GOOD | {"matchOperator": "in"}, "matchOperator"),
        (GOOD | {"source": "LocalPeers"}, "source"),
        (GOOD | {"interface": "a b"}, "interface"),
        (GOOD | {"interface": "sixteen-letters-"}, "interface"),
        (GOOD | {"peerType": "ebgp"}, "peerType"),
        (GOOD | {"priority": 0}, "priority"),
        (GOOD | {"priority": 2147483647}, "priority"),
        (GOOD | {"communities": {}}, "communities"),
        (without("action"), "action"),
        (GOOD | {"action": "Allow"}, "action"),
        (GOOD | {"operations": [{}]}, "exactly one"),
        (
            GOOD
            | {
                "operations": [{"setPriority": {"value": 1}, "addCommunity": {"value": "1:1"}}],
            },
            "exactly one",
        ),
        (GOOD | {"operations": [{"addCommunity": {}}]}, "addCommunity"),
        (GOOD | {"operations": [{"prependASPath": {}}]}, "prependASPath"),
        (GOOD | {"operations": [{"setPriority": {}}]}, "setPriority"),
        (GOOD | {"operations": [{"setPriority": {"value": 0}}]}, "priority"),
    ],
)
def test_bad_rules_make_the_filter_unfit(rule, told):
    """Each for its own reason."""
    assert told in unfit(rule)


def test_prefix_lengths_depend_on_the_version():
    """Sixty-four is one of IPv6 only."""
    rule = {"action": "Accept", "matchOperator": "In", "prefixLength": {"max": 64}}
    assert unfit({**rule, "cidr": "fd00::/8"}, "importV6") is None
    assert "prefixLength" in unfit({**rule, "cidr": "10.0.0.0/8"}, "importV4")
