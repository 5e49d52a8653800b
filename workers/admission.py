"""Who may come in before anything is known of them.  Knows no sockets and no clock."""

from collections import Counter


class Admission:
    """Counts connections whose certificate is not verified yet, in all and by address."""

    def __init__(self, most: int, most_per_address: int) -> None:
        """Take the limits; 0 means none."""
        self._most = most
        self._most_per_address = most_per_address
        self._unproven: Counter[str] = Counter()
        self._count = 0

    def has_room(self) -> bool:
        """Tell whether another connection may be accepted; the rest waits in the backlog."""
        return not self._most or self._count < self._most

    def enter(self, address: str) -> bool:
        """Count a connection in; False when its address has too many already."""
        if self._most_per_address and self._unproven[address] >= self._most_per_address:
            return False
        self._unproven[address] += 1
        self._count += 1
        return True

    def prove(self, address: str) -> None:
        """Count out a connection that has proven itself, or ended before it could."""
        self._count -= 1
        self._unproven[address] -= 1
        if not self._unproven[address]:
            del self._unproven[address]
