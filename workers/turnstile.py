"""Who is sent a snapshot now, and who waits: first come, first served.  Knows no socket, no clock.

The limit is the server's, so workers look at each other through what they show on the scoreboard:
how many snapshots each sends, and since when somebody waits there.  Only the worker whose client
has waited longest lets one through, so no two of them see the same room.

Where the rate is limited, the next one's turn comes when those before it cannot take more: so the
first have their snapshots soon, rather than all of them late.
"""

from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

C = TypeVar("C", bound=Hashable)


class Elsewhere(NamedTuple):
    """What the other workers show."""

    sending: int = 0
    waiting_since: float = 0.0  # monotonic time at which the first who waits there came; 0: nobody


class Turnstile(Generic[C]):
    """The clients of one worker that want a snapshot, or are being sent one."""

    def __init__(self, most: int, *, has_rate: bool) -> None:
        """Take the server's limit, 0 for none, and whether there is one to the rate."""
        self._most = most
        self._has_rate = has_rate
        self._waiting: dict[C, float] = {}  # in the order in which they came
        self._sending: dict[C, bool] = {}  # whether it would take more if it got it

    @property
    def sending(self) -> int:
        """Count those who are being sent a snapshot, and take it."""
        return len(self._sending)

    @property
    def waiting(self) -> int:
        """Count those who wait."""
        return len(self._waiting)

    @property
    def waiting_since(self) -> float:
        """Tell when the first of those who wait came; 0 when there is none."""
        return next(iter(self._waiting.values()), 0.0)

    @property
    def takers(self) -> list[C]:
        """Give those who would take more, in the order in which they came."""
        return [client for client, takes in self._sending.items() if takes]

    def arrive(self, client: C, now: float) -> None:
        """Line up."""
        self._waiting[client] = now

    def leave(self, client: C) -> None:
        """Make room: it has its snapshot, is gone, or takes nothing, which holds up others."""
        self._waiting.pop(client, None)
        self._sending.pop(client, None)

    def note(self, client: C, *, takes: bool) -> None:
        """Learn whether a client would take more of its snapshot now; that ends a standstill."""
        if takes or client in self._sending:
            self._sending[client] = takes

    def let_through(self, elsewhere: Elsewhere) -> list[C]:
        """Say whose turn has come."""
        passed = []
        while self._waiting and self._has_room(elsewhere):
            client = next(iter(self._waiting))
            del self._waiting[client]
            self._sending[client] = True
            passed.append(client)
        return passed

    def _has_room(self, elsewhere: Elsewhere) -> bool:
        if self._has_rate and any(self._sending.values()):
            return False
        if not self._most:
            return True
        if 0.0 < elsewhere.waiting_since < self.waiting_since:
            return False
        return len(self._sending) + elsewhere.sending < self._most
