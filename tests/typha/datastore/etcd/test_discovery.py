"""SRV records, asked of a small name server on this machine."""

import socket
import struct

import pytest
from hypothesis import given, settings, strategies as st

from tests.typha.datastore.etcd.name_servers import name_server, reply_to
from typha.datastore.etcd import discovery
from typha.datastore.etcd.endpoints import Endpoint

TLS, PLAIN = "_etcd-client-ssl._tcp.example.org", "_etcd-client._tcp.example.org"


def record(priority: int, weight: int, target: str) -> discovery.Record:
    """Return a record of a member's client port."""
    return discovery.Record(priority, weight, 2379, target)


def test_members_come_with_tls_first_and_in_the_order_of_their_priority() -> None:
    """Of both services, as etcd's own clients take them; the lightest of a priority last."""
    zone = {
        TLS: [record(10, 1, "c.example.org"), record(5, 1, "b.example.org")],
        PLAIN: [record(0, 1, "y.example.org"), record(0, 9, "x.example.org")],
    }
    with name_server(zone) as server:
        found = discovery.discover("example.org", [server])
    assert found == [
        Endpoint("b.example.org", 2379, tls=True),
        Endpoint("c.example.org", 2379, tls=True),
        Endpoint("x.example.org", 2379, tls=False),
        Endpoint("y.example.org", 2379, tls=False),
    ]


def test_one_service_is_enough() -> None:
    """The other does not exist."""
    with name_server({PLAIN: [record(0, 0, "etcd.example.org")]}) as server:
        found = discovery.discover("example.org.", [server])
    assert found == [Endpoint("etcd.example.org", 2379, tls=False)]


def test_an_answer_too_long_for_a_datagram_is_fetched_over_tcp() -> None:
    """Forty members do not fit."""
    many = [record(0, 0, f"etcd-{number:02}.example.org") for number in range(40)]
    with name_server({TLS: many}, cut=True) as server:
        found = discovery.discover("example.org", [server])
    assert [endpoint.host for endpoint in found] == [each.target for each in many]


def test_nothing_found_is_an_error_that_names_the_domain() -> None:
    """A wrong domain must be seen."""
    with name_server({}) as server, pytest.raises(discovery.DiscoveryError, match=r"example\.org"):
        discovery.discover("example.org", [server])


def test_a_server_that_is_not_there_is_passed_over() -> None:
    """The next one is asked."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = closed.getsockname()
    with name_server({TLS: [record(0, 0, "a.example.org")]}) as server:
        found = discovery.discover("example.org", [nobody, server])
    assert found == [Endpoint("a.example.org", 2379, tls=True)]


def test_nobody_to_ask_is_an_error_that_names_the_server() -> None:
    """So that resolv.conf is suspected."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = closed.getsockname()
    with pytest.raises(discovery.DiscoveryError, match=r"127\.0\.0\.1"):
        discovery.discover("example.org", [nobody])


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64, "ü" * 70, "\ud800"])
def test_names_that_dns_cannot_hold_are_refused(name: str) -> None:
    """Before anything is sent."""
    with pytest.raises(discovery.DiscoveryError):
        discovery.question(name, 1)


def test_name_servers_are_read_from_resolv_conf() -> None:
    """Comments, options and other lines do not matter."""
    text = "# c\nsearch a.b\nnameserver 10.0.0.10\nnameserver fd00::10\noptions ndots:5\n"
    assert discovery.servers(text) == [("10.0.0.10", 53), ("fd00::10", 53)]
    assert discovery.servers("") == [("127.0.0.1", 53)]


def test_an_answer_to_another_question_is_refused() -> None:
    """Somebody may guess the port, but has to guess the number too."""
    asked = discovery.question(TLS, 7)
    reply = reply_to(asked, {TLS: []})
    assert discovery.answer(reply, 7).records == []
    with pytest.raises(discovery.DiscoveryError):
        discovery.answer(reply, 8)


def test_a_name_that_points_in_a_circle_is_refused() -> None:
    """A label, then a pointer back to that label: nobody may read it for ever."""
    circle = struct.pack(">HHHHHH", 7, 0x8180, 1, 0, 0, 0) + b"\x01a\xc0\x0c" + b"\0\x21\0\x01"
    with pytest.raises(discovery.DiscoveryError):
        discovery.answer(circle, 7)


GOOD = reply_to(discovery.question(TLS, 7), {TLS: [record(0, 0, "a.example.org")]})


@settings(max_examples=200, deadline=None)
@given(st.integers(2, len(GOOD) - 1), st.binary(max_size=4))
def test_damaged_answers_raise_nothing_but_the_documented_error(at: int, damage: bytes) -> None:
    """Pointers that lead in a circle included."""
    damaged = GOOD[:at] + damage + GOOD[at + len(damage) :]
    try:
        discovery.answer(damaged, 7)
        discovery.answer(GOOD[:at], 7)
    except discovery.DiscoveryError:
        return
