"""Ticks, on a bus that only notes what it is given."""

from types import SimpleNamespace

import pytest

from typha.bus import wire
from typha.watcher.broadcast import REPEATS, Broadcast


@pytest.fixture
def bus():
    """Note what is published."""
    told = []
    return SimpleNamespace(
        told=told,
        publish=lambda parts: told.append(wire.decode_tick(parts)),
        hear_subscriptions=list,
        subscriptions={wire.TICK},
    )


def ticked(broadcast, bus, published, times):
    """Tick so many times; return after which of them something was said."""
    said = []
    for turn in range(times):
        before = len(bus.told)
        broadcast.tick(dict(published))
        if len(bus.told) > before:
            said.append(turn)
    return said


def test_what_is_new_is_repeated_a_few_times_and_then_now_and_then(bus):
    """A dropped frame shows within a second, a dropped tick with the next one."""
    broadcast = Broadcast(bus, 7, 100)
    often, rarely = range(REPEATS + 1), [2 * REPEATS, 3 * REPEATS]
    assert ticked(broadcast, bus, {"felix": 1}, 4 * REPEATS) == [*often, *rarely]
    assert ticked(broadcast, bus, {"felix": 2}, 4 * REPEATS) == [*often, *rarely]
    assert bus.told[-1] == wire.Tick(7, {"felix": 2})


def test_who_has_just_subscribed_is_told_often(bus):
    """It may have missed whatever was said before."""
    broadcast = Broadcast(bus, 7, 100)
    ticked(broadcast, bus, {"felix": 1}, 3 * REPEATS)
    broadcast.hear_subscriptions()
    assert ticked(broadcast, bus, {"felix": 1}, REPEATS) == list(range(REPEATS))
