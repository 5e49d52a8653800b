"""Pings, and the ends of those who are too slow, on a clock of the test's own."""

from types import SimpleNamespace

import pytest

from typha.config.settings import ServerSettings
from typha.syncproto import schema, snappy
from typha.syncproto.messages import Codec
from typha.telemetry.closing import CloseReason
from workers.rounds import Rounds

SETTINGS = ServerSettings(ping_interval=10.0, pong_timeout=60.0, write_timeout=120.0)


class Client:
    """As much of a connection as the rounds touch."""

    def __init__(self, number, codec=Codec.SNAPPY):
        self.number = number
        self.replica = SimpleNamespace(topic=SimpleNamespace(codec=codec))
        self.session = SimpleNamespace(ping_sent=lambda: None)
        self.unsent = None
        self.deadline = None
        self.last_pong = self.last_progress = 0.0
        self.sent = []
        self.ending = None

    def add(self, message):
        """Note what is to be sent."""
        self.sent.append(message)

    def end(self, reason):
        """Note why it is over."""
        self.ending = self.ending or reason


def turned(rounds, until, begin=0.0, step=0.25):
    """Let time pass; give the moments at which each client was pinged."""
    moments = {}
    now = begin
    while now < until:
        now += step
        for client in rounds.turn(now, int(now * 1e9)):
            moments.setdefault(client.number, []).append(now)
    return moments


def test_pings_come_an_interval_apart_or_up_to_a_tenth_more():
    """The first one a full interval after streaming began, as in the original."""
    rounds = Rounds(SETTINGS, 0.0)
    clients = [Client(number) for number in range(50)]
    for client in clients:
        rounds.start(client, 0.0)
        client.last_pong = 1e9  # it always answers
    moments = turned(rounds, 100.0)
    assert len(moments) == 50
    for visits in moments.values():
        gaps = [b - a for a, b in zip([0.0, *visits], visits, strict=False)]
        assert all(9.9 <= gap <= 11.6 for gap in gaps)


@pytest.mark.parametrize("codec", Codec)
def test_a_ping_is_in_the_client_s_codec(codec):
    """Compressed once for everybody who is due."""
    rounds = Rounds(SETTINGS, 0.0)
    client = Client(1, codec)
    rounds.start(client, 0.0)
    client.last_pong = 1e9
    turned(rounds, 12.0)
    pings = [schema.ping(int(quarter * 0.25e9)) for quarter in range(60)]
    if codec is Codec.SNAPPY:
        pings = [snappy.compress(ping) for ping in pings]
    assert len(client.sent) == 1
    assert client.sent[0] in pings


def test_who_does_not_answer_is_cut_after_the_pong_timeout():
    """The clock starts when streaming does."""
    rounds = Rounds(SETTINGS, 0.0)
    client = Client(1)
    rounds.start(client, 0.0)
    turned(rounds, 59.0)
    assert client.ending is None
    turned(rounds, 72.0, 59.0)
    assert client.ending is CloseReason.PONG_TIMEOUT


def test_who_is_still_reading_is_not_cut():
    """Its pong comes behind all it has yet to read; only standing still is fatal."""
    rounds = Rounds(SETTINGS, 0.0)
    client = Client(1)
    rounds.start(client, 0.0)
    client.unsent = b"waiting"
    rounds.blocked[1] = client
    for now in range(0, 300, 10):
        client.last_progress = float(now)
        turned(rounds, now + 10.0, float(now))
    assert client.ending is None
    assert client.sent == []
    turned(rounds, 400.0, 300.0)
    assert client.ending is CloseReason.PONG_TIMEOUT


def test_who_stands_still_in_its_snapshot_is_cut_after_the_write_timeout():
    """There are no pings yet to tell."""
    rounds = Rounds(SETTINGS, 0.0)
    client = Client(1)
    rounds.blocked[1] = client
    turned(rounds, 119.0)
    assert client.ending is None
    turned(rounds, 121.0, 119.0)
    assert client.ending is CloseReason.WRITE_TIMEOUT


def test_deadlines_hold_before_streaming_only():
    """The hello, and the acknowledgements."""
    rounds = Rounds(SETTINGS, 0.0)
    late, good = Client(1), Client(2)
    for client in (late, good):
        client.deadline = (10.0, CloseReason.HANDSHAKE_TIMEOUT)
        rounds.young[client.number] = client
    rounds.start(good, 5.0)
    turned(rounds, 11.0)
    assert late.ending is CloseReason.HANDSHAKE_TIMEOUT
    assert good.ending is None


def test_who_is_forgotten_is_left_alone():
    """Closed for another reason."""
    rounds = Rounds(SETTINGS, 0.0)
    client = Client(1)
    rounds.start(client, 0.0)
    rounds.forget(client)
    assert turned(rounds, 100.0) == {}
