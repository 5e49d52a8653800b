"""A server in Go, of four generations, against our client."""

from pathlib import Path

import pytest

from tests.interop.conftest import Peer, finish, read_until, tls_options
from typha import dialing
from typha.dialing import Address, ProtocolError, Tls
from typha.syncproto import generations
from typha.syncproto.messages import (
    DecoderRestart,
    KVs,
    Ping,
    SerializedUpdate,
    SyncStatus,
    SyncStatusMessage,
)

SNAPSHOT, DELTAS = 20_000, 1000


def numbered(n: int) -> SerializedUpdate:
    """Return the nth update of the peer."""
    gone = n >= SNAPSHOT and n % 5 == 0
    return SerializedUpdate(
        key=f"/calico/v1/config/key-{n}",
        value=None if gone else b"value of key %d" % n,
        revision=str(1000 + n),
        v3_resource_version=str(n) if n % 3 == 0 else "",
        update_type=3 if gone else 1,
    )


@pytest.mark.parametrize(
    ("server", "client", "restarts"),
    [
        ("v3.32", "v3.32.1", 2),
        ("v3.28", "v3.32.1", 2),
        ("v3.28", "v3.28.5", 2),
        ("v3.28", "v3.8.9", 0),
        ("v3.24", "v3.32.1", 0),
    ],
)
def test_our_client_hears_everything(peer: Peer, server: str, client: str, restarts: int) -> None:
    """Snapshot, changes and status, and its answer to a ping is understood."""
    hello = generations.hello(version=client, hostname="our-host", connection_id=7)
    options = (f"-generation={server}", f"-snapshot={SNAPSHOT}", f"-deltas={DELTAS}")
    with peer.started("-role=server", *options) as process:
        (listening,) = read_until(process, "listening")
        with dialing.connect(Address("127.0.0.1", listening["port"]), hello) as connection:
            heard = [connection.receive()]
            while not isinstance(heard[-1], Ping):
                heard.append(connection.receive())
            read_until(process, "pong")
        assert finish(process) == []
    updates = [u for message in heard if isinstance(message, KVs) for u in message.updates]
    assert updates == [numbered(n) for n in range(SNAPSHOT + DELTAS)]
    assert sum(isinstance(message, DecoderRestart) for message in heard) == restarts
    assert heard.count(SyncStatusMessage(status=SyncStatus.IN_SYNC)) == 1


def test_our_hello_says_who_we_are(peer: Peer) -> None:
    """Field by field, as Go decodes it."""
    hello = generations.hello(hostname="our-host", info="our-info", connection_id=2**63)
    with peer.started("-role=server") as process:
        (listening,) = read_until(process, "listening")
        dialing.connect(Address("127.0.0.1", listening["port"]), hello).close()
        fields = read_until(process, "hello")[-1]["fields"]
    assert fields == {
        "Hostname": "our-host",
        "Info": "our-info",
        "Version": "v3.32.1",
        "SyncerType": "felix",
        "SupportsDecoderRestart": True,
        "SupportedCompressionAlgorithms": ["snappy"],
        "SupportsModernPolicyKeys": True,
        "ClientConnID": 2**63,
    }


def test_a_server_before_v3_9_is_too_old(peer: Peer) -> None:
    """As it is for clients since v3.31."""
    with peer.started("-role=server", "-generation=v3.8") as process:
        (listening,) = read_until(process, "listening")
        hello = generations.hello(version="v3.8.9")
        with pytest.raises(ProtocolError, match=r"before v3\.9"):
            dialing.connect(Address("127.0.0.1", listening["port"]), hello)


def test_mutual_tls_with_a_go_server(peer: Peer, certificates: Path) -> None:
    """It demands our certificate, we check its name."""
    tls = Tls(
        ca_file=str(certificates / "typhaca.crt"),
        cert_file=str(certificates / "calico-node.crt"),
        key_file=str(certificates / "calico-node.key"),
        server_cn="calico-typha",
    )
    options = tls_options(certificates, ours="typha", theirs="calico-node")
    with peer.started("-role=server", "-snapshot=10", *options) as process:
        (listening,) = read_until(process, "listening")
        address = Address("127.0.0.1", listening["port"])
        with dialing.connect(address, generations.hello(), tls=tls) as connection:
            updates = []
            for message in connection:
                updates += message.updates if isinstance(message, KVs) else ()
                if isinstance(message, SyncStatusMessage):
                    break
    assert updates == [numbered(n) for n in range(10)]
