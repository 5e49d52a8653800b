"""Rules are converted member by member, and never match more than they were meant to."""

import pytest
from hypothesis import given, strategies as st

from typha.model import encoding
from typha.model.resources import ConversionError
from typha.processors import rules

SOME_BAD = {"nets": ["10.0.0.0/8", "bad", "1.2.3.4"]}
ALL_BAD = {"nets": ["10.0.0.0/33", ""]}
BAD_EXCLUDED = {"notNets": ["10.0.0.0/8", "bad"]}


def one(rule, namespace=""):
    """Convert one rule; None if it was left out."""
    converted = rules.convert([rule], namespace, "spec.ingress")
    return converted[0] if converted else None


@pytest.mark.parametrize("action", ["Allow", "Pass", "", "Unheard"])
@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_bad_net_takes_a_rule_that_allows_with_it(action, side):
    """Unless good ones remain: they only narrow it."""
    rule = {"action": action, "protocol": 6}
    prefix = {"source": "src", "destination": "dst"}[side]
    kept = one({**rule, side: SOME_BAD})
    assert kept[f"{prefix}_nets"] == ["10.0.0.0/8", "1.2.3.4/32"]
    assert one({**rule, side: ALL_BAD}) is None
    assert one({**rule, side: BAD_EXCLUDED}) is None


@pytest.mark.parametrize("action", ["Deny", "Log"])
@pytest.mark.parametrize(("side", "prefix"), [("source", "src"), ("destination", "dst")])
def test_a_bad_net_never_takes_a_rule_that_denies_with_it(action, side, prefix):
    """It goes alone; without it the rule denies more."""
    bare = {"action": action.lower(), "protocol": 6}
    rule = {"action": action, "protocol": 6}
    assert one({**rule, side: SOME_BAD}) == {
        **bare,
        f"{prefix}_nets": ["10.0.0.0/8", "1.2.3.4/32"],
    }
    assert one({**rule, side: ALL_BAD}) == bare
    assert one({**rule, side: BAD_EXCLUDED}) == {**bare, f"!{prefix}_nets": ["10.0.0.0/8"]}


def test_the_other_rules_stay_in_order():
    """Only the one that would widen is left out."""
    given_rules = [
        {"action": "Deny", "destination": ALL_BAD},
        {"action": "Allow", "source": ALL_BAD},
        {"action": "Pass"},
    ]
    actions = [rule["action"] for rule in rules.convert(given_rules, "", "spec.egress")]
    assert actions == ["deny", "next-tier"]


def test_no_nets_are_no_limit():
    """An empty list is as good as none."""
    assert one({"action": "Allow", "source": {"nets": [], "notNets": None}}) == {"action": "allow"}


EVERYTHING = {
    "metadata": {"annotations": {"z": "1", "a": "2"}},
    "http": {"paths": [{"prefix": "/p"}, {"exact": "/e"}], "methods": ["GET"], "unknown": 1},
    "destination": {
        "services": {"namespace": "sns", "name": "svc"},
        "notPorts": ["5:6"],
        "notSelector": "has(y)",
        "notNets": ["::1"],
        "namespaceSelector": "global()",
    },
    "source": {
        "serviceAccounts": {"selector": "r == 'x'", "names": ["b", "a"]},
        "ports": [1, "2:3", "four", "0005", "6:6"],
        "notPorts": ["n"],
        "selector": "has(s)",
        "notSelector": "has(t)",
        "nets": ["10.1.2.3/8", "FD00::/8"],
    },
    "notICMP": {"code": 1, "type": 0},
    "icmp": {"code": 0, "type": 8},
    "notProtocol": "UDPLite",
    "protocol": "6",
    "ipVersion": 4,
    "action": "Allow",
}


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ({"ipVersion": 6}, {"ip_version": 6}),
        ({"protocol": "TCP"}, {"protocol": "tcp"}),
        ({"notProtocol": "TCP"}, {"!protocol": "tcp"}),
        ({"icmp": {"type": 8}}, {"icmp_type": 8}),
        ({"notICMP": {"type": 8}}, {"!icmp_type": 8}),
        (
            {"source": {"selector": "has(a)"}},
            {"src_selector": "has(a)", "orig_src_selector": "has(a)"},
        ),
        (
            {"source": {"notSelector": "has(a)"}},
            {"!src_selector": "has(a)", "!orig_src_selector": "has(a)"},
        ),
        (
            {"source": {"namespaceSelector": "has(a)"}},
            {"src_selector": "has(pcns.a)", "orig_src_namespace_selector": "has(a)"},
        ),
        (
            {"source": {"serviceAccounts": {"names": ["a"]}}},
            {
                "src_selector": 'projectcalico.org/serviceaccount in {"a"}',
                "orig_src_service_acct_names": ["a"],
            },
        ),
        ({"source": {"ports": [80]}}, {"src_ports": [80]}),
        ({"source": {"notPorts": [80]}}, {"!src_ports": [80]}),
        ({"source": {"nets": ["10.0.0.0/8"]}}, {"src_nets": ["10.0.0.0/8"]}),
        ({"source": {"notNets": ["10.0.0.0/8"]}}, {"!src_nets": ["10.0.0.0/8"]}),
        (
            {"source": {"services": {"name": "a", "namespace": "b"}}},
            {"src_service": "a", "src_service_ns": "b"},
        ),
    ],
    ids="-".join,
)
def test_each_limit_of_a_rule_holds_without_any_other(said, sent):
    """In a global policy, where nothing is added to it: without it the rule would match more."""
    converted = one({"action": "Allow", **said})
    assert converted == {"action": "allow", **sent}


