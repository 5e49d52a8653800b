"""How many bytes of snapshots may leave: a bucket that fills at a rate.  Knows no clock.

Clients that are told changes are not held up by it: a late change costs a cluster more than a late
newcomer.
"""

from typing import Final

DEPTH_SECONDS: Final = 0.1  # of the rate are saved up at most, so that a link sees no bursts
PIECE_BYTES: Final = 128 * 1024  # what leaves at once, so the least that it pays to wait for


class Egress:
    """One worker's part of the server's rate; a rate of 0 is no limit."""

    def __init__(self, bytes_per_second: int) -> None:
        """Start with a full bucket."""
        self._rate = float(bytes_per_second)
        self._sharers = 1
        self._tokens = self._depth
        self._filled_at = float("-inf")

    @property
    def is_limited(self) -> bool:
        """Tell whether there is a rate at all."""
        return self._rate > 0

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing may leave now."""
        return self.is_limited and self._tokens <= 0

    @property
    def _depth(self) -> float:
        return max(self._rate / self._sharers * DEPTH_SECONDS, PIECE_BYTES)

    def fill(self, now: float, sharers: int) -> None:
        """Add what the time since the last call is worth, the rate being shared by so many."""
        passed = min(now - self._filled_at, 1.0)
        self._filled_at = now
        self._sharers = max(1, sharers)
        fresh = self._tokens + passed * self._rate / self._sharers
        self._tokens = min(fresh, self._depth)

    def take(self, size: int) -> bool:
        """Take bytes out, unless the bucket is empty; what is lacking is owed."""
        if self._rate <= 0:
            return True
        if self._tokens <= 0:
            return False
        self._tokens -= size
        return True

    def empty_for(self) -> float:
        """Tell the seconds until something may leave again."""
        if not self.is_empty:
            return 0.0
        return -self._tokens * self._sharers / self._rate


UNLIMITED: Final = Egress(0)
