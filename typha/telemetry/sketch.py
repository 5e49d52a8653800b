"""Quantiles of what was observed lately, cheap to add to and exact to merge.

Values fall into buckets whose borders grow by 1 %, so a quantile is at most 1 % too high; buckets
of several processes are merged by adding.  The recent past is cut into ages on the clock all
processes share, so that ages of different processes are the same stretches of time.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

GROWTH: Final = 1.01
NOTHING: Final = -(1 << 20)  # the bucket of zero and less, below all others
_SCALE: Final = 1.0 / math.log(GROWTH)
_LEAST: Final = 1e-12


def bucket(value: float) -> int:
    """Return the number of the bucket that `value` falls into."""
    return math.ceil(math.log(value) * _SCALE) if value > _LEAST else NOTHING


def upper_border(number: int) -> float:
    """Return the highest value of a bucket, which stands for all in it."""
    return 0.0 if number == NOTHING else GROWTH**number


class Sketch:
    """Count and sum of all observations, and the buckets of those of the last `ages` ages."""

    __slots__ = ("_age", "_head", "_kept", "ages", "count", "total")

    def __init__(self, kept: int = 5) -> None:
        """Keep the last `kept` ages."""
        self._kept = kept
        self._head: dict[int, int] = {}
        self._age = 0
        self.ages: dict[int, dict[int, int]] = {0: self._head}
        self.count = 0
        self.total = 0.0

    def turn(self, age: int) -> None:
        """Begin the age with this number, if it is a new one, and forget those out of reach."""
        if age != self._age:
            self._age = age
            self._head = self.ages.setdefault(age, {})
            for old in [old for old in self.ages if old <= age - self._kept]:
                del self.ages[old]

    def observe(self, value: float, weight: int = 1) -> None:
        """Count a value, `weight` times over."""
        number = math.ceil(math.log(value) * _SCALE) if value > _LEAST else NOTHING
        self._head[number] = self._head.get(number, 0) + weight
        self.count += weight
        self.total += value * weight

    def merge(self, other: "Sketch") -> None:
        """Add all that another sketch holds."""
        self.count += other.count
        self.total += other.total
        for age, buckets in other.ages.items():
            mine = self.ages.setdefault(age, {})
            for number, weight in buckets.items():
                mine[number] = mine.get(number, 0) + weight

    def quantiles(self, shares: Sequence[float], age: int) -> list[float]:
        """Return the values below which these (rising) shares lie, seen from `age`.

        NaN for all when nothing was observed within the ages kept, as Prometheus has it.
        """
        buckets: dict[int, int] = {}
        for past, found in self.ages.items():
            if past > age - self._kept:
                for number, weight in found.items():
                    buckets[number] = buckets.get(number, 0) + weight
        return list(_at_shares(sorted(buckets.items()), shares))

    def to_plain(self) -> list[object]:
        """Return the sketch as JSON has it."""
        ages = {
            str(age): [part for pair in found.items() for part in pair]
            for age, found in self.ages.items()
            if found
        }
        return [self.count, self.total, ages]

    @classmethod
    def from_plain(cls, plain: Sequence[object], kept: int = 5) -> "Sketch":
        """Return what `to_plain` had made a value of."""
        made = cls(kept)
        made.count, made.total, ages = plain  # type: ignore[assignment]  # as to_plain wrote it
        assert isinstance(ages, dict)
        for age, flat in ages.items():
            made.ages[int(age)] = dict(zip(flat[::2], flat[1::2], strict=True))
        return made


def _at_shares(buckets: Iterable[tuple[int, int]], shares: Sequence[float]) -> Iterator[float]:
    """Yield the upper border of the bucket each of the rising shares ends in."""
    known = list(buckets)
    everything = sum(weight for _number, weight in known)
    passing = iter(known)
    below, number = 0, NOTHING
    for share in shares:
        while below < share * everything:
            number, weight = next(passing)
            below += weight
        yield upper_border(number) if everything else math.nan
