"""How old what the server says may be, resource by resource.  Knows no clock.

A stream proves that it is alive by an event, a bookmark or an answered probe.  One that is failing
is stale after `stale_seconds`; one that is merely silent after `silent_seconds`.
"""

from typha.datastore.ports import StreamReport, StreamState

WORKING = frozenset({StreamState.LISTING, StreamState.WATCHING, StreamState.MISSING})


class Freshness:
    """The streams as they last reported."""

    def __init__(self, stale_seconds: float, silent_seconds: float) -> None:
        """Take the limits of streams that fail and of streams that say nothing."""
        self._stale_seconds = stale_seconds
        self._silent_seconds = silent_seconds
        self._reports: dict[str, StreamReport] = {}

    def take(self, report: StreamReport) -> None:
        """Note how a stream stands."""
        self._reports[report.resource] = report

    def silence(self, now: float) -> dict[str, float]:
        """Tell, by resource, the seconds since the last proof of life."""
        return {
            resource: max(0.0, now - report.alive_at) if report.alive_at else 0.0
            for resource, report in self._reports.items()
        }

    def stale(self, now: float) -> list[str]:
        """Name the resources of which the server may know less than the datastore."""
        return [
            resource for resource, age in self.silence(now).items() if self._is_old(resource, age)
        ]

    def _is_old(self, resource: str, age: float) -> bool:
        working = self._reports[resource].state in WORKING
        return age > (self._silent_seconds if working else self._stale_seconds)

    def is_cut_off(self, now: float) -> bool:
        """Tell whether the datastore as a whole is out of reach, not just a resource or two."""
        return 2 * len(self.stale(now)) > len(self._reports)

    def relists(self) -> dict[str, int]:
        """Tell, by resource, how often it was listed again."""
        return {resource: report.relists for resource, report in self._reports.items()}

    def described(self, now: float) -> list[dict[str, object]]:
        """Tell about each stream, for people."""
        stale = set(self.stale(now))
        silence = self.silence(now)
        return [
            {
                "resource": resource,
                "state": report.state.value,
                "revision": report.revision,
                "silent_seconds": round(silence[resource], 1),
                "relists": report.relists,
                "error": report.error,
                "stale": resource in stale,
            }
            for resource, report in sorted(self._reports.items())
        ]
