"""The clients: each a thread that follows the server as its release of Felix or confd would."""

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from typha import dialing
from typha.dialing import Address, Connection, DialError, Tls
from typha.syncproto import generations
from typha.syncproto.messages import (
    KVs,
    Message,
    SyncerType,
    SyncStatus,
    SyncStatusMessage,
    UpdateType,
)

RECONNECT_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Arrival:
    """A key that came; `at` is monotonic."""

    key: str
    update_type: int
    at: float


@dataclass(frozen=True, slots=True)
class Part:
    """Who a client is."""

    node: str
    syncer: SyncerType
    release: str


PARTS: Final = (
    Part("node-1", SyncerType.FELIX, "v3.32.1"),
    Part("node-2", SyncerType.FELIX, "v3.30.4"),
    Part("node-3", SyncerType.FELIX, "v3.28.5"),
    Part("node-4", SyncerType.FELIX, "v3.20.6"),
    Part("node-1", SyncerType.BGP, "v3.32.1"),
    Part("node-1", SyncerType.TUNNEL_IP_ALLOCATION, "v3.32.1"),
    Part("node-1", SyncerType.NODE_STATUS, "v3.32.1"),
)


class Client(threading.Thread):
    """One client.  Connects again whenever it is cut off."""

    def __init__(self, part: Part, address: Address, tls: Tls) -> None:
        """Take where to go; nothing happens before `start`."""
        super().__init__(name=f"{part.node} {part.syncer}", daemon=True)
        self.part = part
        self.keys: set[str] = set()
        self.arrivals: list[Arrival] = []  # since it was first in sync
        self.connects = 0
        self.synced_after = 0.0  # seconds from the first connect to in-sync
        self.snapshot_keys = 0
        self.in_sync = False
        self._address = address
        self._tls = tls
        self._leaving = threading.Event()
        self._connection: Connection | None = None

    def run(self) -> None:  # type: ignore[explicit-override]  # typing.override came with 3.12
        """Follow the server until told to leave."""
        while not self._leaving.is_set():
            try:
                self._follow()
            except DialError:
                self.in_sync = False
                self._leaving.wait(RECONNECT_SECONDS)

    def leave(self) -> None:
        """Go, and do not come back."""
        self._leaving.set()

    def _follow(self) -> None:
        began = time.monotonic()
        hello = generations.hello(
            self.part.syncer, version=self.part.release, hostname=self.part.node, info="typha demo"
        )
        with dialing.connect(self._address, hello, tls=self._tls) as connection:
            self.connects += 1
            for message in connection:
                self._take(message, began)
                if self._leaving.is_set():
                    return

    def _take(self, message: Message, began: float) -> None:
        now = time.monotonic()
        if isinstance(message, KVs):
            for update in message.updates:
                is_gone = update.update_type == UpdateType.DELETED
                (self.keys.discard if is_gone else self.keys.add)(update.key)
                if self.in_sync:
                    self.arrivals.append(Arrival(update.key, update.update_type, now))
        elif isinstance(message, SyncStatusMessage) and message.status == SyncStatus.IN_SYNC:
            self.in_sync = True
            if not self.synced_after:
                self.synced_after = now - began
                self.snapshot_keys = len(self.keys)


class Cast:
    """All clients."""

    def __init__(self, parts: Iterable[Part], address: Address, tls: Tls) -> None:
        """Connect them all."""
        self.clients: Sequence[Client] = [Client(part, address, tls) for part in parts]
        for client in self.clients:
            client.start()

    def of(self, syncer: SyncerType) -> list[Client]:
        """Return those of one syncer."""
        return [client for client in self.clients if client.part.syncer == syncer]

    def all_in_sync(self) -> bool:
        """Say whether everybody has everything."""
        return all(client.in_sync for client in self.clients)

    def marks(self) -> dict[Client, int]:
        """Return where each one's arrivals end now."""
        return {client: len(client.arrivals) for client in self.clients}

    def since(self, marks: dict[Client, int]) -> Iterator[tuple[Client, Arrival]]:
        """Give what has come since."""
        for client, mark in marks.items():
            for arrival in itertools.islice(client.arrivals, mark, None):
                yield client, arrival

    def leave(self) -> None:
        """Let everybody go."""
        for client in self.clients:
            client.leave()


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for something, at most so long; return whether it came about."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
