"""Workers that ask the watcher faster than it can answer, as when hundreds of clients fall behind.

The test is one more worker: it asks, and hears what is published meanwhile.
"""

import itertools
import time

import orjson
import pytest

from tests.e2e.server import PATIENCE_SECONDS, running
from typha.bus import wire
from typha.bus.subscriber import Subscriber
from typha.bus.wire import Changes, ChangesWanted, SnapshotReady, SnapshotWanted
from typha.syncproto.frames import Topic
from typha.syncproto.messages import Codec, Dialect, SyncerType

pytestmark = pytest.mark.e2e

TOPIC = Topic(SyncerType.FELIX, Dialect.MODERN, Codec.SNAPPY).to_bytes()
NAMESPACES = 1000
OUTSTANDING = 200  # an answer takes some milliseconds, so this many wait all the time
TICKS = 2  # the watcher's turns go on, and its heartbeats with them


def namespaces(count):
    """Make a list of so many."""
    names = ({"name": f"shop-{number}"} for number in range(count))
    items = [{"apiVersion": "v1", "kind": "Namespace", "metadata": name} for name in names]
    return orjson.dumps({"apiVersion": "v1", "kind": "List", "items": items})


@pytest.fixture
def bus(short_folder):
    """Serve some namespaces, and be one more worker."""
    manifests = short_folder / "manifests"
    manifests.mkdir()
    (manifests / "all.json").write_bytes(namespaces(NAMESPACES))
    with running(short_folder, manifests, tls=False, workers="1") as server:
        server.follower()
        bus = Subscriber(server.run_directory)
        yield bus, manifests
        bus.close()


class Asking:
    """Questions that are all different, so none shares its answer with another."""

    def __init__(self, bus, epoch):
        self._bus = bus
        self._epoch = epoch
        self._since = itertools.cycle(range(NAMESPACES))
        for _ in range(OUTSTANDING):
            self._ask()

    def _ask(self):
        question = ChangesWanted(TOPIC, next(self._since), self._epoch, 1)
        assert self._bus.ask(question)

    def go_on(self):
        """Ask anew whatever was answered; tell how many that are."""
        answers = list(self._bus.answers())
        assert all(isinstance(answer, Changes) for answer in answers)
        for _ in answers:
            self._ask()
        return len(answers)


def within_patience():
    """Go round until something has come for which it takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        yield
        time.sleep(0.001)
    raise AssertionError("waited in vain")


def snapshot_of(bus):
    """Ask where the state is."""
    bus.follow(TOPIC)
    bus.ask(SnapshotWanted(TOPIC, 0))
    told = []
    for _ in within_patience():
        told += bus.answers()
        if told:
            break
    assert isinstance(told[0], SnapshotReady)
    return told[0]


def test_changes_and_signs_of_life_go_on_while_questions_never_end(bus):
    """A turn that answered all of them would have no end."""
    bus, manifests = bus
    ready = snapshot_of(bus)
    asking = Asking(bus, ready.epoch)
    answered = ticks = told = 0
    for _ in within_patience():
        answered += asking.go_on()
        for parts in bus.frames(1000):
            if wire.is_tick(parts):
                ticks += 1
            else:
                told = wire.decode_frame(parts).last
        if answered >= OUTSTANDING and not (manifests / "more.json").exists():
            (manifests / "more.json").write_bytes(namespaces(NAMESPACES + 1))
            ticks = 0
        if told > ready.published and ticks >= TICKS and answered > 2 * OUTSTANDING:
            break
    assert told > ready.published
    assert ticks >= TICKS
    assert answered > 2 * OUTSTANDING
