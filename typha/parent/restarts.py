"""Whether and when a process that ended is started again.

Pure: the exits so far and the time go in, a verdict comes out.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# The exit code by which a process says that it can never work as it was set up.
BOOT_FAILED: Final = os.EX_CONFIG
SETTLED_SECONDS: Final = 10.0  # who lived this long starts with a clean record
FIRST_DELAY_SECONDS: Final = 0.1
LONGEST_DELAY_SECONDS: Final = 10.0
MOST_SHORT_LIVES: Final = 10  # about half a minute of trying
REMEMBERED: Final = MOST_SHORT_LIVES + 1  # exits worth keeping


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a process ended; `code` is negative for a signal, as `subprocess` has it."""

    code: int
    lived: float  # seconds
    at: float  # seconds, monotonic


@dataclass(frozen=True, slots=True)
class Restart:
    """Start it again at once."""


@dataclass(frozen=True, slots=True)
class BackOff:
    """Start it again when `until` (monotonic seconds) has come."""

    until: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Stop the whole server: trying on would only hide the cause."""

    reason: str


Verdict = Restart | BackOff | GiveUp


def verdict(exits: Sequence[Exit], *, served: bool) -> Verdict:
    """Judge the last of `exits` in the light of those before it.

    A server that has `served` once never gives up: its clients are better off with the processes
    that are left, and a broken reload can be mended while they run.  Before that, a process that
    says it cannot work, or that keeps ending young, ends the server.
    """
    last = exits[-1]
    if not served and last.code == BOOT_FAILED:
        return GiveUp("it cannot work with these settings")
    young = _short_lives(exits)
    if not served and young > MOST_SHORT_LIVES:
        return GiveUp(f"it ended {young} times in a row soon after its start")
    if young <= 1:
        return Restart()
    delay: float = FIRST_DELAY_SECONDS * 2 ** (young - 2)
    return BackOff(last.at + min(delay, LONGEST_DELAY_SECONDS))


def _short_lives(exits: Sequence[Exit]) -> int:
    """Count the exits at the end of the history that came soon after the start."""
    count = 0
    for past in reversed(exits):
        if past.lived >= SETTLED_SECONDS:
            break
        count += 1
    return count
