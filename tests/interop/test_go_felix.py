"""Felix, in Go, of four generations against our side of the protocol."""

import base64
from pathlib import Path

import pytest

from tests.interop.conftest import Line, Peer, finish, read_until, tls_options
from tests.serving import ThreadedServer, elements, server_context
from typha.syncproto.messages import SerializedUpdate, SyncerType

SNAPSHOT = [
    SerializedUpdate(
        key=f"/calico/v1/host/node-{n % 50}/workload/k8s/ns%2fpod-{n}/endpoint/eth0",
        value=b'{"state":"active","name":"cali%d","mac":"0a:58:0a:00:00:01"}' % n,
        revision=str(10_000 + n),
        v3_resource_version=str(n) if n % 3 == 0 else "",
        update_type=1,
    )
    for n in range(20_000)
]
DELTAS = [
    SerializedUpdate(
        key=SNAPSHOT[n * 7].key,
        value=None if n % 5 == 0 else b'{"state":"changed"}',
        revision=str(50_000 + n),
        update_type=3 if n % 5 == 0 else 2,
    )
    for n in range(1000)
]
ODD = [
    SerializedUpdate(key="/ü/日本/\U0001f9a6", value="…".encode(), revision="1", update_type=1),
    SerializedUpdate(key="/no/revision", value=b"v", update_type=2),
    SerializedUpdate(key="/empty/revision", value=b"v", revision="", update_type=2),
    SerializedUpdate(key="/long/revision", value=b"v", revision="9" * 300, update_type=2),
    SerializedUpdate(key="/ttl", value=b"v", revision="1", ttl_nanoseconds=90 * 10**9),
    SerializedUpdate(key="/ttl/negative", value=b"v", revision="1", ttl_nanoseconds=-1),
    SerializedUpdate(key="/deleted", revision="1", update_type=3),
    SerializedUpdate(key="/" + "k" * 5000, value=b"v", revision="1", update_type=1),
    SerializedUpdate(key="/large", value=bytes(range(256)) * 8192, revision="1", update_type=1),
    SerializedUpdate(
        key="/all", value=b"\0", revision="1", v3_resource_version="2", update_type=1
    ),
]
GENERATIONS = ["v3.8", "v3.24", "v3.28", "v3.32"]
RESTARTS = {"v3.28", "v3.32"}


def updates_in(lines: list[Line]) -> list[SerializedUpdate]:
    """Return the updates that a peer printed."""
    return [
        SerializedUpdate(
            key=line["key"],
            value=base64.b64decode(line["raw"]) if line["raw"] else None,
            revision=line["revision"],
            v3_resource_version=line["v3_resource_version"],
            ttl_nanoseconds=line["ttl"],
            update_type=line["update_type"],
        )
        for line in lines
        if line["type"] == "kv"
    ]


def without_version(update: SerializedUpdate) -> SerializedUpdate:
    """Return an update as a client older than v3.17 understands it."""
    return SerializedUpdate(
        key=update.key,
        value=update.value,
        revision=update.revision,
        ttl_nanoseconds=update.ttl_nanoseconds,
        update_type=update.update_type,
    )


@pytest.mark.parametrize(
    ("generation", "options", "restarts"),
    [
        ("v3.32", [], 2),
        ("v3.28", [], 2),
        ("v3.32", ["-refuse-restart"], 0),
        ("v3.28", ["-refuse-restart"], 0),
        ("v3.24", [], 0),
        ("v3.8", [], 0),
    ],
    ids=str,
)
def test_twenty_thousand_keys_and_a_thousand_changes_arrive(
    peer: Peer, generation: str, options: list[str], restarts: int
) -> None:
    """Compressed, plain, and without a decoder restart: the same updates in the same order."""
    total = len(SNAPSHOT) + len(DELTAS)
    with (
        ThreadedServer(elements(SNAPSHOT)) as server,
        peer.started(
            f"-address=127.0.0.1:{server.port}",
            f"-generation={generation}",
            f"-updates={total}",
            *options,
        ) as felix,
    ):
        lines = read_until(felix, "status")
        server.wait_until_streaming(1)
        server.ping(1_700_000_000_123_456_789)
        for start in range(0, len(DELTAS), 37):
            server.publish(elements(DELTAS[start : start + 37]))
        lines += finish(felix)
        server.wait_for_endings(1)
        assert server.shells[0].pongs == [1_700_000_000_123_456_789]
        assert server.endings == ["client-left"]
    expected = SNAPSHOT + DELTAS
    if generation == "v3.8":
        expected = list(map(without_version, expected))
    assert updates_in(lines) == expected
    assert [line["type"] for line in lines if line["type"] != "kv"] == [
        "hello",
        *["restart"] * restarts,
        "status",
        "ping",
    ]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_odd_updates_arrive_unchanged(peer: Peer, generation: str) -> None:
    """Every optional field, long and large ones, and keys in any script."""
    with ThreadedServer(elements(ODD), largest_batch=3) as server:
        lines = peer.felix(server.port, f"-generation={generation}")
    expected = list(map(without_version, ODD)) if generation == "v3.8" else ODD
    assert updates_in(lines) == expected


@pytest.mark.parametrize("syncer", list(SyncerType))
def test_every_stream_can_be_asked_for(peer: Peer, syncer: SyncerType) -> None:
    """And the hello says which it is."""
    with ThreadedServer([]) as server:
        hello, *_ = peer.felix(server.port, f"-syncer={syncer.value}")
    assert (hello["syncer"], hello["conn_id"]) == (syncer.value, 42)


def test_an_unknown_stream_is_refused(peer: Peer) -> None:
    """By closing, which is all that the protocol knows."""
    with (
        ThreadedServer([]) as server,
        peer.started(f"-address=127.0.0.1:{server.port}", "-syncer=no-such") as felix,
    ):
        assert felix.wait(30) == 1
        assert "closed the connection" in felix.stderr.read()
        server.wait_for_endings(1)
        assert server.endings == ["unknown-syncer"]


@pytest.mark.parametrize("generation", ["v3.8", "v3.32"])
def test_mutual_tls_with_go(peer: Peer, certificates: Path, generation: str) -> None:
    """Go's crypto/tls and our certificates accept each other."""
    options = tls_options(certificates, ours="calico-node", theirs="calico-typha")
    with ThreadedServer(elements(ODD), context=server_context(certificates)) as server:
        lines = peer.felix(server.port, f"-generation={generation}", *options)
    assert len(updates_in(lines)) == len(ODD)
