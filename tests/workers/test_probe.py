"""The worker's end of the hello by which ops makes sure of it."""

import socket

import pytest

from typha.syncproto import generations
from typha.syncproto.client import ClientSession
from typha.syncproto.messages import ServerHello
from typha.telemetry import reporting
from workers import probe
from workers.probe import Probe


@pytest.fixture
def door(short_folder):
    """Return a worker's probe socket."""
    made = Probe(short_folder, 3, "v0")
    yield made
    made.close()


def visitor(folder) -> socket.socket:
    """Knock."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(60)
    client.connect(str(reporting.probe_path(folder, 3)))
    return client


def test_a_visitor_without_a_hello_is_let_be(door, short_folder):
    """The rest may still come."""
    with visitor(short_folder):
        (descriptor,) = door.arrivals()
        assert not door.answer(descriptor)


def test_a_visitor_that_leaves_is_dismissed(door, short_folder):
    """Its descriptor is closed, which takes it out of the poller."""
    visitor(short_folder).close()
    (descriptor,) = door.arrivals()
    assert door.answer(descriptor)
    assert not door.answer(descriptor)


def test_a_hello_is_answered_whatever_pieces_it_comes_in(door, short_folder):
    """With our own, under no connection's number; then it is for the visitor to leave."""
    session = ClientSession(generations.hello(hostname="typha"))
    with visitor(short_folder) as client:
        (descriptor,) = door.arrivals()
        for byte in session.data_to_send():
            client.send(bytes([byte]))
            assert not door.answer(descriptor)
        hello, *_ = session.receive(client.recv(4096))
        assert isinstance(hello, ServerHello)
        assert (hello.version, hello.connection_id) == ("v0", 0)
        assert not door.answer(descriptor)
        client.shutdown(socket.SHUT_WR)
        assert door.answer(descriptor)
        assert client.recv(1) == b""


def test_what_is_no_hello_ends_the_visit(door, short_folder):
    """And nothing else."""
    with visitor(short_folder) as client:
        (descriptor,) = door.arrivals()
        client.send(b"GET / HTTP/1.1\r\n" + b"x" * 100)
        assert door.answer(descriptor)
        assert client.recv(1) == b""


def test_a_visitor_that_is_gone_before_the_answer_harms_nobody(door, short_folder):
    """It may have been killed."""
    session = ClientSession(generations.hello(hostname="typha"))
    with visitor(short_folder) as client:
        (descriptor,) = door.arrivals()
        client.send(session.data_to_send())
    assert door.answer(descriptor)


def test_descriptors_of_others_are_none_of_its_business(door):
    """The loop asks about each that became ready."""
    assert not door.answer(1)


def test_so_many_visitors_at_once_and_no_more(door, short_folder):
    """The oldest has to go."""
    visitors = []
    for _ in range(probe.MOST_VISITORS + 1):
        visitors.append(visitor(short_folder))
        door.arrivals()
    assert visitors[0].recv(1) == b""
    visitors[1].settimeout(0)
    with pytest.raises(BlockingIOError):
        visitors[1].recv(1)
    for each in visitors:
        each.close()


def test_the_socket_of_a_predecessor_is_replaced(door, short_folder):
    """It was killed, and its file is still there."""
    successor = Probe(short_folder, 3, "v0")
    with visitor(short_folder):
        assert len(successor.arrivals()) == 1
        assert door.arrivals() == []
    successor.close()
