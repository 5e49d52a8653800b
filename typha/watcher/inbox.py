"""Where the datastore's threads leave their events for the one thread that owns all state."""

import os
import threading
import time
from collections import deque
from typing import Final

from typha.datastore.ports import Event, Listed

LARGEST_BACKLOG: Final = 1024  # changes; a source that is faster waits
LISTED_WEIGHT: Final = 4  # of a list's object: a source is far ahead, and all that waits is memory


class Inbox:
    """A bounded queue with a descriptor to poll."""

    def __init__(self) -> None:
        """Start empty."""
        self.descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._events: deque[tuple[float, Event]] = deque()
        self._objects = 0  # in the events: a part of a list weighs what it holds
        self._room = threading.Condition()

    def put(self, event: Event) -> None:
        """Take one event; blocks while the backlog is full."""
        with self._room:
            while self._objects >= LARGEST_BACKLOG:
                self._room.wait()
            self._objects += _weight(event)
            self._events.append((time.monotonic(), event))
            if len(self._events) == 1:
                os.eventfd_write(self.descriptor, 1)

    def take(self, most: int) -> list[tuple[float, Event]]:
        """Give up to `most` events with the moment each came in, oldest first.

        No more follow one that weighs as much: a list's parts come one by one.
        """
        taken: list[tuple[float, Event]] = []
        with self._room:
            weight = 0
            while self._events and weight < most:
                taken.append(self._events.popleft())
                weight += _weight(taken[-1][1])
            self._objects -= weight
            if not self._events:
                self._clear()
            self._room.notify_all()
        return taken

    def _clear(self) -> None:
        try:
            os.eventfd_read(self.descriptor)
        except BlockingIOError:
            return


def _weight(event: Event) -> int:
    return max(1, len(event.objects) * LISTED_WEIGHT) if isinstance(event, Listed) else 1
