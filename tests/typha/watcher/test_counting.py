"""What the watcher counts, and under which name each number leaves it."""

from types import SimpleNamespace

import pytest

from typha.datastore.ports import StreamReport, StreamState
from typha.syncproto.frames import Topic
from typha.syncproto.messages import Codec, Dialect, SyncerType
from typha.watcher.counting import Counts
from typha.watcher.freshness import Freshness

FELIX, BGP = SyncerType.FELIX, SyncerType.BGP
TOPIC = Topic(FELIX, Dialect.MODERN, Codec.SNAPPY)


@pytest.fixture
def watcher():
    """Give what keeps its own numbers, each another one, so none can stand for another."""
    streams = {
        FELIX: SimpleNamespace(
            published=101, store=range(102), unverified=range(103), updates=104, skipped=105
        )
    }
    refusals = [SimpleNamespace(resource="pods")] * 3
    intake = SimpleNamespace(
        resources=("pods", "nodes"), unchanged={"pods": 106}, refusals=lambda: refusals
    )
    fresh = Freshness(30.0, 90.0)
    for resource, alive_at, relists in (("pods", 100.0, 107), ("nodes", 40.0, 0)):
        report = StreamReport(
            resource=resource, state=StreamState.WATCHING, alive_at=alive_at, relists=relists
        )
        fresh.take(report, alive_at)
    return SimpleNamespace(
        pipeline=SimpleNamespace(streams=streams, intake=intake),
        answers=SimpleNamespace(
            generated=dict.fromkeys(SyncerType, 0) | {FELIX: 108},
            reused=dict.fromkeys(SyncerType, 0) | {BGP: 109},
            sizes={TOPIC: (1100, 110)},
        ),
        freshness=fresh,
    )


def gathered(watcher, checkpointing=None):
    """Count, and put everything into figures."""
    counts = Counts(watcher.pipeline, watcher.answers, watcher.freshness, checkpointing)
    counts.events["pods"] = 111
    counts.published(BGP, 112)
    return counts.gather(131.0)


def test_every_number_leaves_under_its_own_name(watcher):
    """By syncer or resource; what is whole shows 0, as a rule for alerts wants it."""
    figures = gathered(watcher)
    none = {syncer.value: 0 for syncer in SyncerType}
    assert figures.counters == {
        "typha_updates_total": {"felix": 104},
        "typha_updates_skipped": {"felix": 105},
        "typha_snapshots_generated": none | {"felix": 108},
        "typha_snapshots_reused": none | {"bgp": 109},
        "typha_upstream_events_total": {"pods": 111},
        "typha_updates_filtered_total": {"pods": 106},
        "typha_upstream_relists_total": {"pods": 107, "nodes": 0},
    }
    assert figures.gauges == {
        "typha_breadcrumb_seq_number": {"felix": 101},
        "typha_cache_size": {"felix": 102},
        "typha_unverified_keys": {"felix": 103},
        "typha_snapshot_raw_bytes": {"felix": 1100},
        "typha_snapshot_compressed_bytes": {"felix": 110},
        "typha_upstream_staleness_seconds": {"pods": 31.0, "nodes": 91.0},
        "typha_upstream_stale": {"pods": 0.0, "nodes": 1.0},
        "typha_invalid_objects": {"pods": 3.0, "nodes": 0.0},
    }
    sketch = figures.summaries["typha_breadcrumb_size"]["bgp"]
    assert (sketch.count, sketch.total) == (1, 112)


def test_a_checkpoint_is_told_of_where_there_is_one(watcher):
    """Its age is for an alert, and so are failures."""
    figures = gathered(watcher, SimpleNamespace(updated_at=1e9, size=113, failures=114))
    assert figures.gauges["typha_checkpoint_timestamp_seconds"] == {"": 1e9}
    assert figures.gauges["typha_checkpoint_bytes"] == {"": 113}
    assert figures.counters["typha_checkpoint_failures_total"] == {"": 114}
