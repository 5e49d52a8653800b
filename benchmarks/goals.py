"""What this project wants to reach, run by run, and whether a run reached it.

The original's figures were taken end to end, with the same load, on two cores shared with it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.report import Row, align, tidy

Figure = Callable[["Rows"], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One server, and what is done to it in turn: scenarios, churn with its rate as `churn@R`."""

    name: str
    scenarios: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)


LEGS: Final = (
    Leg(
        name="10k",
        scenarios=(
            *("start", "storm", "idle", "lone", "churn@100", "churn@1000", "burst"),
            "stuck@1000",
        ),
        options={"clients": 600, "kvs": 10_000},
    ),
    Leg(
        name="100k",
        scenarios=("start", "storm", "churn@100"),
        options={"clients": 600, "kvs": 100_000},
    ),
    Leg(
        name="5000",
        scenarios=("idle", "churn@100"),
        options={"clients": 5_000, "kvs": 10_000},
    ),
)


class Rows:
    """The rows of a suite, by leg and scenario."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Row] = {}

    def add(self, leg: str, scenario: str, row: Row) -> None:
        """Keep a row."""
        self._rows[leg, scenario] = row

    def figure(self, leg: str, scenario: str, name: str) -> float | None:
        """Return one figure; None if the scenario was not run or has none."""
        row = self._rows.get((leg, scenario))
        found: float | None = getattr(row, name) if row else None
        return found

    def all(self) -> list[Row]:
        """Return all rows in the order in which they were run."""
        return list(self._rows.values())


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure that is not to exceed a limit."""

    what: str
    original: str
    limit: float
    figure: Figure

    def verdict(self, rows: Rows) -> tuple[str, str]:
        """Return the figure as text, and whether it is good enough."""
        figure = self.figure(rows)
        if figure is None:
            return "-", "not run"
        return str(tidy(figure)), "reached" if figure <= self.limit else "missed"


def at(leg: str, scenario: str, name: str) -> Figure:
    """Make a goal's figure: the column of a row."""
    return lambda rows: rows.figure(leg, scenario, name)


def ratio(above: Figure, below: Figure) -> Figure:
    """Make a goal's figure: one figure by another."""

    def divide(rows: Rows) -> float | None:
        dividend, divisor = above(rows), below(rows)
        return dividend / divisor if dividend is not None and divisor else None

    return divide


def worst(name: str) -> Figure:
    """Make a goal's figure: the sum of a column that ought to be zero."""
    return lambda rows: float(sum(getattr(row, name) for row in rows.all()))


COST: Final = "cpu_us_per_kv_client"
GOALS: Final = (
    Goal("churn 1000/s, us per KV and client", "2.1", 0.7, at("10k", "churn@1000", COST)),
    Goal("churn 1000/s, p50 ms", "36", 30, at("10k", "churn@1000", "p50_ms")),
    Goal("churn 1000/s, p99 ms", "109", 70, at("10k", "churn@1000", "p99_ms")),
    Goal("churn 1000/s, times the floor", "", 1.6, at("10k", "churn@1000", "ratio_to_floor")),
    Goal("churn 100/s, us per KV and client", "20.7", 10, at("10k", "churn@100", COST)),
    Goal("churn 100/s, p50 ms", "8.2", 8, at("10k", "churn@100", "p50_ms")),
    Goal("churn 100/s, p99 ms", "34", 25, at("10k", "churn@100", "p99_ms")),
    Goal("churn 100/s, times the floor", "", 1.6, at("10k", "churn@100", "ratio_to_floor")),
    Goal("lone update, p99 ms", "", 10, at("10k", "lone", "p99_ms")),
    Goal("burst of 10k, us per KV and client", "1.28", 0.15, at("10k", "burst", COST)),
    Goal("burst of 10k, last client s", "4", 0.6, at("10k", "burst", "wall_s")),
    Goal("burst of 10k, times the floor", "", 1.6, at("10k", "burst", "ratio_to_floor")),
    Goal("storm of 600, 10k KVs, CPU s", "0.95", 1.0, at("10k", "storm", "cpu_s")),
    Goal("storm of 600, 10k KVs, wall s", "0.98", 1.0, at("10k", "storm", "wall_s")),
    Goal("storm of 600, 100k KVs, CPU s", "4.0", 4.0, at("100k", "storm", "cpu_s")),
    Goal("storm, 100k KVs, times the floor", "", 1.2, at("100k", "storm", "ratio_to_floor")),
    Goal("start, 100k KVs, wall s", "5.4", 4.0, at("100k", "start", "wall_s")),
    Goal("start, 100k KVs, CPU s", "7.2", 4.0, at("100k", "start", "cpu_s")),
    Goal("idle 10 s, CPU s", "0.14", 0.04, at("10k", "idle", "cpu_s")),
    Goal("10k KVs, PSS MiB at start", "148", 130, at("10k", "start", "pss_mib")),
    Goal("10k KVs, PSS MiB after all", "560", 160, at("10k", "stuck@1000", "pss_mib")),
    Goal("100k KVs, PSS MiB at start", "890", 330, at("100k", "start", "pss_mib")),
    Goal("100k KVs, PSS MiB after churn", "590-750", 350, at("100k", "churn@100", "pss_mib")),
    Goal(
        "one stuck client: others' p99, times that without",
        "",
        1.1,
        ratio(at("10k", "stuck@1000", "p99_ms"), at("10k", "churn@1000", "p99_ms")),
    ),
    Goal(
        "5,000 clients, 100/s: cost, times that of 600",
        "",
        1.3,
        ratio(at("5000", "churn@100", COST), at("10k", "churn@100", COST)),
    ),
    Goal("wrong at any client", "", 0, worst("wrong")),
    Goal("missing at any client", "", 0, worst("missing")),
)


def table(rows: Rows, beside: Rows | None = None) -> str:
    """Lay goals and figures side by side, and another server's of the same run beside them.

    Seconds and milliseconds are the machine's; `times it`, our figure by the other's, is not.
    """
    heading = ["goal", "the original", "limit", "figure", ""]
    cells = [heading if beside is None else [*heading, "beside", "times it"]]
    for goal in GOALS:
        figure, verdict = goal.verdict(rows)
        line = [goal.what, goal.original or "-", f"{goal.limit:g}", figure, verdict]
        cells.append(line if beside is None else [*line, *_compared(goal, rows, beside)])
    return align(cells)


def _compared(goal: Goal, rows: Rows, beside: Rows) -> list[str]:
    """Spell the other server's figure, and ours by it."""
    ours, its = goal.figure(rows), goal.figure(beside)
    compared = ours / its if ours is not None and its else None
    return ["-" if each is None else str(tidy(each)) for each in (its, compared)]
