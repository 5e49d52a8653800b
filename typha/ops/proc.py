"""What the kernel knows about the server's processes, from /proc.

A process may end at any moment: what cannot be read then counts as nothing.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_BYTES_PER_KIB: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one process uses; `reaped` is the CPU time of its children that are gone."""

    cpu_seconds: float = 0.0
    reaped_seconds: float = 0.0
    started: float = 0.0  # Unix seconds
    virtual_bytes: int = 0
    resident_bytes: int = 0
    open_files: int = 0


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes through all interfaces of the network the process is in."""

    received: int = 0
    sent: int = 0


def usage(pid: int) -> Usage:
    """Return what a process uses now.

    Memory that processes share counts once, in parts, so the sum over a tree is what it occupies.
    """
    try:
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        fields = stat.rpartition(")")[2].split()  # from the third on; the second may hold anything
        user, system, reaped_user, reaped_system = (int(field) for field in fields[11:15])
        return Usage(
            cpu_seconds=(user + system) / TICKS_PER_SECOND,
            reaped_seconds=(reaped_user + reaped_system) / TICKS_PER_SECOND,
            started=_boot_time() + int(fields[19]) / TICKS_PER_SECOND,
            virtual_bytes=int(fields[20]),
            resident_bytes=_proportional_bytes(pid) or int(fields[21]) * PAGE_BYTES,
            open_files=sum(1 for _ in (PROC / str(pid) / "fd").iterdir()),
        )
    except (OSError, ValueError, IndexError):
        return Usage()


def traffic(pid: int) -> Traffic:
    """Return what went through the network of a process."""
    try:
        lines = (PROC / str(pid) / "net" / "netstat").read_text(encoding="ascii").splitlines()
    except OSError:
        return Traffic()
    counts = _pairs(lines, "IpExt:")
    return Traffic(counts.get("InOctets", 0), counts.get("OutOctets", 0))


def _pairs(lines: Iterable[str], kind: str) -> dict[str, int]:
    """Read the two lines, names and numbers, that begin with `kind`."""
    rows = [line.split()[1:] for line in lines if line.startswith(kind)]
    return dict(zip(rows[0], map(int, rows[1]), strict=True)) if len(rows) > 1 else {}


def _boot_time() -> float:
    for line in (PROC / "stat").read_text(encoding="ascii").splitlines():
        if line.startswith("btime "):
            return float(line.split()[1])
    return 0.0


def _proportional_bytes(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    kib = [int(line.split()[1]) for line in lines if line.startswith("Pss:")]
    return sum(kib) * _BYTES_PER_KIB
