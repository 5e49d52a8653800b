"""The types of settings, against what Go's strconv was seen to make of the same texts."""

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from typha.config import parsing
from typha.config.parsing import Bool, Endpoints, File, Int, Kind, OneOf, Seconds, Text

NUMBERS = json.loads(
    (Path(__file__).parents[2] / "data" / "config" / "numbers.json").read_text(encoding="utf-8")
)


def parsed(kind: Kind, text: str) -> parsing.Value | None:
    """Return what a kind makes of a text, None if it refuses it."""
    try:
        return kind.parse(text)
    except ValueError:
        return None


@pytest.mark.golden
@pytest.mark.parametrize("case", NUMBERS, ids=lambda case: repr(case["text"]))
def test_integers_are_what_go_reads_with_base_0_and_32_bits(case):
    """Octal by a leading zero, underscores between digits, nothing else."""
    assert parsed(Int(-(2**31)), case["text"]) == case["integer"]


@pytest.mark.golden
@pytest.mark.parametrize("case", NUMBERS, ids=lambda case: repr(case["text"]))
def test_seconds_are_what_go_keeps_in_nanoseconds(case):
    """Also for what 64 bits cannot hold, where Go on amd64 comes out at the lowest duration."""
    nanoseconds = case["nanoseconds"]
    expected = None if nanoseconds is None else nanoseconds / 1e9
    assert parsed(Seconds(), case["text"]) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("65535", 65535), ("65536", None), ("-1", None), ("0xffff", 65535), ("", None)],
)
def test_an_integer_stays_within_its_bounds(text, value):
    """Both bounds belong to it."""
    assert parsed(Int(0, 65535), text) == value


@pytest.mark.parametrize("text", ["true", "TRUE", "1", "yes", "Y", "t"])
def test_words_for_yes(text):
    """In any case."""
    assert parsed(Bool(), text) is True


@pytest.mark.parametrize("text", ["false", "False", "0", "NO", "n", "f"])
def test_words_for_no(text):
    """In any case."""
    assert parsed(Bool(), text) is False


@pytest.mark.parametrize("text", ["", "on", "off", "2", " true", "enabled"])
def test_other_words_are_no_truth_values(text):
    """Not even those that other programs take."""
    assert parsed(Bool(), text) is None


def test_one_of_some_words_is_spelt_as_in_the_list():
    """However it was written."""
    kind = OneOf(("NoClientCert", "kubernetes"))
    assert parsed(kind, "NOCLIENTCERT") == "NoClientCert"
    assert parsed(kind, "Kubernetes") == "kubernetes"
    assert parsed(kind, "k8s") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("http://a:2379", ("http://a:2379/",)),
        ("https://a:1/, https://[::1]:2 ,", ("https://a:1/", "https://[::1]:2/")),
        (",", ()),
        ("http://a:1,https://b:1", ("http://a:1/", "https://b:1/")),
        ("http://a:x", None),
        ("http://a b:1", None),
        ("http://a:1/v3", None),
        ("http://u:p@a:1", None),
        ("http://a:1?x=1", None),
        ("http://a:1#x", None),
        ("a:2379", None),
        ("localhost", None),
        ("http://", None),
        ("http://[::1", None),
    ],
)
def test_endpoints_are_scheme_and_host_and_port(text, value):
    """Each ending in a slash as the original keeps them; whose schemes differ it takes as well."""
    assert parsed(Endpoints(), text) == value


def test_a_text_is_one_line():
    """What a secret's file ends in is no part of a name; nobody would see why it never fits."""
    assert parsed(Text(), "calico-node") == "calico-node"
    assert parsed(Text(), "calico-node\n") is None


@pytest.mark.parametrize("kind", [File(), Text()])
def test_nul_is_in_no_text(kind):
    """A file can hold it, and whoever opened such a path would fail with what is no OSError."""
    assert parsed(kind, "/etc/typha") == "/etc/typha"
    assert parsed(kind, "/etc/\0typha") is None


def test_a_form_has_to_match_the_whole_text():
    """And an ASCII digit is meant where a digit is."""
    kind = Text("host:port", r"[^:/]+:\d+")
    assert parsed(kind, "127.0.0.1:2379") == "127.0.0.1:2379"
    assert parsed(kind, "127.0.0.1:٢") is None
    assert parsed(kind, "http://a:1") is None
    assert parsed(kind, "a:1\n") is None


KINDS = [Bool(), Int(0, 65535), Int(1), Seconds(), OneOf(("a", "b")), Text(), Endpoints()]


@given(st.sampled_from(KINDS), st.text() | st.text("0123456789_xXeEpP.+-infa:/,[]@", max_size=24))
def test_a_kind_takes_a_text_or_raises_value_error(kind, text):
    """Nothing else ever escapes, whatever is written."""
    value = parsed(kind, text)
    assert value is None or isinstance(value, type(kind.zero))
