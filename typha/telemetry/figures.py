"""What one process counts, from its start on.

Plain numbers by family and label value; hot loops count in local variables and put the sums in
once a second.  Goes to the ops process as bytes, whole each time, so nothing is lost when that
was away.  Knows no clock: `turn` is told the time.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from typha.telemetry import families
from typha.telemetry.families import Family, Kind
from typha.telemetry.sketch import Sketch

Values = dict[str, dict[str, float]]  # by family, then by the label's value


class Figures:
    """Counters and gauges by family and label value ("" where there is no label)."""

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self.counters: Values = {}
        self.gauges: Values = {}
        self.summaries: dict[str, dict[str, Sketch]] = {}
        self._now = 0.0

    def turn(self, now: float) -> None:
        """Tell the time (monotonic seconds), about once a second; observations belong to it."""
        self._now = now
        for name, sketches in self.summaries.items():
            age = age_at(families.BY_NAME[name], now)
            for sketch in sketches.values():
                sketch.turn(age)

    def set_counter(self, name: str, label: str, value: float) -> None:
        """Set how often something has happened since the process began."""
        _of_kind(name, Kind.COUNTER)
        self.counters.setdefault(name, {})[label] = value

    def add(self, name: str, label: str = "", amount: float = 1) -> None:
        """Count something that happened, where that is rare."""
        _of_kind(name, Kind.COUNTER)
        values = self.counters.setdefault(name, {})
        values[label] = values.get(label, 0) + amount

    def set_gauge(self, name: str, label: str, value: float) -> None:
        """Set how something is now."""
        _of_kind(name, Kind.GAUGE)
        self.gauges.setdefault(name, {})[label] = value

    def set_gauges(self, name: str, values: Mapping[str, float]) -> None:
        """Set all of a family at once; label values that are not among them vanish."""
        _of_kind(name, Kind.GAUGE)
        self.gauges[name] = dict(values)

    def summary(self, name: str, label: str) -> Sketch:
        """Return the sketch to `observe` with; good for as long as the process lives."""
        family = _of_kind(name, Kind.SUMMARY)
        sketches = self.summaries.setdefault(name, {})
        if label not in sketches:
            sketches[label] = Sketch(family.ages)
            sketches[label].turn(age_at(family, self._now))
        return sketches[label]

    def news(self) -> bytes:
        """Return what, when it differs from before, should be known soon.

        That are counters and gauges: only new observations and the passing of time are none.
        """
        standing = {
            name: values
            for name, values in self.gauges.items()
            if not families.BY_NAME[name].by_clock
        }
        return orjson.dumps([self.counters, standing])

    def to_bytes(self) -> bytes:
        """Return all of it in the form that travels and is kept."""
        plain = {
            "counters": self.counters,
            "gauges": self.gauges,
            "summaries": {
                name: {label: sketch.to_plain() for label, sketch in sketches.items()}
                for name, sketches in self.summaries.items()
            },
        }
        return orjson.dumps(plain)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Figures":
        """Return what `to_bytes` had made bytes of; raises ValueError for anything else."""
        try:
            return cls._from_plain(orjson.loads(data))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("these bytes are no figures") from error

    @classmethod
    def _from_plain(cls, plain: Any) -> "Figures":
        made = cls()
        made.counters = _known(plain["counters"])
        made.gauges = _known(plain["gauges"])
        for name, sketches in _known(plain["summaries"]).items():
            kept = families.BY_NAME[name].ages
            made.summaries[name] = {
                label: Sketch.from_plain(sketch, kept) for label, sketch in sketches.items()
            }
        return made


def age_at(family: Family, now: float) -> int:
    """Return the number of the age that `now` (monotonic seconds) lies in."""
    return int(now // family.age_seconds)


def _of_kind(name: str, kind: Kind) -> Family:
    family = families.BY_NAME[name]
    assert family.kind is kind, name
    return family


def _known(by_name: Any) -> Any:
    """Leave out families that this version does not have."""
    return {name: values for name, values in by_name.items() if name in families.BY_NAME}
