"""The figures as a picture: an SVG file, written by hand, that any browser shows."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final

from benchmarks.arrivals import BUCKET_NANOSECONDS
from benchmarks.report import Outcome

WIDTH, HEIGHT, MARGIN = 900, 360, 70
BARS = 250  # where the bars begin, right of the names
COLOURS: Final = ("#1b6ca8", "#d1495b", "#3a7d44", "#8e5ea2", "#c98b1b", "#4b5563", "#0f9aa8")
LEAST_MS, MOST_MS = 0.1, 10_000.0
SLOWEST_PARTS: Final = (0.0, 0.5, 0.9, 0.99, 0.999)  # the lines across the latency plot


def write(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Draw the distribution of latency, and the CPU of every process."""
    with_latency = [outcome for outcome in outcomes if outcome.latency]
    with_cpu = [outcome for outcome in outcomes if outcome.cpu_by_process]
    bars = sum(len(outcome.cpu_by_process) + 1 for outcome in with_cpu)
    height = HEIGHT + 60 + 18 * bars + MARGIN
    body = "\n".join([*latency_plot(with_latency), *cpu_plot(with_cpu, HEIGHT + 60)])
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
        ' font-family="sans-serif" font-size="12">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )


def latency_plot(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Draw, for each scenario, which part of the KVs came later than a latency."""
    yield text(
        MARGIN, 24, "Latency from the datastore's event to the client (ms, both logarithmic)"
    )
    for part in SLOWEST_PARTS:
        height = down(part)
        yield line((MARGIN, height), (WIDTH - MARGIN, height), "#dddddd")
        yield text(8, height + 4, f"{part:.1%}")
    decade = LEAST_MS
    while decade <= MOST_MS:
        yield line((across(decade), down(0.0)), (across(decade), down(0.999)), "#dddddd")
        yield text(across(decade) - 8, HEIGHT - 8, f"{decade:g}")
        decade *= 10
    for turn, outcome in enumerate(outcomes):
        colour = COLOURS[turn % len(COLOURS)]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in distribution(outcome.latency))
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield text(WIDTH - MARGIN - 160, 44 + 16 * turn, label(outcome), colour)


def distribution(latency: Counter[int]) -> Iterator[tuple[float, float]]:
    """Yield the points of a cumulated distribution."""
    total, seen = sum(latency.values()), 0
    for bucket in sorted(latency):
        seen += latency[bucket]
        yield across(bucket * BUCKET_NANOSECONDS / 1e6), down(seen / total)


def cpu_plot(outcomes: Sequence[Outcome], top: float) -> Iterator[str]:
    """Draw a bar for the CPU seconds of every process in every scenario."""
    yield text(MARGIN, top, "CPU seconds by process")
    most = max((max(o.cpu_by_process.values()) for o in outcomes), default=1.0) or 1.0
    row = top
    for turn, outcome in enumerate(outcomes):
        row += 18
        yield text(MARGIN, row + 12, label(outcome))
        for name, seconds in outcome.cpu_by_process.items():
            row += 18
            width = max(1.0, seconds / most * (WIDTH - BARS - MARGIN))
            colour = COLOURS[turn % len(COLOURS)]
            yield (f'<rect x="{BARS}" y="{row}" width="{width:.1f}" height="14" fill="{colour}"/>')
            yield text(MARGIN + 12, row + 12, name)
            yield text(BARS + width + 6, row + 12, f"{seconds:.2f}")


def label(outcome: Outcome) -> str:
    """Name a scenario in a legend."""
    rate = f" {outcome.row.rate:g}/s" if outcome.row.rate else ""
    return f"{outcome.row.scenario}{rate}, {outcome.row.clients} clients"


def across(milliseconds: float) -> float:
    """Place a latency on the horizontal axis."""
    kept = min(max(milliseconds, LEAST_MS), MOST_MS)
    part = math.log(kept / LEAST_MS) / math.log(MOST_MS / LEAST_MS)
    return MARGIN + part * (WIDTH - 2 * MARGIN)


def down(part: float) -> float:
    """Place a part of all KVs on the vertical axis: each nine takes as much room."""
    nines = min(-math.log10(max(1.0 - part, 1e-3)), 3.0) / 3.0
    return HEIGHT - 30 - nines * (HEIGHT - 80)


def text(x: float, y: float, content: str, colour: str = "#222222") -> str:
    """Write a text."""
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}">{escape(content)}</text>'


def line(start: tuple[float, float], end: tuple[float, float], colour: str) -> str:
    """Draw a straight line."""
    return (
        f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"'
        f' stroke="{colour}"/>'
    )
