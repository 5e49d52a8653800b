"""How old what the server says may be."""

import dataclasses

import orjson
import pytest

from typha.datastore.ports import StreamReport, StreamState
from typha.watcher.freshness import Freshness

PODS = "pods"


@pytest.fixture
def fresh():
    """Begin with the default limits and nothing known."""
    return Freshness(30.0, 90.0)


def report(state, alive_at=0.0, failing_since=0.0, resource=PODS):
    """Make a report of a stream."""
    return StreamReport(
        resource=resource,
        state=state,
        alive_at=alive_at,
        failing_since=failing_since,
        relists=2,
    )


def stale_from(fresh, *moments):
    """Give the first of some moments at which pods are stale; None if they never are."""
    return next((now for now in moments if fresh.stale(now) == [PODS]), None)


@pytest.mark.parametrize("state", [StreamState.LISTING, StreamState.WATCHING, StreamState.MISSING])
def test_a_stream_that_works_is_stale_when_it_says_nothing(fresh, state):
    """After 90 s, however long it has worked before."""
    fresh.take(report(state, 100.0), 100.0)
    assert stale_from(fresh, 131.0, 189.0, 190.1) == 190.1
    fresh.take(report(state, 190.0), 191.0)
    assert fresh.stale(200.0) == []


@pytest.mark.parametrize("state", [StreamState.FAILING, StreamState.FORBIDDEN])
def test_a_stream_that_fails_is_stale_30_s_after_it_began_to(fresh, state):
    """Not at once when its last event was long ago, and not later when it fails in new ways."""
    fresh.take(report(StreamState.WATCHING, 100.0), 100.0)
    fresh.take(report(state, 100.0), 150.0)
    assert fresh.stale(170.0) == []
    fresh.take(report(StreamState.FAILING, 100.0), 170.0)
    assert stale_from(fresh, 179.9, 180.1) == 180.1


def test_what_the_source_knows_of_the_beginning_counts(fresh):
    """The last answered probe, or a silence that was noticed only when it was long enough."""
    fresh.take(report(StreamState.WATCHING, 100.0), 100.0)
    fresh.take(report(StreamState.FAILING, 100.0, 110.0), 150.0)
    assert fresh.stale(150.0) == [PODS]
    fresh.take(report(StreamState.FAILING, 100.0, 150.0), 150.0)
    assert fresh.stale(150.0) == [PODS]


def test_a_moment_of_work_ends_it(fresh):
    """And what fails after that begins anew."""
    fresh.take(report(StreamState.FAILING, 100.0), 100.0)
    assert fresh.stale(140.0) == [PODS]
    fresh.take(report(StreamState.LISTING, 100.0), 140.0)
    assert fresh.stale(140.0) == []
    fresh.take(report(StreamState.FAILING, 140.0), 145.0)
    assert stale_from(fresh, 174.0, 176.0) == 176.0


@pytest.mark.parametrize(
    ("state", "limit"), [(StreamState.LISTING, 90.0), (StreamState.FAILING, 30.0)]
)
def test_a_stream_that_never_worked_is_measured_from_when_it_was_begun(fresh, state, limit):
    """A replaced watcher still has what its predecessor told, and has to say that it is old."""
    fresh.take(report(state), 100.0)
    fresh.take(report(state), 120.0)
    assert stale_from(fresh, 99.0 + limit, 101.0 + limit) == 101.0 + limit
    assert fresh.silence(150.0) == {PODS: 50.0}


@pytest.mark.parametrize(("stale", "of", "expected"), [(0, 0, False), (1, 2, False), (2, 3, True)])
def test_a_server_is_cut_off_when_most_is_stale(fresh, stale, of, expected):
    """A resource or two may be the fault of a role, or of one API."""
    for n in range(of):
        alive_at = 100.0 if n < stale else 190.0
        fresh.take(report(StreamState.WATCHING, alive_at, resource=f"kind-{n}"), alive_at)
    assert fresh.is_cut_off(fresh.stale(195.0)) is expected


def test_what_people_are_shown(fresh):
    """State, silence and errors of every stream."""
    fresh.take(report(StreamState.FORBIDDEN, 100.0), 105.0)
    assert fresh.described(140.0) == [
        {
            "resource": PODS,
            "state": "forbidden",
            "revision": "",
            "silent_seconds": 40.0,
            "relists": 2,
            "error": "",
            "stale": True,
        }
    ]
    assert fresh.relists() == {PODS: 2}


def test_an_error_that_names_a_path_which_is_no_text_can_be_shown(fresh):
    """What people are shown is JSON, and the watcher would not outlive one it cannot write."""
    about = dataclasses.replace(report(StreamState.FAILING), error="KUBECONFIG /a\udcff: none")
    fresh.take(about, 100.0)
    (shown,) = orjson.loads(orjson.dumps(fresh.described(140.0)))
    assert shown["error"] == r"KUBECONFIG /a\xff: none"
