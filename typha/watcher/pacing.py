"""When the next frame may leave.  Knows no clock: moments come in as arguments.

The first update after an idle moment leaves at once.  After a frame the next one waits as long as
the slowest worker took to fan that one out, times the KVs in it (between 3 and 12): so a busy
server sends fewer, fuller frames, and a calm one loses no time.
"""

from typing import Final

FEWEST: Final = 3
MOST: Final = 12


class Pacer:
    """The spacing of one syncer's frames."""

    def __init__(self, longest_seconds: float) -> None:
        """Start with nothing published."""
        self._longest = longest_seconds
        self._published_at = float("-inf")
        self._count = 0

    def published(self, now: float, count: int) -> None:
        """Note that a frame of `count` KVs left."""
        self._published_at = now
        self._count = count

    def next_at(self, fan_out_seconds: float) -> float:
        """Tell when the next frame may leave, given how long the last one took to fan out."""
        spacing = fan_out_seconds * min(max(self._count, FEWEST), MOST)
        return self._published_at + min(spacing, self._longest)
