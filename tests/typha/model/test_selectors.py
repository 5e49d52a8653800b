"""Selectors are read and printed as the original's parser does, at the cost of their length."""

import pytest
from hypothesis import given, strategies as st

from tests import golden_data
from typha.model import selectors

VECTORS = golden_data.vectors("selectors")


@pytest.mark.golden
@pytest.mark.parametrize("vector", [v for v in VECTORS if "error" not in v], ids=lambda v: v["in"])
def test_every_recorded_selector_is_printed_canonically(vector):
    """Without and with a prefix before each label."""
    assert selectors.normalise(vector["in"]) == vector["normalised"]
    assert selectors.prefixed(vector["in"], "pcns.") == vector["prefixed_pcns"]
    assert selectors.is_selector(vector["in"])


@pytest.mark.golden
@pytest.mark.parametrize("vector", [v for v in VECTORS if "error" in v], ids=lambda v: v["in"])
def test_every_recorded_error_is_refused(vector):
    """With an error of ours, not with whatever the parser trips over."""
    with pytest.raises(selectors.SelectorError):
        selectors.normalise(vector["in"])
    assert not selectors.is_selector(vector["in"])


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("a contains'b'", 'a contains "b"'),
        ("a starts \t with 'b'", 'a starts with "b"'),
        ("a endswith 'b'", 'a ends with "b"'),
        ("a in{'b' , 'a' ,}", 'a in {"a", "b"}'),
        ("has( a )&&all( )||! ( global() )", "((has(a) && all()) || !global())"),
        ("a == '}' && b in {'}','{'}", '(a == "}" && b in {"{", "}"})'),
        ("((a=='b' || (c=='d' && e=='f')))", '(a == "b" || (c == "d" && e == "f"))'),
        ("a == 'line\nbreak'", 'a == "line\nbreak"'),
    ],
)
def test_spaces_brackets_and_quotes(text, canonical):
    """Corners of the grammar."""
    assert selectors.normalise(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "!",
        "!!=",
        "a",
        "a in",
        "a in {,}",
        "a in {'b',,'c'}",
        "a in {'b'",
        "()",
        "all(",
        "has()",
        "has(a b)",
        "global(x)",
        "a == 'b' | c == 'd'",
        "a == 'b' & c == 'd'",
        "a == 'b' || ",
        "|| a",
        ")",
        "a == 'b'))",
        "a == \"b'",
        "a not 'b'",
        "a starts 'b'",
        "all() all()",
        "has (a)",
        "\n",
    ],
)
def test_what_is_left_over_or_missing_is_an_error(text):
    """Every one of these is refused."""
    assert not selectors.is_selector(text)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("(" * 50_000 + "has(a)" + ")" * 50_000, True),
        ("has(a) && (" * 50_000 + "has(a)" + ")" * 50_000, True),
        ("(" * 100_000, False),
        ("!" * 100_001 + "has(a)", True),
        ("a in {" + "'x'," * 50_000 + "'y'", False),
        (" " * 200_000 + "=", False),
    ],
)
def test_a_hostile_selector_costs_only_its_length(text, good):
    """No recursion, no backtracking; the time limit of the test run is the judge."""
    assert selectors.is_selector(text) is good


LABEL = st.text(alphabet="ab./-_0", min_size=1, max_size=5)
VALUE = st.text(alphabet="xyz'{},)( é", max_size=4)
COMPARISON = st.builds(
    lambda label, operator, value: f"{label} {operator} {selectors.quoted(value)}",
    LABEL,
    st.sampled_from(["==", "!=", "contains", "starts with", "endswith"]),
    VALUE,
)
EXPRESSION = st.recursive(
    COMPARISON | st.builds("has({})".format, LABEL) | st.just("all()"),
    lambda inner: (
        st.builds("({} && {})".format, inner, inner)
        | st.builds("{}||{}".format, inner, inner)
        | st.builds("!({})".format, inner)
    ),
    max_leaves=12,
)


@given(EXPRESSION)
def test_the_canonical_form_is_its_own(text):
    """Printing what was printed changes nothing, and labels are prefixed alike both times.

    Only the negation of a bracketed negation is printed as two that cancel when read again.
    """
    canonical = selectors.normalise(text)
    if "!!" not in canonical:
        assert selectors.normalise(canonical) == canonical
        twice = selectors.prefixed(selectors.prefixed(text, "a."), "b.")
        assert twice == selectors.prefixed(text, "b.a.")


@given(EXPRESSION | st.text(alphabet="ab =!&|()'{},inhas", max_size=30))
def test_what_can_be_read_is_what_can_be_printed(text):
    """The quick check for shallow selectors knows no other grammar."""
    try:
        selectors.normalise(text)
        readable = True
    except selectors.SelectorError:
        readable = False
    assert selectors.is_selector(text) is readable
