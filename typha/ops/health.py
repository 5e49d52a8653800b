"""Whether the server is alive and ready, and the table that says so.

Pure.  The rows, their order, words and widths are the original's; what they mean is more: every
process's heartbeat, the freshness of the datastore's streams, the shutdown.  What is wrong is
named in the column that the original leaves empty.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from typha.scoreboard import SYNCERS, Phase, ProcessSlot, Scoreboard

TIMEOUT_SECONDS: Final = 20.0  # the original's
SILENT_SECONDS: Final = 5.0  # then a process is not ready, though it may only be busy
HEADINGS: Final = ("COMPONENT", "TIMEOUT", "LIVENESS", "READINESS", "DETAIL")

LIVE: Final = "reporting live"
READY: Final = "reporting ready"
NOT_READY: Final = "reporting non-ready"
TIMED_OUT: Final = "timed out"
NOT_SAID: Final = "-"


@dataclass(frozen=True, slots=True)
class Row:
    """One component."""

    component: str
    liveness: str
    readiness: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the two endpoints answer."""

    rows: tuple[Row, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """Say what is wrong, each thing once."""
        told = (
            row.detail or f"{row.component}: {row.readiness}"
            for row in self.rows
            if row.detail or row.readiness not in {READY, NOT_SAID}
        )
        return tuple(dict.fromkeys(told))

    @property
    def is_live(self) -> bool:
        """Say whether restarting the server would do no good."""
        return all(row.liveness == LIVE for row in self.rows)

    @property
    def is_ready(self) -> bool:
        """Say whether clients should come here."""
        return all(row.readiness in {READY, NOT_SAID} for row in self.rows)


def judge(board: Scoreboard, now: float, stale: Sequence[str], deaf: Sequence[str]) -> Verdict:
    """Judge the server; `stale` resources and `deaf` workers (failed self-probes) are named."""
    caches = [_cache(board, syncer, now, stale) for syncer in SYNCERS]
    rows = [_server(board, now, deaf), *caches]
    return Verdict(tuple(sorted(rows, key=lambda row: row.component)))


def table(rows: Sequence[Row]) -> str:
    """Draw the table as the original does, without a line break at its end."""
    cells = [
        (row.component, f"{TIMEOUT_SECONDS:.0f}s", row.liveness, row.readiness, row.detail)
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(HEADINGS, *cells, strict=True)]
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    head = _line([_centred(text, width) for text, width in zip(HEADINGS, widths, strict=True)])
    body = [_line([t.ljust(w) for t, w in zip(row, widths, strict=True)]) for row in cells]
    return "\n".join([rule, head, rule, *body, rule])


def _server(board: Scoreboard, now: float, deaf: Sequence[str]) -> Row:
    """Judge parent and workers: alive as long as anybody is there who serves or mends."""
    server = board.server
    problems = [f"{name} does not answer" for name in deaf]
    parent_silent = now - server.parent_heartbeat
    if parent_silent > SILENT_SECONDS:
        problems.append(f"parent silent for {parent_silent:.0f}s")
    problems += [
        problem
        for index, slot in enumerate(board.workers)
        if (problem := _problem(f"worker-{index}", slot, now))
    ]
    if board.watcher.snapshot_errno:
        why = os.strerror(board.watcher.snapshot_errno)
        problems.append(f"no snapshot can be written to RunDir: {why}")
    silences = [slot.silent_for(now) for slot in board.workers if slot.started_at]
    dead = parent_silent > TIMEOUT_SECONDS or min(silences, default=0.0) > TIMEOUT_SECONDS
    match server.phase:
        case Phase.STARTING:
            problems.insert(0, "waiting for the datastore")
        case Phase.DRAINING | Phase.STOPPED:
            problems.insert(0, "shutting down")
        case Phase.SERVING:
            pass
    return Row(
        "SyncServer",
        TIMED_OUT if dead else LIVE,
        NOT_READY if problems else NOT_SAID,
        "; ".join(problems),
    )


def _cache(board: Scoreboard, syncer: str, now: float, stale: Sequence[str]) -> Row:
    """Judge one syncer's cache: complete, and fresh."""
    slot = board.watcher
    problems = []
    if problem := _problem("watcher", slot, now):
        problems.append(problem)
    elif slot.stale:
        problems.append("stale: " + (", ".join(stale) or "a resource"))
    if not slot.in_sync(syncer) and slot.unverified[syncer]:
        problems.insert(0, "serving the last known state, which is not verified yet")
    timed_out = bool(slot.started_at) and slot.silent_for(now) > TIMEOUT_SECONDS
    ready = slot.in_sync(syncer) and not problems and not timed_out
    return Row(
        f"{syncer}-cache",
        TIMED_OUT if timed_out else LIVE,
        READY if ready else TIMED_OUT if timed_out else NOT_READY,
        "; ".join(problems),
    )


def _problem(name: str, slot: ProcessSlot, now: float) -> str:
    """Say what is wrong with a process, if anything is."""
    if not slot.pid:
        return f"{name} not running"
    if not slot.beaten_at:
        return f"{name} starting"
    silent = slot.silent_for(now)
    return f"{name} silent for {silent:.0f}s" if silent > SILENT_SECONDS else ""


def _centred(text: str, width: int) -> str:
    """Centre a heading; of an odd number of blanks the greater part goes to the right."""
    left = (width - len(text)) // 2
    return f"{' ' * left}{text}".ljust(width)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
