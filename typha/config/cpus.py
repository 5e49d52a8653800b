"""How many CPUs this container may use: its affinity and its cgroup quota, never less than one."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

# A container sees its own cgroup here, whether version 2 or 1.
_QUOTA_V2: Final = "/sys/fs/cgroup/cpu.max"
_QUOTA_V1: Final = "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"
_PERIOD_V1: Final = "/sys/fs/cgroup/cpu/cpu.cfs_period_us"


def available() -> int:
    """Return the CPUs that this process may use."""
    return within(len(os.sched_getaffinity(0)), _read)


def within(affinity: int, read: Callable[[str], str]) -> int:
    """Bound the CPUs of the affinity by the cgroup's quota, rounded up; `read` gives a file."""
    try:
        quota, period = read(_QUOTA_V2).split() or (read(_QUOTA_V1), read(_PERIOD_V1))
        allowed = math.ceil(int(quota) / int(period))
    except (ValueError, ZeroDivisionError):
        return max(affinity, 1)  # "max", or no quota at all
    return max(min(affinity, allowed), 1) if allowed > 0 else max(affinity, 1)


def _read(path: str) -> str:
    """Return a file's text, empty where there is none."""
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except OSError:
        return ""
