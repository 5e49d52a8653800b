"""The short cut says of every rule what the long way says of it, or nothing."""

import pytest
from hypothesis import given, strategies as st

from typha.model import encoding
from typha.model.typed import MemberError
from typha.processors import plain_rules, rules

USUAL = {
    "action": "Allow",
    "protocol": "TCP",
    "source": {"selector": "role == 'a'", "namespaceSelector": "all()", "nets": ["10.1.0.0/16"]},
    "destination": {"ports": [80, "8000:8100", "http"], "nets": ["10.1.2.3/32", "0.0.0.0/0"]},
    "metadata": {"annotations": {"b": "1", "a": "2"}},
}

SELECTORS = st.sampled_from(
    ["has(a)", "all()", "a == 'b' && global()", "", "a ==", "!has(x/y)", None, 1]
)
NETS = st.lists(
    st.sampled_from(
        [
            *("10.0.0.0/8", "172.16.0.0/16", "192.168.7.0/24", "192.168.7.9/32", "0.0.0.0/0"),
            *("1.2.3.4", "10.1.2.0/23", "10.1.2.3/24", "10.1.2.3/16", "10.1.0.0/8", "::/0", "x"),
            *("256.0.0.0/24", "01.0.0.0/8", "1.2.3.0/024", "1.2.3.0/33", "1.2.3.0/24\n", 7, None),
        ]
    ),
    max_size=3,
)
PORTS = st.lists(
    st.sampled_from([0, 80, 65535, "80", "http", "1:2", "2:2", "2:1", "", True, -1, 65536, None]),
    max_size=3,
)
ODD = st.sampled_from([None, "", "Allow", 0, [], {}, [{}], {"a": 1}])
SIDE = st.fixed_dictionaries(
    {},
    optional={
        "selector": SELECTORS,
        "namespaceSelector": SELECTORS,
        "nets": NETS | st.none(),
        "ports": PORTS | st.none(),
        "notNets": NETS,
        "unknown": ODD,
    },
)
RULE = st.fixed_dictionaries(
    {},
    optional={
        "action": st.sampled_from(["Allow", "Deny", "Log", "Pass", "allow", "", None, 1, []]),
        "protocol": st.sampled_from(["TCP", "UDP", "ICMPv6", "tcp", "any", "x", 6, None, {}]),
        "source": SIDE | ODD,
        "destination": SIDE | ODD,
        "metadata": ODD
        | st.fixed_dictionaries(
            {"annotations": ODD | st.dictionaries(st.text(max_size=2), st.text(max_size=2))}
        ),
        "ipVersion": st.just(4),
    },
)

PLAIN_SIDE = st.fixed_dictionaries(
    {},
    optional={
        "selector": st.sampled_from(["has(a)", "all()", "a == 'b'", "!has(x/y)"]),
        "namespaceSelector": st.sampled_from(["has(b)", "all()", "global()"]),
        "nets": st.lists(
            st.sampled_from(["10.0.0.0/8", "192.168.7.0/24", "192.168.7.9/32", "0.0.0.0/0"]),
            min_size=1,
            max_size=3,
        ),
        "ports": st.lists(
            st.sampled_from([1, 80, 65535, "80", "http", "1:2"]), min_size=1, max_size=3
        ),
    },
)
PLAIN_RULE = st.fixed_dictionaries(
    {"action": st.sampled_from(["Allow", "Deny", "Log", "Pass"])},
    optional={
        "protocol": st.sampled_from(["TCP", "UDP"]),
        "source": PLAIN_SIDE,
        "destination": PLAIN_SIDE,
        "metadata": st.fixed_dictionaries(
            {"annotations": st.dictionaries(st.text(max_size=2), st.text(max_size=2))}
        ),
    },
)


def in_full(rule, namespace):
    """Convert the long way; a refusal is its text."""
    try:
        return rules.convert_any(rule, namespace)
    except MemberError as error:
        return str(error)


