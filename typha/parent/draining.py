"""How fast a server that is told to end sheds its connections.

Pure: time and chance come in as arguments.  The rule is the original's: spread over 95 % of the
time allowed, at most `longest_interval` between two, each interval a little random so that the
clients of several servers do not move in step.
"""

from collections.abc import Sequence
from typing import Final

SPREAD: Final = 0.95  # of the time allowed; the rest is for what is slow to close
LEAST_OF_INTERVAL: Final = 0.95
JITTER_OF_INTERVAL: Final = 0.10


class Drain:
    """The schedule of one shutdown."""

    def __init__(
        self, connections: int, *, timeout: float, longest_interval: float, now: float
    ) -> None:
        """Plan to shed `connections` within `timeout` seconds from `now`."""
        self.deadline = now + timeout
        self._interval = min(timeout * SPREAD / max(connections, 1), longest_interval)
        self._next = now + self._interval * LEAST_OF_INTERVAL
        self._over = connections == 0

    def is_over(self) -> bool:
        """Return whether every connection has been told to go."""
        return self._over

    def due_in(self, now: float) -> float:
        """Return the seconds until `take` is worth calling."""
        return max(0.0, min(self._next, self.deadline) - now)

    def take(self, now: float, active: int, chance: float) -> int:
        """Return how many of the `active` connections to close now.

        `chance` is a random number of [0, 1).  With one or none left, or no time left, all go and
        the drain is over.
        """
        if active == 0 or now >= self.deadline:
            self._over = True
            return active
        closing = 0
        while self._next <= now and not self._over:
            self._over = active - closing <= 1
            closing += 1
            pause = LEAST_OF_INTERVAL + JITTER_OF_INTERVAL * chance
            self._next += self._interval * pause
        return min(closing, active)


def share(closing: int, held: Sequence[int]) -> list[int]:
    """Share `closing` connections out over workers that hold so many each, the fullest first."""
    left = list(held)
    for _ in range(min(closing, sum(held))):
        left[left.index(max(left))] -= 1
    return [before - after for before, after in zip(held, left, strict=True)]
