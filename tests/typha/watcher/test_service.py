"""How many Typhas a Service has, and which of them clients can choose."""

import pytest
from hypothesis import given, strategies as st

from typha.dialing import Address
from typha.watcher import service
from typha.watcher.service import Found

PORT = {"name": "calico-typha", "port": 5473}
NOTHING = Found(0, frozenset())


def slices(*endpoints, ports=(PORT,)):
    """Make a list of one slice."""
    return {"items": [{"ports": list(ports), "endpoints": list(endpoints)}]}


def endpoint(*addresses, **conditions):
    """Make an endpoint."""
    return {"addresses": list(addresses), "conditions": conditions}


def test_every_address_counts_and_the_ready_ones_can_be_chosen():
    """A condition that is not there is met; one that is null as well."""
    listed = slices(
        endpoint("10.0.0.1", ready=True),
        endpoint("10.0.0.2", ready=False),
        endpoint("10.0.0.3"),
        {"addresses": ["10.0.0.4"]},
        endpoint("10.0.0.5", ready=None),
    )
    found = service.read(listed, "calico-typha")
    assert found.typhas == 5
    assert found.ready == {Address(f"10.0.0.{n}", 5473) for n in (1, 3, 4, 5)}


def test_an_address_in_two_slices_is_one_typha():
    """While endpoints move from one slice to another they are in both."""
    listed = {"items": slices(endpoint("10.0.0.1"))["items"] * 2}
    assert service.read(listed, "calico-typha") == Found(1, frozenset({Address("10.0.0.1", 5473)}))


def test_both_families_count_as_the_reference_counts_them():
    """A Service of both has twice as many; the limit is the reference's, so this is as well."""
    listed = slices(endpoint("10.0.0.1", "fd00::1"))
    assert service.read(listed, "calico-typha").typhas == 2


@pytest.mark.parametrize("ports", [(), ({"name": "metrics", "port": 9093},), ({"port": 5473},)])
def test_a_slice_without_the_port_says_nothing_of_typhas(ports):
    """The port is known by its name alone."""
    assert service.read(slices(endpoint("10.0.0.1"), ports=ports), "calico-typha") == NOTHING


@pytest.mark.parametrize("port", [{"name": "calico-typha"}, {"name": "calico-typha", "port": "x"}])
def test_a_port_without_a_number_counts_and_cannot_be_chosen(port):
    """The number is no part of the count."""
    listed = slices(endpoint("10.0.0.1"), ports=(port,))
    assert service.read(listed, "calico-typha") == Found(1, frozenset())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["items", "ports", "name", "port", "endpoints", "addresses"]), inner
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_whatever_the_answer_is_something_is_made_of_it(answer):
    """No form of it raises."""
    found = service.read(answer, "calico-typha")
    assert len(found.ready) <= found.typhas


def test_what_is_odd_is_left_out_and_nothing_else():
    """One endpoint of a list, one address of an endpoint."""
    odd = ({"addresses": None}, "text", endpoint(7, "10.0.0.1"), {"conditions": "no"})
    assert service.read(slices(*odd), "calico-typha").typhas == 1
