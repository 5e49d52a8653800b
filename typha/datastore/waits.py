"""How long to wait before asking again: the figures, and how waits grow.  Pure."""

from typing import Final, NamedTuple


class Growth(NamedTuple):
    """A wait that doubles from `first` up to `longest` seconds."""

    first: float
    longest: float

    def seconds(self, failures: int, chance: float) -> float:
        """Give the wait after so many failures in a row: none after 0.

        `chance`, from 0 to 1, shortens it, so that many who failed together do not return so.
        """
        if failures <= 0:
            return 0.0
        return float(min(self.longest, self.first * 2 ** min(failures - 1, 10))) * (
            1 - JITTER * chance
        )


JITTER: Final = 0.4  # of a wait is left to chance
SPACING_SECONDS: Final = 0.5  # between two attempts of one resource, as in the original
MISSING_SECONDS: Final = 30.0  # until an API that is not there is looked for again
FORBIDDEN: Final = Growth(8.5, 30.0)  # never twice within 5 s, whatever chance says
TROUBLE: Final = Growth(1.0, 4.0)  # so that all is fresh within 5 s of the server's recovery
