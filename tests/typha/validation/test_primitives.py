"""What the rules for whole resources are made of."""

import base64

import pytest

from typha.validation import primitives


@pytest.mark.parametrize(
    "text",
    [
        "",
        "^(en|eth).*",
        r"a\+\++",
        r"\pL\p{Greek}\P{^L}[[:alpha:]]",
        r"\Q(\E\z",
        "(?P<name>a)(?<other>b)(?i:c)(?U)d",
        r"\x{10FFFF}",
        "[]a]",
        r"[\]+]",
        "a*?",
        r"\123",
        r"\\1",
    ],
)
def test_what_go_compiles_is_a_regular_expression(text):
    """Also what Python spells otherwise."""
    assert primitives.is_regexp(text)


@pytest.mark.parametrize(
    "text",
    [
        "(",
        "[",
        "*",
        "a**",
        "a++",
        "a{2}+",
        "(?=a)",
        "(?!a)",
        "(?<=a)",
        "(?#c)",
        r"(a)\1",
        "(?(1)a)",
    ],
)
def test_what_go_does_not_compile_is_none(text):
    """Also what Python would."""
    assert not primitives.is_regexp(text)


@pytest.mark.parametrize("text", ["10.0.0.0/8", "10.0.0.1", "fd00::/64", "fd00::1"])
def test_a_network_has_no_host_bits(text):
    """A single address is one."""
    assert primitives.is_network(text)
    assert not primitives.is_network("10.0.0.1/8")


def test_a_name_of_any_length_is_judged_at_once():
    """No text makes the patterns run away."""
    assert not primitives.is_name("a" * 100_000 + "!")
    assert not primitives.is_qualified_name("a" * 100_000 + "!")
    assert not primitives.is_label_value("a" * 100_000 + "!")


@pytest.mark.parametrize("name", ["http", "a", "8080-a", "a" * 15, "x-1-y"])
def test_a_port_has_a_name_as_kubernetes_allows_it(name):
    """Letters and digits, with single dashes between."""
    assert primitives.is_port_name(name)


@pytest.mark.parametrize(
    "name", ["", "80", "a" * 16, "HTTP", "a.b", "a_b", "a--b", "-a", "a-", "a\n", "\u00e4"]
)
def test_other_names_are_no_names_of_ports(name):
    """A number alone is none either."""
    assert not primitives.is_port_name(name)


@pytest.mark.parametrize("breaks", ["", "\n", "\r\n"])
def test_a_wireguard_key_may_have_line_breaks(breaks):
    """As Go's decoder passes over them; it passes over nothing else."""
    key = base64.b64encode(bytes(32)).decode()
    assert primitives.is_wireguard_key(f"{key[:7]}{breaks}{key[7:]}{breaks}")
    assert not primitives.is_wireguard_key(f" {key}")
    assert not primitives.is_wireguard_key(key[4:])