@pytest.mark.parametrize("namespace", ["", "ns"])
def test_usual_rules_take_it(namespace):
    """Whatever part of what is usual they say."""
    for left_out in (None, "protocol", "source", "destination", "metadata"):
        rule = {member: value for member, value in USUAL.items() if member != left_out}
        converted = plain_rules.convert(rule, namespace)
        assert encoding.encode(converted) == encoding.encode(rules.convert_any(rule, namespace))


@given(RULE, st.sampled_from(["", "ns"]))
def test_it_never_says_anything_else(rule, namespace):
    """Not even in the order of members."""
    converted = plain_rules.convert(rule, namespace)
    if converted is not None:
        assert encoding.encode(converted) == encoding.encode(in_full(rule, namespace))


@given(PLAIN_RULE, st.sampled_from(["", "ns"]))
def test_every_plain_rule_takes_it(rule, namespace):
    """And loses no part on its way."""
    converted = plain_rules.convert(rule, namespace)
    assert converted is not None
    assert encoding.encode(converted) == encoding.encode(in_full(rule, namespace))


@given(PLAIN_RULE, st.sampled_from(["", "ns"]), st.data())
def test_a_plain_rule_with_one_odd_part_is_taken_for_none(rule, namespace, data):
    """Or for what the long way makes of it."""
    odd = {**rule, "source": rule.get("source", {}), "destination": rule.get("destination", {})}
    part = data.draw(st.sampled_from(["rule", "source", "destination"]))
    changed = odd if part == "rule" else dict(odd[part])
    member = data.draw(st.sampled_from(sorted(changed) or ["selector"]))
    choices = {"nets": NETS, "ports": PORTS, "selector": SELECTORS, "namespaceSelector": SELECTORS}
    changed[member] = data.draw(choices.get(member, ODD) | ODD)
    if part != "rule":
        odd[part] = changed
    converted = plain_rules.convert(odd, namespace)
    if converted is not None:
        assert encoding.encode(converted) == encoding.encode(in_full(odd, namespace))


ODD_PARTS = [
    *(
        ("nets", [net])
        for net in ("1.2.3.4", "10.1.2.3/24", "10.1.0.0/8", "::/0", "x", "1.2.3.0/024", 7, None)
    ),
    *(("ports", [port]) for port in (0, "2:1", "", True, -1, 65536, None)),
    *((member, odd) for member in ("nets", "ports") for odd in ([], None, {}, "80")),
    *((member, odd) for member in ("selector", "namespaceSelector") for odd in ("", None, 1)),
    ("selector", "a =="),
    ("notNets", ["10.0.0.0/8"]),
    ("notSelector", "has(a)"),
    ("serviceAccounts", {"names": ["a"]}),
    ("unknown", 1),
]


@pytest.mark.parametrize("side", ["source", "destination"])
@pytest.mark.parametrize(("member", "odd"), ODD_PARTS)
def test_one_odd_part_of_a_usual_rule_is_seen(side, member, odd):
    """On either side, and for as long as the process lives: what is familiar is not looked at."""
    rule = {**USUAL, side: {**USUAL[side], member: odd}}
    for _ in range(2):
        for usual in (rule, USUAL):
            converted = plain_rules.convert(usual, "ns")
            if converted is not None:
                assert encoding.encode(converted) == encoding.encode(in_full(usual, "ns"))


@pytest.mark.parametrize(
    "metadata",
    [None, 5, {}, {"annotations": None}, {"annotations": {}}, {"annotations": {"a": 1}}],
)
def test_odd_metadata_of_a_usual_rule_are_seen(metadata):
    """Where they are nothing, they are left out as the long way leaves them out."""
    rule = {**USUAL, "metadata": metadata}
    converted = plain_rules.convert(rule, "")
    if converted is not None:
        assert encoding.encode(converted) == encoding.encode(in_full(rule, ""))
