"""What arrived at the clients of a swarm: how much, how late, and in which bytes.

Works on the logs of pieces when nothing is being measured.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from struct import Struct
from typing import Any, Final

from benchmarks.felix import Client
from benchmarks.pieces import Piece

BUCKET_NANOSECONDS: Final = 50_000  # the resolution of latencies
FRAME: Final = Struct(">QI")  # nanoseconds since the frame before, bytes
TOGETHER_NANOSECONDS: Final = 200_000  # what arrives closer together was sent in one go


def newest(client: Client) -> int:
    """Return the newest marker's time that a client has ever seen, reading its log only once."""
    log = client.log
    for turn in range(client.read_up_to, len(log)):
        client.newest = max(client.newest, log[turn][1].newest)
    client.read_up_to = len(log)
    return client.newest


def summary(clients: Sequence[Client], since: int) -> dict[str, Any]:
    """Count what arrived at clients that follow every change, and how late."""
    counts = [sum(piece.kvs for _, piece in client.log) for client in clients]
    return {
        "clients": len(clients),
        "kvs": sum(counts),
        "kvs_least": min(counts, default=0),
        "kvs_most": max(counts, default=0),
        "messages": sum(piece.messages for client in clients for _, piece in client.log),
        "bytes": sum(piece.size for client in clients for _, piece in client.log),
        "latency": latencies(clients, since),
    }


def latencies(clients: Iterable[Client], since: int) -> dict[int, int]:
    """Count the KVs that reached a client, by how late: bucket of 50 us -> KVs.

    Only changes made after `since` count, so that a snapshot's old markers do not.
    """
    arrivals: defaultdict[int, Counter[int]] = defaultdict(Counter)
    found: dict[int, Piece] = {}
    for client in clients:
        for now, piece in client.log:
            if piece.newest > since:
                found[id(piece)] = piece
                arrivals[id(piece)][now // BUCKET_NANOSECONDS] += 1
    buckets: Counter[int] = Counter()
    for name, piece in found.items():
        for stamp in piece.stamps:
            if stamp > since:
                changed = stamp // BUCKET_NANOSECONDS
                for moment, count in arrivals[name].items():
                    buckets[moment - changed] += count
    return buckets


def write_frames(clients: Iterable[Client], path: Path) -> None:
    """Write what one sampler received since the mark, as sends with the time between them."""
    record = next((c.record for c in clients if c.record and c.group.syncer == "felix"), [])
    merged: list[tuple[int, list[bytes]]] = []
    for now, data in record:
        if merged and now - merged[-1][0] < TOGETHER_NANOSECONDS:
            merged[-1][1].append(data)
        else:
            merged.append((now, [data]))
    with path.open("wb") as file:
        before = merged[0][0] if merged else 0
        for now, parts in merged:
            data = b"".join(parts)
            file.write(FRAME.pack(now - before, len(data)) + data)
            before = now
