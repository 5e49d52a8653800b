"""Every metric there is, as a table: name, kind, label, and how several processes' values merge.

The first two blocks are the original's, exactly; the rest is ours.  Who counts what is a matter
of the processes; a name that is not in the table cannot be counted.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from typha.telemetry.closing import CloseReason

SYNCERS: Final = ("felix", "bgp", "tunnel-ip-allocation", "node-status")
QUANTILES: Final = (0.5, 0.9, 0.99)


class Kind(StrEnum):
    """What Prometheus calls the type."""

    COUNTER = "counter"
    GAUGE = "gauge"
    SUMMARY = "summary"


class Merge(StrEnum):
    """What the values of several processes amount to for the server; summaries are added."""

    SUM = "sum"
    HIGHEST = "highest"
    LOWEST = "lowest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One line of the table.  `known` are the label's values that are shown from the start."""

    name: str
    kind: Kind
    help: str
    label: str = ""
    known: tuple[str, ...] = ()
    merge: Merge = Merge.SUM
    age_seconds: int = 120  # of a summary: the length of an age, and how many are looked at
    ages: int = 5
    by_worker: bool = False  # also shown for each worker
    whole: bool = False  # of a summary: it is of whole numbers, and so are its quantiles
    by_clock: bool = False  # of a gauge: it moves as time passes, which is no news


def _plain(kind: Kind, name: str, text: str, *, by_worker: bool = False) -> Family:
    return Family(name=name, kind=kind, help=text, by_worker=by_worker, known=("",))


def _per_syncer(
    kind: Kind, name: str, text: str, *, by_worker: bool = False, whole: bool = False
) -> Family:
    return Family(
        name=name,
        kind=kind,
        help=text,
        label="syncer",
        known=SYNCERS,
        by_worker=by_worker,
        whole=whole,
    )


def _labelled(kind: Kind, name: str, label: str, text: str, *known: str) -> Family:
    return Family(name=name, kind=kind, help=text, label=label, known=known)


_C, _G, _S = Kind.COUNTER, Kind.GAUGE, Kind.SUMMARY

OF_CONNECTIONS: Final = (
    _plain(_C, "typha_connections_accepted", "TCP connections accepted.", by_worker=True),
    _plain(_C, "typha_connections_dropped", "Connections dropped for balance.", by_worker=True),
    _plain(_G, "typha_connections_active", "Connections held.", by_worker=True),
    _per_syncer(_G, "typha_connections_streaming", "Clients being served.", by_worker=True),
    _per_syncer(
        _C, "typha_connections_grace_used", "Clients found behind while new.", by_worker=True
    ),
    _per_syncer(_S, "typha_client_snapshot_send_secs", "Time to send a snapshot.", by_worker=True),
    Family(
        name="typha_client_latency_secs",
        kind=_S,
        help="How far clients are behind the newest change.",
        label="syncer",
        known=SYNCERS,
        age_seconds=30,  # the original looks at one minute here, not at ten
        ages=2,
        by_worker=True,
    ),
    _per_syncer(_S, "typha_client_write_latency_secs", "Time to write a message.", by_worker=True),
    _per_syncer(
        _S, "typha_next_breadcrumb_latency_secs", "Time to the next change while batching."
    ),
    _per_syncer(_S, "typha_ping_latency", "Round trip of a ping, in seconds.", by_worker=True),
    _per_syncer(
        _S, "typha_kvs_per_msg", "Key-values in an update message.", by_worker=True, whole=True
    ),
    _per_syncer(_C, "typha_breadcrumb_block", "Times a client had to wait for a change."),
    _per_syncer(_C, "typha_breadcrumb_non_block", "Times a change was there already."),
)

