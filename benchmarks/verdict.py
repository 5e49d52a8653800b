"""What the clients of a swarm were told: how late, how much, and whether it is so.

Works on the logs of pieces when nothing is being measured.  Clients that received the same pieces
since they had been told the same are judged together.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from struct import Struct
from typing import Any, Final

from benchmarks import gobheads, objects, pieces
from benchmarks.felix import Client, State
from benchmarks.pieces import Piece
from typha.syncproto.client import ClientSession
from typha.syncproto.messages import KVs, SerializedUpdate, UpdateType

BUCKET_NANOSECONDS: Final = 50_000  # the resolution of latencies
FRAME: Final = Struct(">QI")  # nanoseconds since the frame before, bytes
TOGETHER_NANOSECONDS: Final = 200_000  # what arrives closer together was sent in one go
Known = dict[str, tuple[bytes, str]]  # key -> value, revision


def newest(client: Client) -> int:
    """Return the newest marker's time that a client has seen since the last mark."""
    return max((piece.stamps[-1] for _, piece in client.log[-400:] if piece.stamps), default=0)


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
            if piece.stamps and piece.stamps[-1] > since:
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


class Sampler:
    """A client of which every byte is decoded by the project's own client session."""

    def __init__(self, client: Client) -> None:
        self._session = ClientSession(client.group.hello(client.number))
        self.known: Final[Known] = {}

    def decode(self, record: Iterable[tuple[int, bytes]]) -> None:
        """Take what arrived.  Raises PeerError for whatever a Felix would close the connection."""
        for _, data in record:
            for message in self._session.receive(data):
                if isinstance(message, KVs):
                    for update in message.updates:
                        self._apply(update)

    def _apply(self, update: SerializedUpdate) -> None:
        if update.value and update.update_type != UpdateType.DELETED:
            self.known[update.key] = update.value, update.revision or ""
        else:
            self.known.pop(update.key, None)


class Checker:
    """Every client's knowledge, kept once for all the clients that share it."""

    def __init__(self) -> None:
        self._known: dict[int, Known] = {0: {}}
        self._made = 0
        self._samplers: dict[Client, Sampler] = {}

    def digest(self, clients: Iterable[Client]) -> None:
        """Turn the clients' logs into what they know, and empty the logs."""
        derived: dict[tuple[int, ...], int] = {}
        for client in clients:
            arrived = [piece for _, piece in client.log if piece.kvs]
            if arrived and client.state is State.STREAMING:
                path = (client.token, *map(id, arrived))
                if path not in derived:
                    derived[path] = self._derive(client.token, client.log)
                client.token = derived[path]
            client.log.clear()
            if client.record:
                if client not in self._samplers:
                    self._samplers[client] = Sampler(client)
                self._samplers[client].decode(client.record)
                client.record.clear()
        used = {0} | {client.token for client in clients}
        self._known = {token: known for token, known in self._known.items() if token in used}

    def _derive(self, token: int, log: list[tuple[int, Piece]]) -> int:
        known = dict(self._known[token])
        for update in pieces.decoded(piece for _, piece in log):
            if update.kind == gobheads.DELETED or not update.value:
                known.pop(update.key, None)
            else:
                known[update.key] = update.value, update.revision
        self._made += 1
        self._known[self._made] = known
        return self._made

    def compare(self, clients: Iterable[Client], state: dict[str, Any]) -> dict[str, Any]:
        """Compare what reading clients know with the datastore's state, as the API told it."""
        judge = Judge(state)
        reading = [c for c in clients if c.state is State.STREAMING and not c.group.sink]
        for client in reading:
            judge.client(client, self._known[client.token], client.token)
            if sampler := self._samplers.get(client):
                judge.client(client, sampler.known, -client.number - 1)
        return {
            "wrong": judge.wrong,
            "missing": judge.missing,
            "checked": len(reading),
            "decoded": sum(client in self._samplers for client in reading),
            "ways": len(judge.verdicts),
        }


class Judge:
    """The datastore's state, and how far what clients know is from it."""

    def __init__(self, state: dict[str, Any]) -> None:
        self._family = objects.FAMILIES[state["family"]]
        first = state["revision"]
        self._now = {number: (first + number, objects.NEVER) for number in range(state["count"])}
        self._now |= {number: (revision, changed) for number, revision, changed in state["known"]}
        self._expected: dict[bool, Known] = {}
        self.verdicts: Final[dict[tuple[int, bool, bool], tuple[int, int]]] = {}
        self.wrong = self.missing = 0

    def client(self, client: Client, known: Known, token: int) -> None:
        """Judge one client, or look up the verdict on those that know exactly the same."""
        felix, modern = client.group.syncer == "felix", client.group.release == "v3.32"
        about = token, felix, modern
        if about not in self.verdicts:
            expected = self._expectation(modern=modern) if felix else {}
            self.verdicts[about] = differences(known, expected, self._prefix(modern=modern))
        wrong, missing = self.verdicts[about]
        self.wrong += wrong
        self.missing += missing

    def _prefix(self, *, modern: bool) -> str:
        family = self._family
        return family.prefix if modern or not family.older_prefix else family.older_prefix

    def _expectation(self, *, modern: bool) -> Known:
        """Say what a client must have been told."""
        if modern not in self._expected:
            key, value = self._family.key_for, self._family.value
            self._expected[modern] = {
                key(number, modern=modern): (value(number, changed), str(revision))
                for number, (revision, changed) in self._now.items()
                if revision
            }
        return self._expected[modern]


def differences(known: Known, expected: Known, prefix: str) -> tuple[int, int]:
    """Count the keys whose content is wrong, and the changes that have not come."""
    wrong = missing = 0
    for key, right in expected.items():
        told = known.get(key)
        if told is None or objects.stamps(told[0]) != objects.stamps(right[0]):
            missing += 1
        elif told != right:
            wrong += 1
    left_over = sum(1 for key in known if key.startswith(prefix) and key not in expected)
    return wrong, missing + left_over
