"""Make the corpora anew from what the project holds: `python -m tests.fuzz.seeds`.

Small pieces only: a fuzzer grows them.  What it found worth keeping lies beside them under the
name of its hash, and stays.
"""

from collections.abc import Iterator
from pathlib import Path

from tests import recordings
from typha.journal import log
from typha.syncproto import client_schema, generations, schema, snappy
from typha.syncproto.messages import SyncerType, SyncStatus

CORPUS = Path(__file__).parent / "corpus"
LARGEST = 2048  # bytes of a seed
CONNECTIONS = ("v3.32.1/ping-pong", "v3.32.1/deltas", "v3.9.0/deltas", "v3.32.1/raw-future-hello")
ELEMENT = schema.element("/k", b"v" * 200, "12", "7", 1)
RECORD = log.Record(7, 2, 0, SyncerType.FELIX, SyncStatus.IN_SYNC, ELEMENT * 2)
SETTINGS = """[global]
ServerPort = 5473  # a comment
LogSeverityScreen: debug
[other]
CAFile = "/etc/ca.crt"
ClientCN = ```calico
node```
K8sNamespace = a\\\\
b
"""
MANIFEST = """apiVersion: v1
kind: List
items:
- &one
  apiVersion: projectcalico.org/v3
  kind: GlobalNetworkPolicy
  metadata: {name: default.a}
  spec: {order: 1, selector: "has(x)", types: [Ingress], ingress: [{action: Allow,
    source: {nets: [10.0.0.0/8], notPorts: [80, "a", "1:2"]}}]}
- <<: *one
  metadata: {name: b, labels: {a: b}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: n, labels: {x: y}}}
"""


def seeds() -> Iterator[tuple[str, str, bytes]]:
    """Give (target, name, bytes)."""
    for path in CONNECTIONS:
        recorded = recordings.named(path)
        name = path.replace("/", "-")
        yield "server", name, recorded.sent_by_client
        yield "client", name, recorded.sent_by_server
        yield "gob", f"{name}-client", recorded.sent_by_client
        yield "gob", f"{name}-server", recorded.sent_by_server
    acks = client_schema.ack() * 2 + client_schema.pong(5)
    yield "server_after_hello", "acks-and-pong", acks
    yield "server_after_hello", "hello-again", client_schema.hello(generations.hello())
    yield "client_in_snappy", "keys", schema.kvs([ELEMENT] * 3) + schema.status(SyncStatus.IN_SYNC)
    yield "framing", "two-chunks", snappy.compress(b"abc" * 100) + snappy.compress(b"x")
    yield "framing", "stored", snappy.compress(bytes(range(100)))
    yield "elements", "two", ELEMENT * 2
    yield "settings", "most-syntax", SETTINGS.encode()
    yield "manifests", "list", MANIFEST.encode()
    yield "manifests", "json", b'{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n"}}'
    yield "journal", "two-records", log.encode(RECORD) * 2


def main() -> None:
    """Write them."""
    for target, name, data in seeds():
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data[:LARGEST])


if __name__ == "__main__":
    main()