OF_THE_CACHE: Final = (
    _per_syncer(_G, "typha_breadcrumb_seq_number", "Sequence number of the newest change."),
    _per_syncer(_S, "typha_breadcrumb_size", "Key-values published at once.", whole=True),
    _per_syncer(_G, "typha_cache_size", "Keys held."),
    _per_syncer(_C, "typha_updates_total", "Updates that reached the cache."),
    _per_syncer(_C, "typha_updates_skipped", "Updates that changed nothing."),
    _per_syncer(_C, "typha_snapshots_generated", "Snapshots built."),
    _per_syncer(_C, "typha_snapshots_reused", "Clients served from a snapshot there was."),
    _per_syncer(_G, "typha_snapshot_raw_bytes", "Size of the newest snapshot."),
    _per_syncer(_G, "typha_snapshot_compressed_bytes", "The same, compressed."),
    _plain(_C, "typha_logs_dropped", "Log lines dropped."),
    _plain(_C, "typha_log_errors", "Log lines that were not written or were dropped."),
)

OURS: Final = (
    _labelled(
        _C,
        "typha_connections_closed_total",
        "reason",
        "Connections that ended, by what ended them.",
        *CloseReason,
    ),
    _labelled(
        _C,
        "typha_handshake_failures_total",
        "reason",
        "TLS handshakes that failed.",
        *("expired", "not_yet_valid", "wrong_purpose", "unknown_ca", "cn_mismatch", "no_cert"),
        *("server_refused", "timeout", "protocol"),
    ),
    _plain(_G, "typha_queued_bytes", "Bytes waiting for clients.", by_worker=True),
    Family(
        name="typha_queued_bytes_highest",
        kind=_G,
        help="Bytes waiting for the client that has most.",
        known=("",),
        merge=Merge.HIGHEST,
        by_worker=True,
    ),
    _labelled(_G, "typha_client_versions", "version", "Connected clients by their version."),
    _per_syncer(_C, "typha_frame_gaps_total", "Times a worker missed frames.", by_worker=True),
    _per_syncer(_C, "typha_catch_ups_total", "Catch-ups of workers and clients.", by_worker=True),
    _per_syncer(
        _C,
        "typha_updates_conflated_total",
        "Updates a slow client was spared because a newer value of the key came.",
    ),
    _labelled(
        _C,
        "typha_updates_filtered_total",
        "resource",
        "Changes of objects that changed no key.",
    ),
    _per_syncer(
        _S,
        "typha_convergence_seconds",
        "From the datastore's event to the last write into a client's socket.",
        by_worker=True,
    ),
    _labelled(
        _G, "typha_invalid_objects", "resource", "Objects left out because they are not valid."
    ),
    Family(
        name="typha_upstream_staleness_seconds",
        kind=_G,
        help="Time since the last sign of life of a resource's stream.",
        label="resource",
        merge=Merge.HIGHEST,
        by_clock=True,
    ),
    Family(
        name="typha_upstream_stale",
        kind=_G,
        help="1 for a resource whose stream is silent for longer than allowed.",
        label="resource",
        merge=Merge.HIGHEST,
    ),
    _per_syncer(
        _G,
        "typha_unverified_keys",
        "Keys known from before that the datastore has not shown yet.",
    ),
    _plain(
        _G,
        "typha_checkpoint_timestamp_seconds",
        "When the checkpoint was last up to date, in Unix time; 0 if it never was.",
    ),
    _plain(_G, "typha_checkpoint_bytes", "Size of the checkpoint."),
    _plain(_C, "typha_checkpoint_failures_total", "Times it could not be written."),
    _labelled(_C, "typha_upstream_events_total", "resource", "Changes the datastore told."),
    _labelled(_C, "typha_upstream_relists_total", "resource", "Lists beyond the first."),
    Family(
        name="typha_cert_not_after_timestamp_seconds",
        kind=_G,
        help="When a certificate in use expires, in Unix time.",
        label="role",
        merge=Merge.LOWEST,
    ),
    _labelled(
        _C,
        "typha_cert_reload_failures_total",
        "role",
        "Changed certificate files that could not be used; the old ones stay.",
    ),
)

ALL: Final = (*OF_CONNECTIONS, *OF_THE_CACHE, *OURS)
BY_NAME: Final = {family.name: family for family in ALL}
