"""The state behind the API server of the benchmarks: objects, revisions and what changed.

Knows no HTTP.  Every method may be called from any thread.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from benchmarks.objects import NEVER, Family

JOINED: Final = 1000  # objects written at once while a list is sent


class Expired(Exception):  # noqa: N818 - the API's own word for it
    """The history before this revision is gone: the client has to list again."""


@dataclass(frozen=True, slots=True)
class Change:
    """One watch event: its revision and its line."""

    revision: int
    line: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """One answer to a list: the objects, and where the next page begins (None: nowhere)."""

    revision: int
    pieces: Iterable[bytes]
    following: int | None


class Cluster:
    """A number of objects of one family; nothing else ever changes in it."""

    def __init__(self, family: Family, count: int) -> None:
        self.family: Final = family
        self.changed: Final = threading.Condition()
        self.first_revision: Final = 1000
        self.revision = self.first_revision + count
        self._stamps: list[tuple[int, int] | None] = [
            (self.first_revision + number, NEVER) for number in range(count)
        ]
        self._spelt: list[bytes] = [
            family.spell(number, self.first_revision + number, NEVER) for number in range(count)
        ]
        self._history: list[Change] = []
        self._forgotten = self.revision  # changes up to here cannot be had from the history

    def __len__(self) -> int:
        """Count the objects, removed ones included."""
        return len(self._stamps)

    def page(self, start: int, limit: int | None) -> Page:
        """List the objects from number `start`, at most `limit` of them."""
        with self.changed:
            spelt = self._spelt if limit is None else self._spelt[start : start + limit]
            objects, revision = [text for text in spelt if text], self.revision
        end = len(self._stamps) if limit is None else start + limit
        return Page(revision, joined(objects), end if end < len(self._stamps) else None)

    def update(self, number: int) -> int:
        """Change an object, creating it if it is gone; returns the marker's time."""
        now = time.time_ns()
        with self.changed:
            self.revision += 1
            kind = b"MODIFIED" if self._spelt[number] else b"ADDED"
            self._stamps[number] = self.revision, now
            self._spelt[number] = text = self.family.spell(number, self.revision, now)
            self._note(kind, text)
            self.changed.notify_all()
        return now

    def remove(self, number: int) -> None:
        """Delete an object; nothing happens if it is gone."""
        with self.changed:
            if stamp := self._stamps[number]:
                self.revision += 1
                self._stamps[number], self._spelt[number] = None, b""
                # A deletion bears the revision at which it happened, in the object's metadata too.
                self._note(b"DELETED", self.family.spell(number, self.revision, stamp[1]))
                self.changed.notify_all()

    def since(self, revision: int) -> tuple[int, list[Change]]:
        """Return the newest revision and all the changes after `revision`.

        Raises Expired if they are no longer known.  The caller holds `changed`.
        """
        if revision < self._forgotten:
            raise Expired
        newer = len(self._history)
        while newer and self._history[newer - 1].revision > revision:
            newer -= 1
        return self.revision, self._history[newer:]

    def forget(self) -> None:
        """Drop the history, as a compaction does."""
        with self.changed:
            self._history.clear()
            self._forgotten = self.revision

    def known(self) -> list[tuple[int, int, int]]:
        """Return number, revision and marker's time of every object that has ever been changed.

        A removed object has revision 0.
        """
        with self.changed:
            return [
                (number, *(stamp or (0, NEVER)))
                for number, stamp in enumerate(self._stamps)
                if stamp is None or stamp[1] != NEVER
            ]

    def _note(self, kind: bytes, text: bytes) -> None:
        line = b'{"type":"%b","object":%b}\n' % (kind, with_kind(self.family, text))
        self._history.append(Change(self.revision, line))


def with_kind(family: Family, text: bytes) -> bytes:
    """Add what a watch event tells of its object and a list of core objects does not."""
    if text.startswith(b'{"apiVersion"'):
        return text
    head = f'{{"apiVersion":"{family.group_version}","kind":"{family.kind}",'
    return head.encode() + text[1:]


def joined(objects: list[bytes]) -> Iterator[bytes]:
    """Spell the members of a JSON array in pieces of moderate size."""
    for start in range(0, len(objects), JOINED):
        yield (b"," if start else b"") + b",".join(objects[start : start + JOINED])
