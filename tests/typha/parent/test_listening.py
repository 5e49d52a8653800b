"""The shared socket: bound early, open late, closed for all processes at once."""

import os
import socket

import pytest

from typha.parent import listening


def connects(address: tuple[str, int]) -> bool:
    """Say whether a client gets through."""
    try:
        socket.create_connection(address, timeout=60).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_bound_socket_refuses_clients_until_it_is_opened():
    """So a server without a datastore captures no client."""
    listener = listening.bind("127.0.0.1", 0)
    address = listener.getsockname()
    assert not connects(address)
    listening.open_(listener)
    assert connects(address)
    listening.close(listener)
    assert not connects(address)


def test_closing_reaches_the_copies_that_children_hold():
    """Workers need not be asked to stop accepting."""
    listener = listening.bind("127.0.0.1", 0)
    address = listener.getsockname()
    listening.open_(listener)
    inherited = socket.socket(fileno=os.dup(listener.fileno()))
    listening.close(listener)
    assert not connects(address)
    with pytest.raises(OSError, match="Invalid argument"):
        inherited.accept()
    inherited.close()


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::"])
def test_an_unspecified_host_means_every_address(host):
    """IPv4 clients reach the IPv6 socket; Go means both families by each of them."""
    listener = listening.bind(host, 0)
    listening.open_(listener)
    port = listener.getsockname()[1]
    assert connects(("127.0.0.1", port))
    assert connects(("::1", port))
    listening.close(listener)


def test_a_port_in_use_is_named():
    """By the settings that chose it."""
    taken = listening.bind("127.0.0.1", 0)
    port = taken.getsockname()[1]
    listening.open_(taken)
    with pytest.raises(listening.ListenError, match=f"ServerHost=127.0.0.1 ServerPort={port}"):
        listening.bind("127.0.0.1", port)
    listening.close(taken)


def test_a_port_taken_between_bind_and_listen_is_an_error():
    """Two servers that start at once may both bind."""
    first = listening.bind("127.0.0.1", 0)
    second = listening.bind("127.0.0.1", first.getsockname()[1])
    listening.open_(first)
    with pytest.raises(listening.ListenError, match="in use"):
        listening.open_(second)
    listening.close(first)
    second.close()


def test_what_cannot_be_a_host_s_name_is_an_error():
    """Python would not even ask for it."""
    with pytest.raises(listening.ListenError, match=r"ServerHost=a\.\.b .* such a name"):
        listening.bind("a..b", 0)


def test_an_address_that_is_not_here_is_an_error():
    """With the system's reason."""
    with pytest.raises(listening.ListenError, match=r"192\.0\.2\.1"):
        listening.bind("192.0.2.1", 0)
