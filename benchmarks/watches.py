"""The watches of the benchmarks' API server.

What waits is written in one go, in chunks of about 4 KiB, as a real server's buffers make them.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from benchmarks import discovery
from benchmarks.cluster import Change, Cluster, Expired

CHUNK_BYTES: Final = 4096
BOOKMARK_SECONDS: Final = 55.0  # a real server sends one about once a minute
WATCH_SECONDS: Final = 1800.0  # unless the client names a time


@dataclass
class Mood:
    """What goes wrong on purpose.  Watches of an older generation than the present one end."""

    disturbed: threading.Condition = field(default_factory=threading.Condition)
    generation: int = 0
    refused_until: float = 0.0
    muted_until: float = 0.0


def chunk(text: bytes) -> bytes:
    """Frame a piece of an HTTP body whose length is not known beforehand."""
    return b"%x\r\n%b\r\n" % (len(text), text)


def chunks(lines: Iterable[bytes]) -> bytes:
    """Frame event lines, several to a chunk."""
    framed, waiting, size = [], [], 0
    for line in lines:
        waiting.append(line)
        size += len(line)
        if size >= CHUNK_BYTES:
            framed.append(chunk(b"".join(waiting)))
            waiting, size = [], 0
    if waiting:
        framed.append(chunk(b"".join(waiting)))
    return b"".join(framed)


class Watch:
    """One watch, from its request to its end."""

    def __init__(self, cluster: Cluster, mood: Mood, path: str, query: dict[str, str]) -> None:
        self._cluster, self._mood = cluster, mood
        self._group_version, self._kind = discovery.LISTS[path]
        # Only one resource ever changes; the watches of others do not wake with it.
        self._lively = path == cluster.family.path
        self._waiting = cluster.changed if self._lively else mood.disturbed
        self._at = int(query.get("resourceVersion") or 0)
        self._until = time.monotonic() + float(query.get("timeoutSeconds", WATCH_SECONDS))
        self._bookmarks = query.get("allowWatchBookmarks") in {"true", "1"}
        self._generation = mood.generation

    def run(self, write: Callable[[bytes], object]) -> None:
        """Write events until the time is over, the server drops it or history is missing."""
        while not self._over():
            try:
                revision, changes = self._next()
            except Expired:
                write(chunks([expired()]))
                return
            while (muted := self._mood.muted_until - time.monotonic()) > 0:
                time.sleep(min(muted, 1.0))
            if changes:
                write(chunks(change.line for change in changes))
            elif self._bookmarks and not self._over():
                write(chunks([self._bookmark(revision)]))
            self._at = revision

    def _over(self) -> bool:
        dropped = self._generation != self._mood.generation
        return dropped or time.monotonic() >= self._until

    def _next(self) -> tuple[int, list[Change]]:
        until = min(self._until, time.monotonic() + BOOKMARK_SECONDS)
        with self._waiting:
            while True:
                revision, changes = self._cluster.since(self._at) if self._lively else self._none()
                left = until - time.monotonic()
                if changes or left <= 0 or self._over():
                    return revision, changes
                self._waiting.wait(left)

    def _none(self) -> tuple[int, list[Change]]:
        return self._cluster.revision, []

    def _bookmark(self, revision: int) -> bytes:
        metadata = {"resourceVersion": str(revision), "creationTimestamp": None}
        empty = {"kind": self._kind, "apiVersion": self._group_version, "metadata": metadata}
        return json.dumps({"type": "BOOKMARK", "object": empty}).encode() + b"\n"


def expired() -> bytes:
    """Spell the event that tells a client to list again."""
    return b'{"type":"ERROR","object":%b}\n' % discovery.failure(HTTPStatus.GONE, "Expired")
