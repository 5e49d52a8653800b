"""How old what the server says may be."""

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
