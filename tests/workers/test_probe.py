"""The worker's end of the hello by which ops makes sure of it."""

import socket

import pytest

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
    for each in visitors:
        each.close()


def test_the_socket_of_a_predecessor_is_replaced(door, short_folder):
    """It was killed, and its file is still there."""
    successor = Probe(short_folder, 3, "v0")
    with visitor(short_folder):
        assert len(successor.arrivals()) == 1
        assert door.arrivals() == []
    successor.close()
