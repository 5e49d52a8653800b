"""Clients of one topic that fell out of the log, and wait for the watcher's answer what changed.

All that stand at one position have one question, and send the same bytes.  Knows no socket and no
clock.
"""

from workers.connection import Connection


class _Group:
    """Those who stand at one position."""

    def __init__(self, now: float) -> None:
        self.clients: dict[int, Connection] = {}
        self.asked_at = now


class Behind:
    """Who waits, by position."""

    def __init__(self) -> None:
        """Start with nobody."""
        self._groups: dict[int, _Group] = {}

    def arrive(self, connection: Connection, now: float) -> bool:
        """Let a client wait; tells whether nobody has asked for its position yet."""
        group = self._groups.get(connection.position)
        is_first = group is None
        if group is None:
            group = self._groups[connection.position] = _Group(now)
        group.clients[connection.number] = connection
        return is_first

    def leave(self, connection: Connection) -> None:
        """Forget a client that is gone."""
        group = self._groups.get(connection.position)
        if group is not None and connection.number in group.clients:
            del group.clients[connection.number]
            if not group.clients:
                del self._groups[connection.position]

    def answered(self, position: int) -> list[Connection]:
        """Give, once, those who waited at a position; nobody, if they were answered before."""
        group = self._groups.pop(position, None)
        return [] if group is None else [*group.clients.values()]

    def overdue(self, asked_before: float, now: float) -> list[int]:
        """Give the positions to ask for again, because that was longer ago than it may take."""
        late = {p: group for p, group in self._groups.items() if group.asked_at < asked_before}
        for group in late.values():
            group.asked_at = now
        return [*late]
