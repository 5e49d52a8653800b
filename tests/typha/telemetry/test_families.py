"""The table of metrics."""

from typha.syncproto.messages import SyncerType
from typha.telemetry import families
from typha.telemetry.families import Kind


def original_table() -> dict[str, Kind]:
    """Return name and type of each of the original's metrics."""
    counters = (
        "connections_accepted connections_dropped connections_grace_used breadcrumb_block "
        "breadcrumb_non_block updates_total updates_skipped snapshots_generated "
        "snapshots_reused logs_dropped log_errors"
    )
    gauges = (
        "connections_active connections_streaming breadcrumb_seq_number cache_size "
        "snapshot_raw_bytes snapshot_compressed_bytes"
    )
    summaries = (
        "client_snapshot_send_secs client_latency_secs client_write_latency_secs "
        "next_breadcrumb_latency_secs ping_latency kvs_per_msg breadcrumb_size"
    )
    return {
        f"typha_{name}": kind
        for kind, names in [
            (Kind.COUNTER, counters),
            (Kind.GAUGE, gauges),
            (Kind.SUMMARY, summaries),
        ]
        for name in names.split()
    }


def test_every_metric_of_the_original_is_there_under_its_name_and_type():
    """Dashboards and alerts go on working."""
    known = {family.name: family.kind for family in families.ALL}
    assert original_table().items() <= known.items()


def test_our_own_counters_end_as_prometheus_asks_and_the_originals_as_they_did():
    """Only one of the original's names happens to end in _total."""
    ours = {family.name for family in families.ALL} - original_table().keys()
    for name in ours:
        is_counter = families.BY_NAME[name].kind is Kind.COUNTER
        assert name.endswith("_total") == is_counter, name


def test_names_are_unique():
    """A second line of the same name would hide the first."""
    assert len(families.BY_NAME) == len(families.ALL)


def test_syncers_are_those_of_the_protocol():
    """Telemetry lies below the protocol's package and repeats their names."""
    assert [syncer.value for syncer in SyncerType] == list(families.SYNCERS)
