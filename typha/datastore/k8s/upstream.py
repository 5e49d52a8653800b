"""Whether the API server as a whole answers, and what that means for what its streams report.

While it does not, no stream is believed to be fresh, whatever it last said.
"""

import threading
from dataclasses import replace

from typha.datastore.ports import Event, Inbox, StreamReport, StreamState


class Upstream:
    """An inbox for the streams of one API server, in front of the real one."""

    def __init__(self, inbox: Inbox) -> None:
        """Take the inbox that everything goes into."""
        self._inbox = inbox
        self._lock = threading.Lock()
        self._reports: dict[str, StreamReport] = {}
        self._trouble = ""
        self._answered_at = 0.0

    def put(self, event: Event) -> None:
        """Pass an event on; a report as the state of the whole allows."""
        if not isinstance(event, StreamReport):
            self._inbox.put(event)
            return
        with self._lock:  # also while it is put: what is shown later has to arrive later
            self._reports[event.resource] = event
            self._inbox.put(self._shown(event))

    def forbidden(self) -> frozenset[str]:
        """Name the resources that we may not read."""
        with self._lock:
            return frozenset(
                resource
                for resource, report in self._reports.items()
                if report.state is StreamState.FORBIDDEN
            )

    def answered(self, now: float) -> None:
        """Note that the API server, and its datastore, gave an answer."""
        self._turn("", now)

    def failed(self, trouble: str) -> None:
        """Note that they gave none."""
        self._turn(trouble, None)

    def _turn(self, trouble: str, now: float | None) -> None:
        with self._lock:
            changed = trouble != self._trouble
            self._trouble = trouble
            self._answered_at = self._answered_at if now is None else now
            for report in self._reports.values() if changed else ():
                self._inbox.put(self._shown(report))

    def _shown(self, report: StreamReport) -> StreamReport:
        if not self._trouble:
            return report
        alive_at = min(report.alive_at, self._answered_at)
        return replace(
            report,
            state=StreamState.FAILING,
            error=self._trouble,
            alive_at=alive_at,
            failing_since=self._answered_at,
        )
