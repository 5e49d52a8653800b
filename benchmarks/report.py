"""What a scenario found, and how it is printed."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from benchmarks.arrivals import BUCKET_NANOSECONDS

Number = float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One scenario's figures.  None: the scenario has no such figure."""

    scenario: str
    clients: int
    workers: int
    kvs: int
    rate: Number = None  # updates a second
    cpu_s: Number = None  # of the server's process tree
    cpu_us_per_kv_client: Number = None
    floor_us_per_kv_client: Number = None  # of the bare send loop for the same bytes
    ratio_to_floor: Number = None
    p50_ms: Number = None  # from the datastore's event to the client that has read the KV
    p90_ms: Number = None
    p99_ms: Number = None
    max_ms: Number = None
    pss_mib: Number = None
    wall_s: Number = None
    wrong: int = 0
    missing: int = 0

    def line(self) -> str:
        """Spell the row as JSON."""
        return json.dumps({name: tidy(value) for name, value in asdict(self).items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A row, and what the plot shows besides."""

    row: Row
    latency: Counter[int] = field(default_factory=Counter)  # bucket of 50 us -> KVs
    cpu_by_process: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


HEADINGS: Final = {
    "scenario": "scenario",
    "clients": "clients",
    "kvs": "KVs",
    "rate": "KV/s",
    "cpu_s": "CPU s",
    "cpu_us_per_kv_client": "us/KV/client",
    "floor_us_per_kv_client": "floor us",
    "ratio_to_floor": "x floor",
    "p50_ms": "p50 ms",
    "p90_ms": "p90 ms",
    "p99_ms": "p99 ms",
    "max_ms": "max ms",
    "pss_mib": "PSS MiB",
    "wall_s": "wall s",
    "wrong": "wrong",
    "missing": "missing",
}
assert set(HEADINGS) | {"workers"} == {one.name for one in fields(Row)}


def tidy(value: object) -> object:
    """Round a figure to what it is worth."""
    if isinstance(value, float):
        return round(value, 1 if abs(value) >= 100 else 3)  # noqa: PLR2004 - a matter of looks
    return value


def percentiles(buckets: Counter[int]) -> dict[str, Any]:
    """Read p50, p90, p99 and the largest latency, in milliseconds, off a distribution."""
    total = sum(buckets.values())
    wanted = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "max_ms": 1.0}
    found: dict[str, Number] = dict.fromkeys(wanted)
    seen = 0
    for bucket in sorted(buckets):
        seen += buckets[bucket]
        for name, part in wanted.items():
            if found[name] is None and seen >= part * total:
                # A change and its arrival each lie somewhere in their own bucket.
                found[name] = max(bucket, 0) * BUCKET_NANOSECONDS / 1e6
    return found


def table(rows: list[Row]) -> str:
    """Lay the rows out for a terminal."""
    cells = [list(HEADINGS.values())]
    for row in rows:
        figures = {name: tidy(value) for name, value in asdict(row).items()}
        cells.append(["-" if figures[n] is None else str(figures[n]) for n in HEADINGS])
    return align(cells)


def align(cells: list[list[str]]) -> str:
    """Put cells into columns: the first to the left, numbers to the right."""
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )
