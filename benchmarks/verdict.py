"""Whether what the clients of a swarm were told is so.

Works on the logs of pieces when nothing is being measured.  Clients that received the same pieces
since they had been told the same are judged together.
"""

from collections.abc import Collection, Iterable
from typing import Any, Final

from benchmarks import arrivals, gobheads, objects, pieces
from benchmarks.felix import Client, State
from benchmarks.pieces import Piece
from typha.syncproto.client import ClientSession
from typha.syncproto.messages import KVs, SerializedUpdate, UpdateType

Known = dict[str, tuple[bytes, str]]  # key -> value, revision


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

    def digest(self, clients: Collection[Client]) -> None:
        """Turn the clients' logs into what they know, and empty the logs."""
        derived: dict[tuple[int, ...], int] = {}
        for client in clients:
            if not client.between_messages():
                continue  # it is taken up next time
            arrived = [piece for _, piece in client.log if piece.kvs or piece.partial]
            if arrived and client.state is State.STREAMING:
                path = (client.token, *map(id, arrived))
                if path not in derived:
                    derived[path] = self._derive(client.token, arrived)
                client.token = derived[path]
            arrivals.newest(client)
            client.log.clear()
            client.read_up_to = 0
            if client.record:
                if client not in self._samplers:
                    self._samplers[client] = Sampler(client)
                self._samplers[client].decode(client.record)
                client.record.clear()
        self._samplers = {c: self._samplers[c] for c in clients if c in self._samplers}
        used = {0} | {client.token for client in clients}
        self._known = {token: known for token, known in self._known.items() if token in used}

    def _derive(self, token: int, arrived: list[Piece]) -> int:
        known = dict(self._known[token])
        for update in pieces.decoded(arrived):
            if update.kind == gobheads.DELETED or not update.value:
                known.pop(update.key, None)
            else:
                known[update.key] = update.value, update.revision
        self._made += 1
        self._known[self._made] = known
        return self._made

    def compare(self, clients: Collection[Client], state: dict[str, Any]) -> dict[str, Any]:
        """Compare what reading clients know with the datastore's state, as the API told it."""
        judge = Judge(state)
        reading = [c for c in clients if c.state is State.STREAMING and not c.group.sink]
        divergent = 0
        for client in reading:
            agrees = judge.client(client, self._known[client.token], client.token)
            if sampler := self._samplers.get(client):
                agrees = judge.client(client, sampler.known, -client.number - 1) and agrees
            divergent += not agrees
        return {
            "divergent": divergent,
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

    def client(self, client: Client, known: Known, token: int) -> bool:
        """Judge one client, or look up the verdict on those that know exactly the same."""
        felix, modern = client.group.syncer == "felix", client.group.release == "v3.32"
        about = token, felix, modern
        if about not in self.verdicts:
            expected = self._expectation(modern=modern) if felix else {}
            self.verdicts[about] = differences(known, expected, self._prefix(modern=modern))
        wrong, missing = self.verdicts[about]
        self.wrong += wrong
        self.missing += missing
        return not wrong + missing

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
