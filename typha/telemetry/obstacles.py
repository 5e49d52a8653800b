"""When the log tells of what is in the way: at once, and again while it lasts, not at every try.

Knows no clock and no log: whoever meets an obstacle passes now in, and says it himself.
"""

from collections.abc import Hashable
from typing import Final

REMIND_SECONDS: Final = 60.0  # between two lines on the same obstacle


class Obstacles:
    """What has been in the way of one thing since it last went well."""

    def __init__(self) -> None:
        """Begin with a way that is clear."""
        self._silent_until: dict[Hashable, float] = {}  # by obstacle: two may take turns

    def is_to_be_said(self, obstacle: Hashable, now: float) -> bool:
        """Note an obstacle that was met; tell whether it is new, or it is time to remind of it."""
        if now < self._silent_until.get(obstacle, now):
            return False
        current = ((each, until) for each, until in self._silent_until.items() if now < until)
        self._silent_until = {**dict(current), obstacle: now + REMIND_SECONDS}
        return True

    def clear(self) -> bool:
        """Note that it went well; tell whether anything had been in the way."""
        was_blocked = bool(self._silent_until)
        self._silent_until = {}
        return was_blocked
