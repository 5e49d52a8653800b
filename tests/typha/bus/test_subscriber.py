"""A worker's end of the bus, over real sockets: nothing that has come lies unread."""

import select
import time

import pytest

from tests.typha.bus.patience import SECONDS, until
from typha.bus.publisher import Publisher
from typha.bus.subscriber import Subscriber

ROUNDS = 300
MOST = 16


@pytest.fixture
def bus(tmp_path):
    """Give both ends, once the subscriptions of one have come to the other."""
    publisher, subscriber = Publisher(tmp_path), Subscriber(tmp_path)
    subscriber.follow(b"topic")
    until(lambda: b"topic" in (*publisher.hear_subscriptions(), *publisher.subscriptions))
    assert subscriber.has_news(())
    assert list(subscriber.frames(MOST)) == []
    list(subscriber.answers())
    yield publisher, subscriber
    subscriber.close()
    publisher.close()


def polled(subscriber, seconds):
    """Give the descriptors that a poll tells of."""
    poll = select.epoll()
    for descriptor in subscriber.descriptors:
        poll.register(descriptor, select.EPOLLIN)
    return [descriptor for descriptor, _ in poll.poll(seconds)]


def received(subscriber, count):
    """Read as a worker does, told by polls alone, until so many frames have come."""
    taken = []
    deadline = time.monotonic() + SECONDS
    while len(taken) < count:
        assert time.monotonic() < deadline, f"{len(taken)} of {count} frames"
        ready = polled(subscriber, 0.0 if subscriber.is_unread else SECONDS)
        if subscriber.has_news(ready):
            taken += subscriber.frames(MOST)
    return taken


def test_nothing_to_read_is_no_news(bus):
    """So that a worker's turn costs nothing for a silent bus."""
    _, subscriber = bus
    assert not subscriber.has_news(())
    assert not subscriber.has_news((0, 1, 2))


def test_a_poll_tells_of_frames(bus):
    """Those that came together are read together."""
    publisher, subscriber = bus
    for number in range(100):
        publisher.publish([b"topic", b"%d" % number])
    assert [parts[1] for parts in received(subscriber, 100)] == [b"%d" % n for n in range(100)]


def test_what_is_left_for_later_is_news(bus):
    """Nothing tells of it again, so the reader has to remember."""
    publisher, subscriber = bus
    for number in range(2 * MOST):
        publisher.publish([b"topic", b"%d" % number])
    until(lambda: polled(subscriber, 0))
    taken = len(list(subscriber.frames(1)))
    assert taken == 1
    assert subscriber.is_unread
    received(subscriber, 2 * MOST - taken)


def test_after_any_use_there_may_be_news(bus):
    """Using a socket swallows the signal that something has come."""
    publisher, subscriber = bus
    publisher.publish([b"topic", b"1"])
    assert polled(subscriber, SECONDS)
    subscriber.follow(b"other")
    assert subscriber.has_news(())
    assert [parts[1] for parts in subscriber.frames(MOST)] == [b"1"]


def test_frames_between_uses_are_never_left_lying(bus):
    """However uses and frames interleave, what the worker is told leads it to all frames."""
    publisher, subscriber = bus
    taken = 0
    for number in range(ROUNDS):
        publisher.publish([b"topic", b"%d" % number])
        if number % 3 == 0:
            subscriber.follow(b"other%d" % number)
        if number % 3 == 1 and subscriber.has_news(polled(subscriber, 0)):
            taken += sum(1 for _ in subscriber.frames(MOST))
    received(subscriber, ROUNDS - taken)
