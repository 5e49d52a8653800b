"""How old what the server says may be."""

import pytest

from typha.datastore.ports import StreamReport, StreamState
from typha.watcher.freshness import Freshness


def report(state, alive_at, resource="pods"):
    """Make a report of a stream."""
    return StreamReport(resource=resource, state=state, alive_at=alive_at, relists=2)


def test_a_failing_stream_is_stale_sooner_than_a_silent_one():
    """30 s and 90 s by default."""
    fresh = Freshness(30.0, 90.0)
    fresh.take(report(StreamState.FAILING, 100.0))
    fresh.take(report(StreamState.WATCHING, 100.0, "nodes"))
    assert fresh.stale(129.0) == []
    assert fresh.stale(131.0) == ["pods"]
    assert fresh.stale(191.0) == ["pods", "nodes"]
    fresh.take(report(StreamState.WATCHING, 190.0))
    assert fresh.stale(191.0) == ["nodes"]


@pytest.mark.parametrize(("stale", "of", "expected"), [(0, 0, False), (1, 2, False), (2, 3, True)])
def test_a_server_is_cut_off_when_most_is_stale(stale, of, expected):
    """A resource or two may be the fault of a role, or of one API."""
    fresh = Freshness(30.0, 90.0)
    for n in range(of):
        fresh.take(report(StreamState.WATCHING, 100.0 if n < stale else 190.0, f"kind-{n}"))
    assert fresh.is_cut_off(195.0) is expected


def test_what_people_are_shown():
    """State, silence and errors of every stream."""
    fresh = Freshness(30.0, 90.0)
    fresh.take(report(StreamState.FORBIDDEN, 100.0))
    assert fresh.described(140.0) == [
        {
            "resource": "pods",
            "state": "forbidden",
            "revision": "",
            "silent_seconds": 40.0,
            "relists": 2,
            "error": "",
            "stale": True,
        }
    ]
    assert fresh.relists() == {"pods": 2}
