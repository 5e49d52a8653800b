"""Ports and protocols are read as Calico's numorstring package reads them."""

import itertools

import pytest
from hypothesis import given, strategies as st

from tests import golden_data
from typha.model import encoding, ports, typed

VECTORS = golden_data.vectors("ports-protocols")


@pytest.mark.golden
@pytest.mark.parametrize("vector", [v for v in VECTORS if "port" in v], ids=lambda v: v["port"])
def test_every_recorded_port_is_read_or_refused(vector):
    """Given as text, as a policy may."""
    if vector.get("error"):
        with pytest.raises(typed.MemberError):
            ports.PORT.convert(vector["port"])
        return
    assert encoding.encode(ports.PORT.convert(vector["port"])).decode() == vector["json"]


@pytest.mark.golden
@pytest.mark.parametrize("vector", [v for v in VECTORS if "in" in v], ids=lambda v: v["out"])
def test_every_recorded_list_is_merged(vector):
    """Into names, then as few ranges as will do."""
    given_ports = [ports.port(text) for text in vector["in"]]
    assert encoding.encode(ports.simplified(given_ports)).decode() == vector["out"]


@pytest.mark.golden
@pytest.mark.parametrize(
    "vector", [v for v in VECTORS if "protocol" in v], ids=lambda v: v["protocol"]
)
def test_every_recorded_protocol_is_read_or_refused(vector):
    """A number, or the lower-case name."""
    value = vector["protocol"]
    decoded = value[1:-1] if value.startswith('"') else int(value)
    if vector.get("error"):
        with pytest.raises(typed.MemberError):
            ports.PROTOCOL.convert(decoded)
        return
    assert encoding.encode(ports.PROTOCOL.convert(decoded)).decode() == vector["v1json"]


@pytest.mark.parametrize("text", ["9" * 5000, "1:" + "9" * 5000, "-1" * 100, "a" * 129, "\u0661"])
def test_a_hostile_text_is_no_port(text):
    """However long, it is refused for what it is."""
    with pytest.raises(ValueError, match="is no port"):
        ports.port(text)


def test_leading_zeros_do_not_count():
    """As in Go's ParseUint."""
    assert ports.port("0" * 100 + "80") == 80
    assert ports.protocol("0" * 100 + "6") == 6
    assert ports.protocol("256") == "256"


@pytest.mark.parametrize("port", [True, 1.5, -1, 65536, None, {}])
def test_what_is_neither_number_nor_text_is_no_port(port):
    """The list's other elements do not matter."""
    if port is None:
        assert ports.PORTS.convert([80, None]) == [80, 0]
        return
    with pytest.raises(typed.MemberError, match=r"^\[1\]: "):
        ports.PORTS.convert([80, port])


BOUNDS = st.tuples(st.integers(0, 40), st.integers(0, 5)).map(lambda b: (b[0], sum(b)))


@given(st.lists(BOUNDS, max_size=8), st.lists(st.sampled_from("abc"), max_size=3))
def test_merging_keeps_exactly_the_same_ports(numbers, names):
    """Ranges neither overlap nor touch, and names keep their order."""
    given_ports = [ports.span(*bounds) for bounds in numbers] + names
    merged = ports.simplified(given_ports)
    assert members(merged) == members(given_ports)
    assert [port for port in merged if port in ("a", "b", "c")] == names
    if sum(last - first + 1 for first, last in numbers) > 1:
        ranges = sorted(bounds(port) for port in merged if port not in names)
        assert all(left[1] + 1 < right[0] for left, right in itertools.pairwise(ranges))


def bounds(port):
    """Return first and last number of a port."""
    first, _, last = str(port).partition(":")
    return int(first), int(last or first)


def members(given_ports):
    """Return every single port of a list."""
    single = set()
    for port in given_ports:
        if port in ("a", "b", "c"):
            single.add(port)
        else:
            first, last = bounds(port)
            single |= set(range(first, last + 1))
    return single
