"""What a process uses its memory for, as text for people."""

import gc
import os
import time
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Final

TIMESTAMP: Final = "<timestamp>"  # the original's placeholder in DebugMemoryProfilePath
TIMESTAMP_FORMAT: Final = "%Y-%m-%d-%H:%M:%S"
KINDS_SHOWN: Final = 30
LINES_SHOWN: Final = 30
_OF_INTEREST: Final = ("Rss:", "Pss:", "Private_Dirty:", "Private_Clean:", "Shared_Clean:")


def report() -> str:
    """Return sizes from the kernel, objects by type, and traced allocations by line."""
    return "\n".join([*_sizes(), *_objects(), *_lines(), ""])


def write(path: str, name: str) -> Path:
    """Write the report of the process `name`; return the file.  Raises OSError.

    Every process has a file of its own: the path given, with the name at its end.
    """
    stamped = path.replace(TIMESTAMP, time.strftime(TIMESTAMP_FORMAT))
    file = Path(f"{stamped}.{name}")
    file.write_text(report(), encoding="utf-8")
    return file


def _sizes() -> list[str]:
    lines = [f"pid {os.getpid()}"]
    try:
        with Path("/proc/self/smaps_rollup").open(encoding="ascii") as rollup:
            lines += [" ".join(line.split()) for line in rollup if line.startswith(_OF_INTEREST)]
    except OSError as error:
        lines.append(f"sizes are not known: {error.strerror}")
    return lines


def _objects() -> list[str]:
    """Count what the garbage collector knows; strings, bytes and numbers it does not track."""
    kinds = Counter(type(thing).__qualname__ for thing in gc.get_objects())
    head = f"objects tracked: {kinds.total()}, frozen besides: {gc.get_freeze_count()}"
    return [head, *(f"{count:>10} {kind}" for kind, count in kinds.most_common(KINDS_SHOWN))]


def _lines() -> list[str]:
    if not tracemalloc.is_tracing():
        return ["allocations by line: start with PYTHONTRACEMALLOC=1 to see them"]
    found = tracemalloc.take_snapshot().statistics("lineno")[:LINES_SHOWN]
    return ["allocations by line:", *(str(line) for line in found)]
