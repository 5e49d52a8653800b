"""Whether another Typha is up to date: seen by connecting to it as one of its clients.

Only while somebody wants to know, on a thread.  A peer is proven by what it sends: that it is in
sync, and then news, for a server that has lost the datastore itself has none.  Where nothing
changes in the cluster nothing is proven, and nobody has to hurry either.
"""

import ipaddress
import logging
import random
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from typha import dialing
from typha.config.settings import TlsSettings
from typha.dialing import Address, Connection, DialError, Tls
from typha.syncproto import generations
from typha.syncproto.messages import KVs, Message, SyncerType, SyncStatus, SyncStatusMessage

log = logging.getLogger(__name__)

PROOF_SECONDS: Final = 60.0  # so long after its last news a peer counts as up to date
PATIENCE_SECONDS: Final = 120.0  # with a peer that has no news, before another one is tried
SETTLING_SECONDS: Final = 2.0  # after in-sync: what follows the snapshot at once may be old
PAUSE_SECONDS: Final = 5.0  # once all were tried

IPV6: Final = 6
_ANY_PORT: Final = 9


@dataclass(frozen=True, slots=True)
class Seen:
    """What one peer has shown so far; moments are monotonic."""

    in_sync_at: float | None = None
    news_at: float | None = None

    def take(self, message: Message, now: float) -> "Seen":
        """Return what is known after another message."""
        if isinstance(message, SyncStatusMessage):
            if message.status != SyncStatus.IN_SYNC:
                return Seen()
            return self if self.in_sync_at is not None else Seen(in_sync_at=now)
        if self.in_sync_at is None or now - self.in_sync_at < SETTLING_SECONDS:
            return self
        has_news = isinstance(message, KVs) and bool(message.updates)
        return replace(self, news_at=now) if has_news else self

    def is_proof(self, now: float) -> bool:
        """Tell whether the peer is up to date."""
        return self.news_at is not None and now - self.news_at < PROOF_SECONDS


class Peers:
    """The thread that looks, and what it has seen."""

    def __init__(self, tls: TlsSettings, cert_file: str, key_file: str) -> None:
        """Take what clients are served with, and a client's certificate; nothing is read yet."""
        self._tls = tls
        self._cert_file = cert_file
        self._key_file = key_file
        self._wanted: frozenset[Address] = frozenset()
        self._changed = threading.Event()
        self._seen = Seen()
        self._chance = random.Random()  # noqa: S311 - spreads load

    def start(self) -> None:
        """Be ready to look."""
        threading.Thread(target=self._look_for_ever, name="peers", daemon=True).start()

    def seek(self, candidates: Iterable[Address]) -> None:
        """Look at these from now on; at none to rest."""
        wanted = frozenset(candidates)
        if wanted != self._wanted:
            self._wanted = wanted
            self._changed.set()

    def is_one_fresh(self, now: float) -> bool:
        """Tell whether a peer was seen to be up to date lately."""
        return bool(self._wanted) and self._seen.is_proof(now)

    def _look_for_ever(self) -> None:
        while True:
            self._changed.wait(PAUSE_SECONDS if self._wanted else None)
            self._changed.clear()
            for peer in self._chance.sample(sorted(self._wanted), len(self._wanted)):
                self._look_at(peer)

    def _look_at(self, peer: Address) -> None:
        """Follow a peer for as long as it has news."""
        if peer not in self._wanted:
            return
        hello = generations.hello(SyncerType.FELIX, hostname=socket.gethostname(), info="a peer")
        try:
            with dialing.connect(peer, hello, tls=self._identity()) as connection:
                self._follow(connection, peer)
        except (DialError, OSError) as error:
            log.info("peer not seen", extra={"peer": peer.text, "error": str(error)})
        except Exception:  # a bug of ours must not end the looking for good
            log.exception("peer not seen", extra={"peer": peer.text})
        finally:
            self._seen = Seen()

    def _follow(self, connection: Connection, peer: Address) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        for message in connection:  # a ping at the latest
            now = time.monotonic()
            was_fresh = self._seen.is_proof(now)
            self._seen = self._seen.take(message, now)
            if self._seen.is_proof(now):
                until = now + PATIENCE_SECONDS
                if not was_fresh:
                    log.info("peer is up to date", extra={"peer": peer.text})
            if now > until or peer not in self._wanted:
                return

    def _identity(self) -> Tls | None:
        """Expect of peers the names that our own certificate has: they serve with the same one."""
        if not self._tls.enabled:
            return None
        from typha.certs import reading  # noqa: PLC0415 - costs memory that few ever need

        try:
            own = reading.certificates(self._tls.cert_file)[0]
        except reading.UnreadableError as error:
            raise dialing.TlsError(f"our own certificate: {error}") from error
        return Tls(
            ca_file=self._tls.ca_file,
            cert_file=self._cert_file,
            key_file=self._key_file,
            server_cn=reading.common_name(own),
            server_uri=next(iter(reading.uris(own)), ""),
        )


def is_here(address: str) -> bool:
    """Tell whether an address is one of this machine's own: then nothing sent there leaves it."""
    with suppress(OSError, ValueError):
        theirs = ipaddress.ip_address(address)
        family = socket.AF_INET6 if theirs.version == IPV6 else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as trial:
            trial.connect((address, _ANY_PORT))  # chooses a source, and sends nothing
            return ipaddress.ip_address(trial.getsockname()[0]) == theirs
    return False
