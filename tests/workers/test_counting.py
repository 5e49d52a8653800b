"""What a worker counts, and under which name each number leaves it."""

import socket
from types import SimpleNamespace

import pytest

from typha.syncproto import generations
from typha.syncproto.events import HelloAccepted
from typha.syncproto.frames import Frame
from typha.syncproto.messages import Codec, Dialect, SyncerType, SyncStatus
from typha.telemetry.closing import CloseReason
from workers import counting
from workers.connection import Connection, Stage
from workers.counting import Counts
from workers.replica import Log

FELIX, BGP = SyncerType.FELIX, SyncerType.BGP


@pytest.fixture
def counts():
    """Begin at nothing."""
    return Counts()


def accepted(version, syncer=FELIX):
    """Tell of a client's hello."""
    return HelloAccepted(
        hello=generations.hello(syncer, version=version, hostname="node-7"),
        syncer=syncer,
        codec=Codec.PLAIN,
        dialect=Dialect.MODERN,
    )


def gathered(counts, active=0, blocked=(), dropped=0):
    """Put everything into figures."""
    return counts.gather(active, blocked, dropped, 10.0)


def test_every_number_leaves_under_its_own_name(counts):
    """Each is another one here, so none can stand for another."""
    counts.accepted = 101
    counts.closed[CloseReason.CLIENT_LEFT] = 102
    counts.handshake_failures["expired"] = 103
    counts.gaps[FELIX] = 104
    counts.catch_ups[BGP] = 105
    counts.grace_used[FELIX] = 106
    counts.reused[BGP] = 107
    counts.at_once[FELIX] = 108
    counts.later[BGP] = 109
    counts.reload_failures = 110
    counts.certificates = {"server": 1e9}
    counts.streaming[FELIX] = 111
    blocked = [SimpleNamespace(queued_bytes=size) for size in (300, 500, 200)]
    figures = gathered(counts, 112, blocked, 113)
    assert figures.counters == {
        "typha_connections_accepted": {"": 101},
        "typha_connections_dropped": {"": 113},
        "typha_connections_closed_total": {CloseReason.CLIENT_LEFT.value: 102},
        "typha_handshake_failures_total": {"expired": 103},
        "typha_frame_gaps_total": {"felix": 104},
        "typha_catch_ups_total": {"bgp": 105},
        "typha_connections_grace_used": {"felix": 106},
        "typha_snapshots_reused": {"bgp": 107},
        "typha_breadcrumb_block": {"felix": 108},
        "typha_breadcrumb_non_block": {"bgp": 109},
        "typha_cert_reload_failures_total": {"server": 110},
    }
    assert figures.gauges == {
        "typha_cert_not_after_timestamp_seconds": {"server": 1e9},
        "typha_connections_active": {"": 112},
        "typha_queued_bytes": {"": 1000},
        "typha_queued_bytes_highest": {"": 500},
        "typha_client_versions": {},
        "typha_connections_streaming": {
            syncer.value: 111 if syncer is FELIX else 0 for syncer in SyncerType
        },
    }


def test_labels_are_plain_text(counts):
    """They travel as JSON, and in it an enumeration's member would be an odd one."""
    counts.closed[CloseReason.CLIENT_LEFT] = 1
    counts.gaps[FELIX] = 1
    labels = [label for values in gathered(counts).counters.values() for label in values]
    assert {type(label) for label in labels} == {str}


def test_nobody_queues_where_nobody_is_blocked(counts):
    """The highest of nothing is nothing."""
    gauges = gathered(counts).gauges
    assert gauges["typha_queued_bytes"] == gauges["typha_queued_bytes_highest"] == {"": 0}


def test_clients_are_counted_by_syncer_and_version(counts):
    """A version that nobody has any more vanishes."""
    for version in ("v3.28.0", "v3.28.0", "v3.32.1"):
        counts.begun(accepted(version))
    counts.begun(accepted("v3.32.1", BGP))
    newest = accepted("v3.32.1").hello.version
    gauges = gathered(counts).gauges
    assert sorted(gauges["typha_client_versions"].values()) == [2, 2]
    assert gauges["typha_connections_streaming"]["felix"] == 3
    assert gauges["typha_connections_streaming"]["bgp"] == 1
    for version in ("v3.28.0", "v3.28.0", "v3.32.1"):
        counts.ended(accepted(version))
    gauges = gathered(counts).gauges
    assert gauges["typha_client_versions"] == {newest: 1}
    assert gauges["typha_connections_streaming"]["felix"] == 0


