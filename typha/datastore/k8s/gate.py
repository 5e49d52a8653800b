"""When one endpoint may be asked, by all streams together.  Pure: time and chance come in.

While the API server is away one attempt at a time is made, ever more slowly; the first answer lets
everybody through again.
"""

from dataclasses import dataclass
from typing import Final

from typha.datastore import waits

# Two attempts a second at most once it has been away for some seconds, and back within two.
AWAY: Final = waits.Growth(0.25, 2.0)
DEFAULT_BURST: Final = 100  # of the Go client, where only a rate is configured


@dataclass(slots=True)
class Gate:
    """Whether the endpoint answers, and when it may be asked next."""

    away_since: float | None = None
    _failures: int = 0
    _next_at: float = 0.0
    _trying: bool = False  # the one attempt is being made

    def wait(self, now: float) -> float:
        """Say how many seconds to wait before asking whether to try; 0 means go ahead now."""
        if self.away_since is None:
            return 0.0
        if self._trying or now < self._next_at:
            return max(self._next_at - now, AWAY.first)
        self._trying = True
        return 0.0

    def answered(self) -> bool:
        """Note an answer of any kind; say whether it ends an absence."""
        was_away = self.away_since is not None
        self.away_since, self._failures, self._trying = None, 0, False
        return was_away

    def failed(self, began: float, now: float, chance: float) -> bool:
        """Note an attempt, begun at `began`, that met nobody; say whether it is news."""
        if self.away_since is not None and began < self.away_since:
            return False  # one of many that were under way when the first failed
        if self.away_since is None:
            self.away_since = now
        self._failures += 1
        self._trying = False
        self._next_at = now + AWAY.seconds(self._failures, chance)
        return True


@dataclass(slots=True)
class Throttle:
    """At most `rate` requests a second in the long run, `burst` at once; no rate is no limit."""

    rate: float
    burst: int
    _tokens: float = 0.0
    _at: float | None = None

    def wait(self, now: float) -> float:
        """Say how many seconds to wait before asking again; 0 means that this one may go."""
        if not self.rate:
            return 0.0
        full = float(self.burst or DEFAULT_BURST)
        gained = full if self._at is None else (now - self._at) * self.rate
        self._tokens, self._at = min(full, self._tokens + gained), now
        if self._tokens < 1:
            return (1 - self._tokens) / self.rate
        self._tokens -= 1
        return 0.0
