"""Which member is asked, and when."""

import pytest
from hypothesis import given, settings, strategies as st

from typha.datastore.etcd import endpoints

MEMBERS = [endpoints.Endpoint(f"etcd-{number}", 2379, tls=False) for number in range(3)]


@pytest.mark.parametrize(
    ("url", "authority", "tls"),
    [
        ("http://etcd-1:2379/", "etcd-1:2379", False),
        ("https://10.0.0.1:4001", "10.0.0.1:4001", True),
        ("https://[fd00::1]:2379/", "[fd00::1]:2379", True),
        (" http://etcd-1 ", "etcd-1:2379", False),
    ],
)
def test_endpoints_are_read(url: str, authority: str, *, tls: bool) -> None:
    """As the configuration normalises them, and as Calico's own variables may hold them."""
    endpoint = endpoints.parse(url)
    assert (endpoint.authority, endpoint.tls) == (authority, tls)
    assert endpoints.parse(endpoint.url) == endpoint


@pytest.mark.parametrize(
    "url",
    [
        "",
        "etcd-1:2379",
        "unix:///run/etcd",
        "http://",
        "http://etcd-1:99999",
        "http://etcd-1:2379/v2",
        "http://root:pw@etcd-1:2379",
        "http://etcd-1:2379/?x=1",
        "http://[fd00::1:2379",
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    """With a text that shows it."""
    with pytest.raises(endpoints.EndpointError):
        endpoints.parse(url)


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 1))
def test_every_member_is_tried_before_there_is_a_pause(chance: float) -> None:
    """One that works must be found at once."""
    rotation = endpoints.Rotation(MEMBERS, lambda: chance)
    tried = [rotation.current]
    assert rotation.failed() == 0.0
    tried.append(rotation.current)
    assert rotation.failed() == 0.0
    tried.append(rotation.current)
    assert set(tried) == set(MEMBERS)
    assert rotation.failed() > 0.0


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 1), st.integers(1, 5), st.integers(1, 2000))
def test_pauses_grow_to_a_limit(chance: float, members: int, failures: int) -> None:
    """However long etcd is away."""
    rotation = endpoints.Rotation(MEMBERS[:members] or MEMBERS, lambda: chance)
    pauses = [pause for pause in (rotation.failed() for _ in range(failures)) if pause]
    assert pauses == sorted(pauses)
    assert all(pause <= endpoints.LONGEST_PAUSE_SECONDS for pause in pauses)


def test_success_starts_the_count_anew() -> None:
    """A member that worked for days deserves the same patience as at first."""
    rotation = endpoints.Rotation(MEMBERS[:1], lambda: 0.0)
    first = rotation.failed()
    assert rotation.failed() > first
    rotation.succeeded()
    assert rotation.failed() == first == endpoints.FIRST_PAUSE_SECONDS


def test_other_members_are_tried_with_the_patience_that_is_left():
    """They may be the same ones under other names."""
    rotation = endpoints.Rotation(MEMBERS[:1], lambda: 0.0)
    first = rotation.failed()
    rotation.renew(MEMBERS[1:])
    assert rotation.current in MEMBERS[1:]
    pauses = [rotation.failed() for _ in range(3)]
    assert max(pauses) >= first


def test_chance_spreads_servers_over_members() -> None:
    """A third of the numbers each."""
    starts = [endpoints.Rotation(MEMBERS, lambda n=n: n / 9).current for n in range(9)]
    assert [starts.count(member) for member in MEMBERS] == [3, 3, 3]
