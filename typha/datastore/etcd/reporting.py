"""How each kind's stream stands, as reports: when that changes, and once in a while as it goes on.

Knows no clock: moments come in as arguments.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from typha.datastore.etcd.kinds import Kind
from typha.datastore.ports import StreamReport, StreamState

REPORT_SECONDS: Final = 1.0  # between two reports that say the same


@dataclass(slots=True)
class Reporting:
    """The last report of each kind."""

    _last: dict[Kind, StreamReport] = field(default_factory=dict)
    _told_at: dict[Kind, float] = field(default_factory=dict)

    def listing(self, kind: Kind, now: float) -> list[StreamReport]:
        """Note that a kind is being listed, for the first time or again."""
        before = self._of(kind)
        relists = before.relists + bool(before.revision)
        listing = replace(
            before, state=StreamState.LISTING, error="", relists=relists, failing_since=0.0
        )
        return self._turn(kind, listing, now)

    def alive(self, kind: Kind, revision: int, now: float) -> list[StreamReport]:
        """Note a proof of life: a complete list, an event, or an answer on the stream."""
        watching = StreamReport(
            resource=kind.resource,
            state=StreamState.WATCHING,
            revision=str(revision),
            relists=self._of(kind).relists,
            alive_at=now,
        )
        return self._turn(kind, watching, now)

    def trouble(
        self, kinds: Iterable[Kind], state: StreamState, error: str, now: float
    ) -> list[StreamReport]:
        """Note that some kinds are refused from now on, or were lost after their last proof."""
        reports = []
        for kind in kinds:
            before = self._of(kind)
            since = before.alive_at if state is StreamState.FAILING else 0.0
            lost = replace(before, state=state, error=error, failing_since=since)
            reports += self._turn(kind, lost, now)
        return reports

    def _of(self, kind: Kind) -> StreamReport:
        unknown = StreamReport(resource=kind.resource, state=StreamState.LISTING)
        return self._last.get(kind, unknown)

    def _turn(self, kind: Kind, report: StreamReport, now: float) -> list[StreamReport]:
        """Give the report if it says something new, or the last one was given long ago."""
        before = self._last.get(kind)
        self._last[kind] = report
        same = before is not None and _gist(before) == _gist(report)
        if same and now - self._told_at[kind] < REPORT_SECONDS:
            return []
        self._told_at[kind] = now
        return [report]


def _gist(report: StreamReport) -> tuple[StreamState, str, int]:
    """Return what is worth a report at once."""
    return report.state, report.error, report.relists