def test_members_are_sent_in_gos_order_whatever_order_they_come_in():
    """All that a rule can say, back to front."""
    assert encoding.encode(one(EVERYTHING, "ns")) == (
        b'{"action":"allow","ip_version":4,"protocol":6,"!protocol":"udplite","icmp_type":8,'
        b'"icmp_code":0,"!icmp_type":0,"!icmp_code":1,"src_nets":["10.0.0.0/8","fd00::/8"],'
        b'"src_selector":"(projectcalico.org/namespace == \'ns\') \\u0026\\u0026'
        b' (((pcsa.r == \\"x\\") \\u0026\\u0026 (projectcalico.org/serviceaccount in'
        b' {\\"a\\", \\"b\\"})) \\u0026\\u0026 (has(s)))","src_ports":[1,"2:3","four",5,6],'
        b'"dst_selector":"!has(projectcalico.org/namespace)","dst_service":"svc",'
        b'"dst_service_ns":"sns","!src_selector":"has(t)","!src_ports":["n"],'
        b'"!dst_selector":"has(y)","!dst_nets":["::1/128"],"!dst_ports":["5:6"],'
        b'"orig_src_selector":"has(s)","orig_dst_namespace_selector":"global()",'
        b'"!orig_src_selector":"has(t)","!orig_dst_selector":"has(y)",'
        b'"orig_src_service_acct_names":["b","a"],"orig_src_service_acct_selector":"r == \'x\'",'
        b'"http":{"methods":["GET"],"paths":[{"prefix":"/p"},{"exact":"/e"}]},'
        b'"metadata":{"annotations":{"a":"2","z":"1"}}}'
    )


@pytest.mark.parametrize(
    ("rule", "converted"),
    [
        (None, {}),
        ({}, {}),
        ({"action": "Log", "source": {}, "destination": None}, {"action": "log"}),
        ({"http": {}, "metadata": {}}, {"http": {}}),
        ({"metadata": {"annotations": {}}}, {"metadata": {}}),
        ({"protocol": ""}, {"protocol": ""}),
        ({"icmp": {}}, {}),
        ({"source": {"services": {}, "serviceAccounts": {}, "ports": []}}, {}),
    ],
)
def test_what_is_empty_is_left_out(rule, converted):
    """But a match on HTTP is said even if it says nothing."""
    assert one(rule) == converted


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"protocol": 256}, r"\[0\]\.protocol: 256 is not"),
        ({"source": {"ports": ["5:4"]}}, r"\[0\]\.source\.ports\[0\]: port range 5:4"),
        ({"source": {"notPorts": [80, "a b"]}}, r"\[0\]\.source\.notPorts\[1\]: 'a b' is no port"),
        ({"destination": {"nets": "all"}}, r"\[0\]\.destination\.nets: 'all' is not a list"),
        ({"icmp": {"type": "8"}}, r"\[0\]\.icmp\.type: '8' is not a whole number"),
        ({"http": {"paths": [1]}}, r"\[0\]\.http\.paths\[0\]: 1 is not an object"),
        ("allow", r"\[0\]: 'allow' is not an object"),
    ],
)
def test_what_cannot_be_decoded_is_named(rule, problem):
    """The original cannot list the whole kind any more; here the one policy is refused."""
    with pytest.raises(ConversionError, match=f"^spec.ingress{problem}"):
        one(rule)


WRONG = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
JUNK = st.recursive(
    WRONG, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner)
)
SIDE = st.dictionaries(
    st.sampled_from(
        [
            "selector",
            "notSelector",
            "namespaceSelector",
            "nets",
            "notNets",
            "ports",
            "notPorts",
            "services",
            "serviceAccounts",
        ]
    ),
    JUNK | st.lists(JUNK, max_size=2),
)
RULE = st.dictionaries(
    st.sampled_from([*EVERYTHING, "unknown"]), JUNK | SIDE | st.sampled_from(["Allow", "Deny"])
)


@given(st.lists(RULE | JUNK, max_size=3) | JUNK, st.sampled_from(["", "ns"]))
def test_junk_is_converted_or_refused_and_nothing_else(given_rules, namespace):
    """No object whatever makes the conversion fail in a way nobody foresaw."""
    refusal = "spec.ingress"
    try:
        encoding.encode(rules.convert(given_rules, namespace, "spec.ingress"))
    except ConversionError as error:
        refusal = str(error)
    assert refusal.startswith("spec.ingress")
