"""What all processes have counted, as the server's: the dead ones included.

A process that comes back counts from zero, so what its predecessor had counted is kept under the
post's name and added.  Knows no files and no sockets: `archive` keeps what is here.

Figures come far more often than anybody looks at them, so they are read when somebody does.
"""

import logging
import threading
from collections.abc import Iterable, Mapping
from typing import NamedTuple, assert_never

from typha.telemetry import families
from typha.telemetry.families import Merge
from typha.telemetry.figures import Figures
from typha.telemetry.sketch import Sketch

log = logging.getLogger(__name__)


class Sender(NamedTuple):
    """A process: the post it fills, and which of those that filled it."""

    name: str
    pid: int

    @classmethod
    def parse(cls, text: str) -> "Sender":
        """Return the sender that calls itself so; raises ValueError."""
        name, _, pid = text.rpartition("/")
        return cls(name, int(pid))

    def spell(self) -> str:
        """Return how it calls itself."""
        return f"{self.name}/{self.pid}"


class Ledger:
    """The newest figures of every process, and the sums of those that are gone."""

    def __init__(self) -> None:
        """Begin empty."""
        self._lock = threading.Lock()  # scrapes read on threads of their own
        self.newest: dict[Sender, Figures] = {}
        self._unread: dict[Sender, bytes] = {}  # newer ones
        self.retired: dict[str, Figures] = {}  # by post
        self.settled: set[Sender] = set()  # who is in `retired`

    def take(self, sender: Sender, figures: Figures) -> None:
        """Note what a process has counted so far; figures of one that is settled come too late."""
        with self._lock:
            if sender not in self.settled:
                self.newest[sender] = figures
                self._unread.pop(sender, None)

    def take_unread(self, sender: Sender, figures: bytes) -> None:
        """Note the same as bytes, of which it turns out later what is in them."""
        with self._lock:
            if sender not in self.settled:
                self._unread[sender] = figures

    def _read(self) -> None:
        for sender, figures in self._unread.items():
            try:
                self.newest[sender] = Figures.from_bytes(figures)
            except ValueError as error:  # only a process of another version could send it
                log.warning("figures ignored", extra={"sender": sender.name, "error": error})
        self._unread.clear()

    def retire(self, living: Iterable[Sender]) -> dict[Sender, Figures]:
        """Add the figures of those not living to their posts; return what they last reported."""
        there = set(living)
        with self._lock:
            if not (self.newest.keys() | self._unread.keys()) - there:
                return {}
            self._read()
            away = sorted(self.newest.keys() - there)
            gone = {sender: self.newest.pop(sender) for sender in away}
            for sender, figures in gone.items():
                add(self.retired.setdefault(sender.name, Figures()), figures, gauges=False)
                self.settled.add(sender)
        return gone

    def whole(self) -> Figures:
        """Return the figures of the server."""
        total = Figures()
        with self._lock:
            self._read()
            for figures in self.retired.values():
                add(total, figures, gauges=False)
            for figures in self.newest.values():
                add(total, figures)
        return total

    def of_post(self, name: str) -> Figures:
        """Return the figures of one post, all that filled it taken together."""
        total = Figures()
        with self._lock:
            self._read()
            if name in self.retired:
                add(total, self.retired[name], gauges=False)
            for sender, figures in self.newest.items():
                if sender.name == name:
                    add(total, figures)
        return total


def add(total: Figures, part: Figures, *, gauges: bool = True) -> None:
    """Add one process's figures to a sum."""
    for name, values in part.counters.items():
        _merge(total.counters.setdefault(name, {}), values, Merge.SUM)
    if gauges:
        for name, values in part.gauges.items():
            _merge(total.gauges.setdefault(name, {}), values, families.BY_NAME[name].merge)
    for name, sketches in part.summaries.items():
        kept = families.BY_NAME[name].ages
        merged = total.summaries.setdefault(name, {})
        for label, sketch in sketches.items():
            merged.setdefault(label, Sketch(kept)).merge(sketch)


def _merge(into: dict[str, float], values: Mapping[str, float], rule: Merge) -> None:
    for label, value in values.items():
        known = into.get(label)
        if known is None:
            into[label] = value
        else:
            into[label] = _merged(known, value, rule)


def _merged(one: float, other: float, rule: Merge) -> float:
    match rule:
        case Merge.SUM:
            return one + other
        case Merge.HIGHEST:
            return max(one, other)
        case Merge.LOWEST:
            return min(one, other)
        case _:
            assert_never(rule)
