"""Addresses and networks are read as Go reads them."""

import ipaddress

import pytest
from hypothesis import given, strategies as st

from tests import golden_data
from typha.model import nets


@pytest.mark.golden
@pytest.mark.parametrize("vector", golden_data.vectors("nets"), ids=lambda v: repr(v["in"]))
def test_every_recorded_text_is_read_as_go_reads_it(vector):
    """All three parsers; the empty text, which Go takes for a nil network, is invalid here."""
    text = vector["in"]
    assert nets.parse_net(text) == (vector.get("net") if text else None)
    assert nets.parse_cidr(text) == vector["parseCIDR"]
    assert nets.parse_ip(text) == vector["parseIP"]
    parsed = nets.parse(text)
    if parsed is not None:
        assert (parsed.version, parsed.address_text()) == (vector["version"], vector["ip"])


@pytest.mark.parametrize(
    "text",
    [
        "1.2.3.4.5",
        "1.2.3.٤",
        "1.2.3.4/",
        "1.2.3.4/+8",
        "1.2.3.4/8 ",
        "/8",
        "1.2.3.4/8/8",
        ":",
        ":::",
        "1::2::3",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "::1:2:3:4:5:6:7:8",
        "12345::",
        "1:2:3:4:5:6:7::8:9",
        "1.2.3.4::",
        "::1.2.3.4:5",
        "::1.2.3",
        ":1",
        "1:",
        "g::",
        "::/129",
    ],
)
def test_garbage_is_refused(text):
    """None of Go's parsers takes these."""
    assert nets.parse_net(text) is None
    assert nets.parse_cidr(text) is None
    assert nets.parse_ip(text) is None


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0/128"),
        ("::1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7/128"),
        ("::ffff:1.2.3.4/96", "0.0.0.0/0"),
        ("::ffff:1.2.3.4/90", "::ffc0:0:0/90"),
        ("1.2.3.4/0", "0.0.0.0/0"),
        ("10.0.0.0/0000000008", "10.0.0.0/8"),
        ("1:2:3:4:5:6:1.2.3.4/112", "1:2:3:4:5:6:102:0/112"),
    ],
)
def test_corners_of_the_grammar(text, network):
    """A mapped network wider than IPv4 stays IPv6; an ellipsis stands for one group at least."""
    assert nets.parse_net(text) == network


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_ipv4_agrees_with_the_standard_library_on_what_both_accept(address, prefix):
    """Masking and printing."""
    expected = ipaddress.ip_network(f"{address}/{prefix}", strict=False)
    assert nets.parse_net(f"{address}/{prefix}") == str(expected)
    assert nets.version_of(str(expected)) == 4


@given(
    st.integers(0, 2**128 - 1) | st.integers(0, 2**64).map(lambda n: n << 32), st.integers(0, 128)
)
def test_ipv6_agrees_with_the_standard_library_on_what_both_accept(number, prefix):
    """Written out in full it is read, masked, and printed compressed."""
    address = ipaddress.IPv6Address(number)
    if address.ipv4_mapped is not None:
        return
    expected = ipaddress.ip_network(f"{address}/{prefix}", strict=False)
    assert nets.parse_net(f"{address.exploded}/{prefix}") == str(expected)
    assert nets.parse_ip(address.exploded.upper()) == str(address)


@given(st.text(alphabet="0123456789abcdefg.:/%", max_size=24))
def test_no_text_is_canonical_twice(text):
    """What is returned is read again as itself."""
    network = nets.parse_net(text)
    if network is not None:
        assert nets.parse_net(network) == nets.parse_cidr(network) == network