def frame(kvs, born):
    """Make a frame."""
    return Frame(1, 1, 2, kvs, born, SyncStatus.IN_SYNC, b"")


def observed(counts):
    """Tell of each summary how often it was observed, and the sum."""
    summaries = gathered(counts).summaries
    return {
        name: told
        for name, sketches in summaries.items()
        if (
            told := {
                label: (each.count, each.total) for label, each in sketches.items() if each.count
            }
        )
    }


def test_frames_count_once_for_each_client(counts):
    """One without values tells of none, and one whose birth nobody knows of no delay."""
    counts.fan_out_seconds = 0.5
    counts.fanned_out(FELIX, [frame(3, 6.0), frame(0, 7.5), frame(4, 0.0)], 10, 8.0)
    assert observed(counts) == {
        "typha_kvs_per_msg": {"felix": (20, 70.0)},
        "typha_convergence_seconds": {"felix": (20, 25.0)},
        "typha_client_write_latency_secs": {"felix": (10, 0.5)},
        "typha_client_latency_secs": {"felix": (10, 5.0)},
    }
    assert gathered(counts).counters["typha_breadcrumb_block"] == {"felix": 30}


def test_frames_for_nobody_count_for_nothing(counts):
    """All clients may be behind, and are told later."""
    counts.fan_out_seconds = 0.5
    counts.fanned_out(FELIX, [frame(3, 6.0)], 0, 8.0)
    assert observed(counts) == {}
    assert "typha_breadcrumb_block" not in gathered(counts).counters


def test_round_trips_and_whatever_else_is_observed(counts):
    """By syncer."""
    counts.ponged(BGP, 0.25)
    counts.ponged(BGP, 0.5)
    counts.observe("typha_client_snapshot_send_secs", FELIX, 2.0)
    assert observed(counts) == {
        "typha_ping_latency": {"bgp": (2, 0.75)},
        "typha_client_snapshot_send_secs": {"felix": (1, 2.0)},
    }


@pytest.fixture
def connection():
    """Make a connection that has said nothing yet."""
    with socket.socket() as client:
        made = Connection(7, client, "192.0.2.1", SimpleNamespace())
        made.accepted_at = 1e9
        yield made


def test_a_client_that_said_nothing_yet_is_described(connection):
    """By what is known."""
    assert counting.described(connection, 3, 50.0) == {
        "id": 7,
        "hostname": "",
        "address": "192.0.2.1",
        "syncer": "",
        "version": "",
        "worker": 3,
        "since": 1e9,
        "state": "handshake",
        "sequence": None,
        "behind": None,
        "behind_seconds": 0.0,
        "queued_bytes": 0,
        "last_pong": None,
        "round_trip": 0.0,
        "codec": "",
        "dialect": "",
        "cn": "",
        "cert_not_after": "",
    }


def streaming(connection, position):
    """Have a client follow a log of three frames, which came at 41, 43 and 45."""
    log = Log(1 << 20)
    for number in range(3):
        first = 11 + 2 * number
        log.append(Frame(1, first, first + 1, 2, 0.0, SyncStatus.IN_SYNC, b"x"), 41.0 + 2 * number)
    connection.replica = SimpleNamespace(log=log, last=16)
    connection.state, connection.position = Stage.STREAMING, position


def test_a_client_that_streams_is_described(connection):
    """With all that is known of it, and how far it is behind."""
    connection.hello = accepted("v3.28.0")
    streaming(connection, 12)
    connection.last_pong, connection.round_trip = 49.5, 0.012_345_678
    connection.certificate_name, connection.certificate_expires = "calico-node", "Jan 1"
    connection.add(b"waits")
    assert counting.described(connection, 0, 50.0) == {
        "id": 7,
        "hostname": "node-7",
        "address": "192.0.2.1",
        "syncer": "felix",
        "version": connection.hello.hello.version,
        "worker": 0,
        "since": 1e9,
        "state": "streaming",
        "sequence": 12,
        "behind": 4,
        "behind_seconds": 7.0,
        "queued_bytes": connection.queued_bytes,
        "last_pong": 0.5,
        "round_trip": 0.012346,
        "codec": "plain",
        "dialect": Dialect.MODERN.value,
        "cn": "calico-node",
        "cert_not_after": "Jan 1",
    }
    connection.position = 16
    shown = counting.described(connection, 0, 50.0)
    assert (shown["behind"], shown["behind_seconds"]) == (0, 0.0)
