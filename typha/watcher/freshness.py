"""How old what the server says may be, resource by resource.  Knows no clock.

A stream proves that it is alive by an event, a bookmark or an answered probe.  One that is failing
for `stale_seconds` is stale, and so is one that has said nothing for `silent_seconds`.  A pause of
this process counts as well: what it knows has become as old as that.
"""

from collections.abc import Sized

from typha.datastore.ports import WORKING, StreamReport
from typha.telemetry import layouts


class Freshness:
    """The streams as they last reported."""

    def __init__(self, stale_seconds: float, silent_seconds: float) -> None:
        """Take the limits of streams that fail and of streams that say nothing."""
        self._stale_seconds = stale_seconds
        self._silent_seconds = silent_seconds
        self._reports: dict[str, StreamReport] = {}
        self._known_since: dict[str, float] = {}
        self._failing_since: dict[str, float] = {}

    def take(self, report: StreamReport, now: float) -> None:
        """Note how a stream stands."""
        resource = report.resource
        self._reports[resource] = report
        self._known_since.setdefault(resource, now)
        if report.state in WORKING:
            self._failing_since.pop(resource, None)
        else:
            since = report.failing_since or now
            self._failing_since[resource] = min(since, self._failing_since.get(resource, since))

    def silence(self, now: float) -> dict[str, float]:
        """Tell, by resource, the seconds since the last proof of life, or since it was begun."""
        return {
            resource: max(0.0, now - (report.alive_at or self._known_since[resource]))
            for resource, report in self._reports.items()
        }

    def stale(self, now: float) -> list[str]:
        """Name the resources of which the server may know less than the datastore."""
        return [
            resource
            for resource, silent in self.silence(now).items()
            if silent > self._silent_seconds
            or now - self._failing_since.get(resource, now) > self._stale_seconds
        ]

    def is_cut_off(self, stale: Sized) -> bool:
        """Tell whether so many `stale` ones mean that the datastore as a whole is out of reach."""
        return 2 * len(stale) > len(self._reports)

    def relists(self) -> dict[str, int]:
        """Tell, by resource, how often it was listed again."""
        return {resource: report.relists for resource, report in self._reports.items()}

    def described(self, now: float) -> list[dict[str, object]]:
        """Tell about each stream, for people; also where an error names a path that is no text."""
        stale = set(self.stale(now))
        silence = self.silence(now)
        return [
            {
                "resource": resource,
                "state": report.state.value,
                "revision": report.revision,
                "silent_seconds": round(silence[resource], 1),
                "relists": report.relists,
                "error": layouts.escaped(report.error),
                "stale": resource in stale,
            }
            for resource, report in sorted(self._reports.items())
        ]
