"""How long clients are waited for: one row of the table after the other."""

import pytest

from tests.workers.clients import Client
from typha.config.settings import ServerSettings
from typha.syncproto.frames import Frame
from typha.syncproto.messages import SyncStatus
from typha.telemetry.closing import CloseReason
from workers.connection import Deadline, Stage
from workers.patience import Patience

SETTINGS = ServerSettings(
    pong_timeout=60.0, write_timeout=120.0, max_fall_behind=300.0, fall_behind_grace=600.0
)
PATIENCE = Patience(SETTINGS)


def blocked(**options):
    """Make a client that has had no room since the beginning."""
    client = Client(**options)
    client.unsent = b"waiting"
    client.streaming_since = -1000.0
    return client


def test_a_deadline_has_its_own_reason():
    """Whoever set it says why."""
    client = Client(state=Stage.HELLO)
    client.deadline = Deadline(0.0, 10.0, CloseReason.HANDSHAKE_TIMEOUT)
    assert PATIENCE.with_late(client, 9.9) is None
    assert PATIENCE.with_late(client, 10.0) is CloseReason.HANDSHAKE_TIMEOUT


@pytest.mark.parametrize(
    ("state", "unanswered", "seconds", "reason"),
    [
        (Stage.SNAPSHOT, 0, 120.0, CloseReason.WRITE_TIMEOUT),
        (Stage.SNAPSHOT, 9, 120.0, CloseReason.WRITE_TIMEOUT),
        (Stage.HELLO, 0, 120.0, CloseReason.WRITE_TIMEOUT),
        (Stage.STREAMING, 9, 60.0, CloseReason.PONG_TIMEOUT),
        (Stage.STREAMING, 0, 300.0, CloseReason.FELL_BEHIND),
        (Stage.STREAMING, 1, 300.0, CloseReason.FELL_BEHIND),
    ],
)
def test_who_has_no_room_is_waited_for_as_long_as_it_is_there(state, unanswered, seconds, reason):
    """A machine that answers may have a client that sleeps."""
    client = blocked(state=state)
    client.peer = client.shown._replace(unanswered=unanswered)
    client.last_progress = 1000.0
    assert PATIENCE.with_blocked(client, 1000.0 + seconds) is None
    assert PATIENCE.with_blocked(client, 1000.0 + seconds + 0.1) is reason


def test_a_new_client_has_its_grace():
    """Counted from when its snapshot was sent, once."""
    client = blocked()
    client.streaming_since = 0.0
    assert PATIENCE.with_blocked(client, 599.0) is None
    assert PATIENCE.with_blocked(client, 601.0) is CloseReason.FELL_BEHIND


def test_a_client_that_reads_has_to_answer():
    """Its window shows that it has read the ping."""
    client = Client()
    client.window = client.shown.window
    client.streaming_since = -1000.0
    assert PATIENCE.with_silent(client, 60.0) is None
    assert PATIENCE.with_silent(client, 60.1) is CloseReason.PONG_TIMEOUT


def test_a_client_that_does_not_read_sleeps():
    """What was sent to it lies in its kernel, whose window has become smaller."""
    client = Client()
    client.window = client.shown.window
    client.streaming_since = -1000.0
    client.shows(window=client.window // 2)
    assert PATIENCE.with_silent(client, 299.0) is None
    assert PATIENCE.with_silent(client, 301.0) is CloseReason.FELL_BEHIND
    client.shows(unanswered=9)  # not asleep: gone
    assert PATIENCE.with_silent(client, 61.0) is CloseReason.PONG_TIMEOUT


def test_where_windows_are_not_told_silence_ends_as_in_the_original():
    """Kernels of before 5.4."""
    client = Client()
    client.shows(window=0)
    assert PATIENCE.with_silent(client, 60.1) is CloseReason.PONG_TIMEOUT


def test_who_waits_for_its_turn_has_to_answer_too():
    """It is pinged, and nothing lies between."""
    client = Client(state=Stage.WAITING)
    assert PATIENCE.with_silent(client, 60.1) is CloseReason.PONG_TIMEOUT


def test_who_waits_for_its_turn_does_not_sleep():
    """There is nothing it would have to read first."""
    client = Client(state=Stage.WAITING)
    client.window = client.shown.window
    client.shows(window=client.window // 2)
    assert PATIENCE.with_silent(client, 60.1) is CloseReason.PONG_TIMEOUT


@pytest.mark.parametrize("busy", [{"unsent": b"rest"}, {"state": Stage.SNAPSHOT}])
def test_who_has_yet_to_take_something_is_not_judged_by_its_pongs(busy):
    """The ping is behind it, or was not sent."""
    client = Client()
    for name, value in busy.items():
        setattr(client, name, value)
    assert PATIENCE.with_silent(client, 1000.0) is None


def test_a_client_is_in_its_grace_while_it_is_both_new_and_too_far_behind():
    """Otherwise it would be waited for anyway, or is not any more."""
    client = Client()
    client.streaming_since = 0.0
    assert not PATIENCE.is_graced(client, 301.0)  # there is nothing that it has yet to be sent
    client.replica.log.append(Frame(1, 1, 1, 1, 0.0, SyncStatus.IN_SYNC, b"delta"), 100.0)
    assert not PATIENCE.is_graced(client, 400.0)
    assert PATIENCE.is_graced(client, 400.1)
    assert PATIENCE.is_graced(client, 600.0)
    assert not PATIENCE.is_graced(client, 600.1)
    client.state = Stage.SNAPSHOT
    assert not PATIENCE.is_graced(client, 500.0)
