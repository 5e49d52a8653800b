"""The watcher's end of the bus, over real sockets: who is told what, and who asked."""

import select
import time

import pytest

from tests.typha.bus.patience import until
from typha.bus import wire
from typha.bus.publisher import Publisher
from typha.bus.subscriber import Subscriber
from typha.bus.wire import HistoryLost, SnapshotWanted, Tick

TICK = wire.encode_tick(Tick(7, {"felix": 1}))


class Bus:
    """A watcher's end and those of workers, none of which is polled here."""

    def __init__(self, folder):
        self._folder = folder
        self.publisher = Publisher(folder)
        self.ends = []

    def join(self, *topics):
        """Have one more worker follow topics, until the watcher knows."""
        self.ends.append(Subscriber(self._folder))
        self.follow(self.ends[-1], *topics)
        return self.ends[-1]

    def follow(self, end, *topics):
        """Have it follow more; what the watcher hears after all others is a topic of its own."""
        last = b"mark %d" % time.monotonic_ns()
        for topic in (*topics, last):
            end.follow(topic)
        fresh = self.hear_until(last)
        end.leave(last)
        self.gone(last)
        return [topic for topic in fresh if topic in topics]

    def hear_until(self, last):
        """Give the topics that are new, up to a certain one."""
        fresh = []
        until(lambda: fresh.extend(self.publisher.hear_subscriptions()) or last in fresh)
        return fresh

    def gone(self, topic):
        """Wait until nobody follows a topic."""

        def is_gone():
            self.publisher.hear_subscriptions()
            return topic not in self.publisher.subscriptions

        until(is_gone)

    def close(self):
        """Close all."""
        for end in (*self.ends, self.publisher):
            end.close()


@pytest.fixture
def bus(short_folder):
    """Begin without workers."""
    made = Bus(short_folder)
    yield made
    made.close()


def received(end):
    """Give what an end gets, up to the next tick."""
    taken = []
    until(lambda: taken.extend(end.frames(100)) or (taken and taken[-1][0] == wire.TICK))
    return [bytes(parts[0]) for parts in taken[:-1]]


def test_a_worker_is_told_of_its_topics_and_of_ticks(bus):
    """Until it leaves them."""
    felix, both = bus.join(b"felix"), bus.join(b"felix", b"bgp")
    for topic in (b"felix", b"bgp", b"none"):
        bus.publisher.publish([topic, b"x"])
    bus.publisher.publish(TICK)
    assert received(felix) == [b"felix"]
    assert received(both) == [b"felix", b"bgp"]
    both.leave(b"bgp")
    bus.gone(b"bgp")
    assert b"felix" in bus.publisher.subscriptions
    for topic in (b"felix", b"bgp"):
        bus.publisher.publish([topic, b"x"])
    bus.publisher.publish(TICK)
    assert received(both) == [b"felix"]


def test_a_topic_is_new_when_the_first_follows_it(bus):
    """And again when all had left it; what is made for it depends on that."""
    first = bus.join()
    assert bus.follow(first, b"felix") == [b"felix"]
    second = bus.join()
    assert bus.follow(second, b"felix") == []
    first.leave(b"felix")
    assert bus.follow(first, b"bgp") == [b"bgp"]
    assert b"felix" in bus.publisher.subscriptions
    second.leave(b"felix")
    bus.gone(b"felix")
    assert bus.follow(second, b"felix") == [b"felix"]


def test_an_answer_goes_to_the_worker_that_asked(bus):
    """Each has its own questions."""
    ends = [bus.join() for _ in range(2)]
    for token, end in enumerate(ends):
        assert end.ask(SnapshotWanted(b"felix", token))
    asked = []
    until(lambda: asked.extend(bus.publisher.questions()) or len(asked) == 2)
    for worker, question in asked:
        bus.publisher.answer(worker, HistoryLost(question.topic, question.token))
    for token, end in enumerate(ends):
        told = []
        until(lambda end=end, told=told: told.extend(end.answers()) or told)
        assert told == [HistoryLost(b"felix", token)]


def test_an_answer_to_a_worker_that_is_gone_is_dropped(bus):
    """It may have been replaced since it asked."""
    end = bus.join()
    end.ask(SnapshotWanted(b"felix", 1))
    asked = []
    until(lambda: asked.extend(bus.publisher.questions()) or asked)
    bus.ends.remove(end)
    end.close()
    ((worker, _),) = asked
    for _ in range(100):
        bus.publisher.answer(worker, HistoryLost(b"felix", 1))


def test_workers_find_a_watcher_that_was_replaced(bus, short_folder):
    """As long as they look when a poll tells them to: the library does the rest meanwhile."""
    end = bus.join(b"felix")
    bus.publisher.close()
    bus.publisher = Publisher(short_folder)

    def is_known():
        if end.has_news(select.select(end.descriptors, (), (), 0)[0]):
            assert list(end.frames(100)) == list(end.answers()) == []
        bus.publisher.hear_subscriptions()
        return b"felix" in bus.publisher.subscriptions

    until(is_known)
    bus.publisher.publish([b"felix", b"x"])
    bus.publisher.publish(TICK)
    assert received(end) == [b"felix"]


def test_a_question_to_nobody_is_kept_for_a_watcher_that_comes(short_folder):
    """A worker may be the first to be there."""
    end = Subscriber(short_folder)
    assert end.ask(SnapshotWanted(b"felix", 1))
    publisher = Publisher(short_folder)
    asked = []
    until(lambda: asked.extend(publisher.questions()) or asked)
    end.close()
    publisher.close()
