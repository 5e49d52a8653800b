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


@pytest.mark.parametrize("name", ["a", "0", "a-b", "a.b-c.d", "a--b", "a" * 253, "9.a"])
def test_a_resource_has_the_name_of_a_host(name):
    """In small letters, of 253 at most."""
    assert primitives.is_name(name)


@pytest.mark.parametrize(
    "name", ["", "A", "a_b", "-a", "a-", "a..b", ".a", "a.", "a.-b", "a" * 254, "a\n", "\u0661"]
)
def test_other_names_are_no_names_of_resources(name):
    """What is no ASCII is none either."""
    assert not primitives.is_name(name)


@pytest.mark.parametrize(
    "key", ["a", "A_b.C-1", "x.org/a", "a" * 63, f"{'a' * 253}/{'b' * 63}", "1/2"]
)
def test_a_label_s_key_may_have_a_domain(key):
    """Which is the name of a host; what follows has letters of both kinds."""
    assert primitives.is_qualified_name(key)


@pytest.mark.parametrize(
    "key",
    ["", "/a", "a/", "X/a", "a/b/c", "-a", "a-", "_a", "a b", "a" * 64, f"{'a' * 254}/b", "a\n"],
)
def test_other_keys_are_none(key):
    """A domain has to be one, and cannot be empty."""
    assert not primitives.is_qualified_name(key)


@pytest.mark.parametrize("value", ["", "a", "A_b.C-1", "a" * 63])
def test_a_label_s_value_may_be_empty(value):
    """Otherwise it is as a key without domain."""
    assert primitives.is_label_value(value)


@pytest.mark.parametrize("value", ["-a", "a-", "a/b", "a b", "a" * 64, "a\n"])
def test_other_values_are_none(value):
    """As Kubernetes would not have them."""
    assert not primitives.is_label_value(value)


@pytest.mark.parametrize(
    ("text", "version", "is_one"),
    [
        ("10.0.0.1/8", None, True),
        ("10.0.0.1", 4, True),
        ("10.0.0.1", 6, False),
        ("fd00::/8", 6, True),
        ("fd00::/8", 4, False),
        ("10.0.0.0/33", None, False),
        ("x", None, False),
    ],
)
def test_networks_are_of_a_version(text, version, is_one):
    """Host bits are no matter here."""
    assert primitives.is_cidr(text, version) is is_one


@pytest.mark.parametrize(
    ("text", "version", "is_one"),
    [
        ("10.0.0.1", None, True),
        ("10.0.0.1", 4, True),
        ("10.0.0.1", 6, False),
        ("fd00::1", 6, True),
        ("fd00::1", 4, False),
        ("10.0.0.0/8", None, False),
        ("", None, False),
    ],
)
def test_addresses_are_of_a_version(text, version, is_one):
    """And have no length."""
    assert primitives.is_ip(text, version) is is_one
