"""Values that were found to need no change, so that the next look at them is a look into a set.

Policies name the same nets and ports again and again.  Knows nothing of either.
"""

from collections.abc import Collection, Hashable
from typing import Final

MOST: Final = 4096  # values; beyond that all are forgotten, and learnt anew


class Familiar:
    """A bounded set of such values; what equals another must be as good as that."""

    __slots__ = ("_values", "has_all")

    def __init__(self) -> None:
        """Know nothing yet."""
        self._values: set[Hashable] = set()
        self.has_all = self._values.issuperset  # raises TypeError for what cannot be in a set

    def learn(self, values: Collection[Hashable]) -> None:
        """Know these from now on."""
        if len(self._values) + len(values) > MOST:
            self._values.clear()
        if len(values) <= MOST:
            self._values.update(values)
