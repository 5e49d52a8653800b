"""CPU and memory of a tree of processes, as the kernel accounts for them."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
HERTZ: Final = os.sysconf("SC_CLK_TCK")
SCHEDULER_CLOCK: Final = 2  # CPUCLOCK_SCHED: user and system time in nanoseconds
# Places in /proc/PID/stat behind the name: parent, and the time of children that have ended.
PARENT, ENDED_USER, ENDED_SYSTEM = 1, 13, 14


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds since each process began; one that has ended is counted with its parent."""

    by_process: dict[int, float]

    @property
    def total(self) -> float:
        """Sum the seconds of all."""
        return sum(self.by_process.values())

    def since(self, before: "Usage") -> dict[int, float]:
        """Return what each process used since then."""
        return {
            pid: seconds - before.by_process.get(pid, 0.0)
            for pid, seconds in self.by_process.items()
        }


def stat(pid: int) -> list[bytes]:
    """Read a process's numbers from behind its name, which may hold spaces and brackets."""
    return (PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()


def tree(root: int) -> list[int]:
    """List a process and all its descendants, eldest first."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                parent = int(stat(int(entry.name))[PARENT])
            except OSError:
                continue  # ended meanwhile
            children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += sorted(children.get(pid, []))
    return found


def usage(root: int) -> Usage:
    """Account for the CPU time of a tree of processes."""
    used: dict[int, float] = {}
    for pid in tree(root):
        try:
            # The clock of another process: see clock_getcpuclockid(3).
            seconds = time.clock_gettime((~pid << 3) | SCHEDULER_CLOCK)
            numbers = stat(pid)
        except OSError:
            continue
        ended = int(numbers[ENDED_USER]) + int(numbers[ENDED_SYSTEM])
        used[pid] = seconds + ended / HERTZ
    return Usage(used)


def pss_mib(pid: int) -> float:
    """Return the proportional set size of one process, in MiB; 0 if it has ended."""
    try:
        text = (PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return 0.0
    return (
        next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024
    )


def tree_pss_mib(root: int) -> float:
    """Sum the proportional set sizes of a tree of processes, in MiB."""
    return sum(pss_mib(pid) for pid in tree(root))


def name(pid: int) -> str:
    """Return what a process calls itself."""
    try:
        return (PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return "ended"


def listens(port: int) -> bool:
    """Tell whether anybody listens on a TCP port, without knocking."""
    wanted = f":{port:04X}"
    for table in ("tcp", "tcp6"):
        for line in (PROC / "net" / table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(wanted) and fields[3] == "0A":  # TCP_LISTEN
                return True
    return False
