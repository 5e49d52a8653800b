"""Kubernetes' own policies become Calico's, rule by rule."""

import pytest
from hypothesis import given, strategies as st

from typha.model import kubernetes_policies
from typha.model.resources import ConversionError

POD = "projectcalico.org/orchestrator == 'k8s'"


def ingress(*rules):
    """Convert ingress rules."""
    return kubernetes_policies.spec({"ingress": list(rules)})["ingress"]


@pytest.mark.parametrize(
    ("selector", "pods", "namespaces"),
    [
        (None, POD, ""),
        ({}, POD, "all()"),
        (
            {"matchLabels": {"b": "2", "a": "1"}},
            f"{POD} && a == '1' && b == '2'",
            "a == '1' && b == '2'",
        ),
        (
            {
                "matchExpressions": [
                    {"key": "z", "operator": "In", "values": ["b", "a"]},
                    {"key": "y", "operator": "NotIn", "values": ["c"]},
                    {"key": "x", "operator": "Exists"},
                    {"key": "w", "operator": "DoesNotExist"},
                ]
            },
            f"{POD} && z in {{ 'b', 'a' }} && y not in {{ 'c' }} && has(x) && ! has(w)",
            "z in { 'b', 'a' } && y not in { 'c' } && has(x) && ! has(w)",
        ),
    ],
)
def test_label_selectors_are_written_as_the_original_writes_them(selector, pods, namespaces):
    """Labels sorted, expressions in order, spaces and quotes exactly so."""
    peer = {"podSelector": selector, "namespaceSelector": selector}
    source = ingress({"from": [peer]})[0]["source"]
    assert source["selector"] == pods
    assert source.get("namespaceSelector", "") == namespaces


@pytest.mark.parametrize(
    ("types", "converted"),
    [
        (None, ["Ingress"]),
        ([], ["Ingress"]),
        (["Egress"], ["Egress"]),
        (["Egress", "Ingress"], ["Ingress", "Egress"]),
    ],
)
def test_types_are_given_in_one_order_and_default_to_ingress(types, converted):
    """Whatever rules there are."""
    spec = kubernetes_policies.spec({"policyTypes": types, "egress": [{}]})
    assert spec["types"] == converted


def test_an_empty_rule_allows_all():
    """So does one with neither peers nor ports."""
    bare = [{"action": "Allow", "source": {}, "destination": {}}]
    assert ingress({}) == ingress({"from": [], "ports": None}) == bare


def test_ports_are_collected_by_protocol_in_the_order_of_names():
    """One rule a protocol and peer; TCP where none is named; spelling does not matter."""
    converted = ingress(
        {
            "ports": [
                {"protocol": "UDP", "port": 53},
                {"port": 81},
                {"protocol": "tcp", "port": 80},
                {"protocol": "SCTP", "port": "sig"},
                {"port": 8000, "endPort": 8010},
            ],
            "from": [{"podSelector": {}}, {"ipBlock": {"cidr": "10.0.0.1/8"}}],
        }
    )
    assert [(rule["protocol"], rule["destination"]["ports"]) for rule in converted] == [
        ("SCTP", ["sig"]),
        ("SCTP", ["sig"]),
        ("TCP", ["80:81", "8000:8010"]),
        ("TCP", ["80:81", "8000:8010"]),
        ("UDP", [53]),
        ("UDP", [53]),
    ]
    assert converted[1]["source"] == {"nets": ["10.0.0.0/8"]}


@pytest.mark.parametrize("order", [1, -1])
def test_an_entry_without_a_port_means_all_of_its_protocol(order):
    """Whether numbers come before it or after."""
    ports = [{"protocol": "UDP", "port": 53}, {"protocol": "UDP"}][::order]
    assert ingress({"ports": [*ports, {"port": 1}, {"protocol": "UDP", "port": 54}]}) == [
        {"action": "Allow", "source": {}, "destination": {"ports": [1]}, "protocol": "TCP"},
        {"action": "Allow", "source": {}, "destination": {}, "protocol": "UDP"},
    ]


@pytest.mark.parametrize(
    "port",
    [
        {"port": "a b"},
        {"port": 70000},
        {"port": 9, "endPort": 8},
        {"port": "named", "endPort": 8},
    ],
)
def test_a_rule_with_a_bad_port_is_left_out_alone(port):
    """Unless the conversion is strict."""
    good = {"ports": [{"port": 1}]}
    rules = [{"ports": [{"port": 1}, port]}, good]
    assert ingress(*rules) == ingress(good)
    with pytest.raises(ConversionError, match="port"):
        kubernetes_policies.spec({"egress": rules}, strict=True)


def test_a_peer_with_a_bad_net_is_left_out():
    """Were it the only one, no rule is left: no peers at all would mean everybody."""
    bad = [
        {"ipBlock": {"cidr": "10.0.0.0"}},
        {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "bad"]}},
    ]
    good = {"ipBlock": {"cidr": "fd00::1/64", "except": ["fd00::8/125"]}}
    assert ingress({"from": bad}) == []
    egress = kubernetes_policies.spec({"egress": [{"to": [*bad, good]}]})["egress"]
    assert [rule["destination"] for rule in egress] == [
        {"nets": ["fd00::/64"], "notNets": ["fd00::8/125"]}
    ]


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ([], "spec"),
        ({"podSelector": {"matchLabels": {"a": 1}}}, r"spec\.podSelector\.matchLabels\[a\]"),
        ({"ingress": [{"ports": [{"port": 1.5}]}]}, r"spec\.ingress\[0\]\.ports\[0\]\.port"),
        ({"egress": [{"to": [{"ipBlock": "all"}]}]}, r"spec\.egress\[0\]\.to\[0\]\.ipBlock"),
    ],
)
def test_what_kubernetes_types_cannot_hold_is_refused_by_name(spec, path):
    """An API server would not have taken it; a file may hold it."""
    with pytest.raises(ConversionError, match=f"^{path}: "):
        kubernetes_policies.spec(spec)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "podSelector",
                    "ingress",
                    "egress",
                    "from",
                    "to",
                    "ports",
                    "port",
                    "endPort",
                    "protocol",
                    "ipBlock",
                    "cidr",
                    "except",
                    "matchLabels",
                    "matchExpressions",
                    "key",
                ]
            ),
            inner,
        )
    ),
)


@given(JUNK)
def test_junk_is_converted_or_refused_and_nothing_else(spec):
    """No object whatever makes the conversion fail in a way nobody foresaw."""
    refusal = "spec"
    try:
        kubernetes_policies.spec(spec)
    except ConversionError as error:
        refusal = str(error)
    assert refusal.startswith("spec")
