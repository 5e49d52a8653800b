"""Cluster network policies become Calico's, and what cannot be converted fails closed."""

import pytest

from typha.datastore.k8s import cluster_policies
from typha.model.resources import ConversionError, Reading

EVERYBODY = {"namespaces": {}}
POD = "projectcalico.org/orchestrator == 'k8s'"


def read(**spec):
    """Read a policy of the Admin tier for everybody, changed as given."""
    spec = {"tier": "Admin", "priority": 7, "subject": EVERYBODY, **spec}
    obj = {"metadata": {"name": "p", "resourceVersion": "9"}, "spec": spec}
    return cluster_policies.read(obj, Reading())


def converted(**spec):
    """Return the spec of what was read."""
    return read(**spec).value["spec"]


@pytest.mark.parametrize(
    ("tier", "name"), [("Admin", "kube-admin"), ("Baseline", "kube-baseline")]
)
def test_the_two_tiers_have_names_of_their_own(tier, name):
    """Their order is the priority."""
    spec = converted(tier=tier)
    assert (spec["tier"], spec["order"], spec["types"]) == (name, 7, [])


@pytest.mark.parametrize("spec", [{"tier": "Other"}, {"tier": None}, {"subject": {}}])
def test_a_policy_of_no_known_tier_or_for_nobody_is_of_no_interest(spec):
    """It has no key."""
    assert read(**spec) is None


@pytest.mark.parametrize(
    ("subject", "selector", "namespaces"),
    [
        (EVERYBODY, POD, "all()"),
        ({"namespaces": {"matchLabels": {"a": "b"}}}, POD, "a == 'b'"),
        (
            {"pods": {"namespaceSelector": {}, "podSelector": {"matchLabels": {"a": "b"}}}},
            f"{POD} && a == 'b'",
            "all()",
        ),
        ({"pods": {}}, POD, "all()"),
    ],
)
def test_the_subject_says_whose_policy_it_is(subject, selector, namespaces):
    """By namespaces, or by pods in namespaces."""
    spec = converted(subject=subject)
    assert (spec["selector"], spec["namespaceSelector"]) == (selector, namespaces)


def test_protocols_and_peers_multiply():
    """A rule for each protocol in the order of names, and in each for every peer."""
    rule = {
        "name": "r",
        "action": "Accept",
        "from": [{"namespaces": {}}, {"pods": {"podSelector": {"matchLabels": {"a": "b"}}}}],
        "protocols": [
            {"udp": {"destinationPort": {"range": {"start": 1, "end": 3}}}},
            {"tcp": {"destinationPort": {"number": 80}}},
            {"destinationNamedPort": "web"},
            {"sctp": {}},
            {"sctp": {"destinationPort": {"number": 1}}},
        ],
    }
    rules = converted(ingress=[rule])["ingress"]
    assert [(each.get("protocol"), each["destination"]["ports"]) for each in rules[::2]] == [
        (None, ["web"]),
        ("SCTP", []),
        ("TCP", [80]),
        ("UDP", ["1:3"]),
    ]
    assert {each["action"] for each in rules} == {"Allow"}
    assert rules[0]["metadata"] == {"annotations": {"name": "r"}}
    assert rules[0]["source"] == {"namespaceSelector": "all()"}
    assert rules[1]["source"] == {"selector": f"{POD} && a == 'b'", "namespaceSelector": "all()"}


def test_an_entry_with_nothing_set_means_every_protocol():
    """Whatever the others say."""
    protocols = [{"tcp": {"destinationPort": {"number": 80}}}, {}]
    rules = converted(egress=[{"action": "Pass", "to": [EVERYBODY], "protocols": protocols}])
    assert rules["egress"] == [
        {"action": "Pass", "destination": {"ports": [], "namespaceSelector": "all()"}}
    ]
    assert rules["types"] == ["Egress"]


@pytest.mark.parametrize(
    ("action", "instead"), [("Accept", []), ("Deny", ["Deny"]), ("Pass", ["Deny"])]
)
@pytest.mark.parametrize(
    "rule",
    [
        {"to": [{"networks": ["10.0.0.0/8", "bad"]}]},
        {"to": [{"domainNames": ["example.com"]}]},
        {"to": [EVERYBODY], "protocols": [{"tcp": {"destinationPort": {"number": 70000}}}]},
        {
            "to": [EVERYBODY],
            "protocols": [{"udp": {"destinationPort": {"range": {"start": 2, "end": 1}}}}],
        },
    ],
)
def test_a_rule_that_cannot_be_converted_fails_closed(rule, action, instead):
    """A Deny or Pass becomes a bare Deny, an Accept vanishes."""
    rules = converted(egress=[{**rule, "action": action}])["egress"]
    assert rules == [{"action": each} for each in instead]


def test_networks_are_masked_and_combined_with_selectors():
    """Only egress peers may have them."""
    peer = {"networks": ["10.1.2.3/8", "fd00::1/64"]}
    rules = converted(egress=[{"action": "Deny", "to": [peer, {**peer, **EVERYBODY}]}])["egress"]
    assert [each["destination"]["nets"] for each in rules] == [["10.0.0.0/8", "fd00::/64"]] * 2
    assert rules[1]["destination"]["namespaceSelector"] == "all()"
    assert converted(ingress=[{"action": "Deny", "from": [peer]}])["ingress"] == [
        {"action": "Deny"}
    ]


def test_an_unknown_action_is_left_out():
    """There is nothing to fail closed to."""
    assert converted(ingress=[{"action": "Log", "from": [EVERYBODY]}])["ingress"] == []


def test_what_kubernetes_types_cannot_hold_is_refused_by_name():
    """An API server would not have taken it; a file may hold it."""
    with pytest.raises(ConversionError, match=r"^spec\.priority: "):
        read(priority="high")
