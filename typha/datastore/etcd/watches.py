"""What is watched over one stream, and from where each watch goes on.  Pure.

A kind is first listed, then watched from the revision after its list, over as many streams as it
takes; it is listed again only when etcd no longer keeps what came after, or has another history.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from typha.datastore import ports
from typha.datastore.etcd import codec, kinds
from typha.datastore.etcd.kinds import Kind


class Heard(NamedTuple):
    """Some kinds are known to be alive; the events are to be delivered."""

    alive: list[Kind]
    events: list[ports.Event]


class Compacted(NamedTuple):
    """A kind's past is no longer kept: it is to be listed again."""

    kind: Kind


class Refused(NamedTuple):
    """A kind's watch is not granted, or was taken back."""

    kind: Kind
    reason: str


@dataclass(slots=True)
class Watches:
    """The watches of one datastore, by kind."""

    _next: dict[Kind, int] = field(default_factory=dict)  # revision each watch goes on from
    _asked: deque[Kind] = field(default_factory=deque)  # on this stream, not yet answered
    _granted: dict[int, Kind] = field(default_factory=dict)  # by watch id, on this stream
    _history: codec.Header = field(default_factory=codec.Header)

    def is_listed(self, kind: Kind) -> bool:
        """Tell whether a kind can be watched, or has to be listed first."""
        return kind in self._next

    def revision(self, kind: Kind) -> int:
        """Return the last revision known of a kind; 0 before its list."""
        return self._next.get(kind, 1) - 1

    def meet(self, header: codec.Header) -> bool:
        """Note who answers now, from a linearizable read; tell if it has another history.

        Then, for instance after a restore from a backup, everything is to be listed again: watches
        would wait for revisions that come a second time, with other contents.
        """
        before, self._history = self._history, header
        if header.cluster_id == before.cluster_id or not before.cluster_id:
            reached = max(self._next.values(), default=1) - 1
            if header.raft_term >= before.raft_term and header.revision >= reached:
                return False
        self._next.clear()
        return True

    def listed(self, kind: Kind, revision: int) -> None:
        """Note that a kind is complete as of a revision."""
        self._next[kind] = revision + 1

    def reopen(self) -> Iterator[bytes]:
        """Begin a new stream: give the requests that put every listed kind on it."""
        self._asked.clear()
        self._granted.clear()
        for kind in self._next:
            yield self.request(kind)

    def request(self, kind: Kind) -> bytes:
        """Give the request that puts a listed kind on the present stream."""
        self._asked.append(kind)
        return codec.watch_create(kind.prefix.encode(), self._next[kind])

    def take(self, response: codec.WatchResponse) -> Heard | Compacted | Refused | None:
        """Take one message; None for what concerns no watch of ours any more."""
        if response.created:
            return self._take_answer(response)
        if response.watch_id == codec.PROGRESS_WATCH_ID:
            return Heard(list(self._granted.values()), [])
        kind = self._granted.get(response.watch_id)
        if kind is None:
            return None
        if response.canceled:
            return self._take_end(kind, response)
        events = [event for change in response.changes for event in kinds.changed(kind, change)]
        self._advance(kind, response)
        return Heard([kind], events)

    def _take_answer(self, response: codec.WatchResponse) -> Heard | Compacted | Refused | None:
        """Take the answer to a request; they come in the order of the requests."""
        if not self._asked:
            return None
        kind = self._asked.popleft()
        if response.canceled:
            return self._take_end(kind, response)
        self._granted[response.watch_id] = kind
        return Heard([kind], [])

    def _take_end(self, kind: Kind, response: codec.WatchResponse) -> Compacted | Refused:
        self._granted.pop(response.watch_id, None)
        if not response.compact_revision:
            return Refused(kind, response.cancel_reason or "the watch was canceled")
        self._next.pop(kind, None)
        return Compacted(kind)

    def _advance(self, kind: Kind, response: codec.WatchResponse) -> None:
        """Note how far a kind is known.

        A fragment may end within a revision, whose rest must not be missed if the stream ends
        here.  A message without changes is progress: nothing up to the store's revision is left.
        """
        if response.changes:
            last = response.changes[-1].entry.mod_revision
            reached = last if response.fragment else last + 1
        else:
            reached = response.header.revision + 1
        self._next[kind] = max(self._next[kind], reached)
