"""Which hosts are reached without the proxy, and how connections are ended."""

import socket

import pytest

from typha.datastore.k8s import transport


@pytest.mark.parametrize(
    ("host", "no_proxy", "direct"),
    [
        ("api.local", "", False),
        ("api.local", "*", True),
        ("api.local", "local", True),
        ("api.local", ".local", True),
        ("API.local", "api.LOCAL", True),
        ("xlocal", "local", False),
        ("api.local", "other, api.local", True),
        ("10.96.0.1", "10.0.0.0/8", True),
        ("10.96.0.1", "10.96.0.1", True),
        ("11.96.0.1", "10.0.0.0/8", False),
        ("fd00::1", "fd00::/8", True),
        ("api", "10.0.0.0/8,not/a/net", False),
    ],
)
def test_the_proxy_is_passed_by_for_names_domains_and_networks(host, no_proxy, direct):
    """As the Go client reads NO_PROXY."""
    assert transport.is_direct(host, no_proxy) is direct


def test_open_sockets_are_shut_also_those_that_come_later():
    """Whoever reads from one sees its end."""
    sockets = transport.OpenSockets()
    early, late = socket.socketpair(), socket.socketpair()
    with early[0], early[1], late[0], late[1]:
        sockets.add(early[0])
        sockets.shut()
        sockets.add(late[0])
        assert early[0].recv(1) == b""
        assert late[0].recv(1) == b""


def test_a_socket_that_is_closed_already_is_no_trouble():
    """It is nobody's any more."""
    sockets = transport.OpenSockets()
    one, other = socket.socketpair()
    sockets.add(one)
    one.close()
    other.close()
    sockets.shut()
