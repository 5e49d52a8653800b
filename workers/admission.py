"""Who may come in before anything is known of them.  Knows no sockets and no clock.

The limits are the server's: what each worker counts stands on the scoreboard, and all of it is
added up.  Workers that look at the same moment may each let one more in.  Where there are too
many in all, the newcomer is let in and the oldest has to go: to have them wait would let a few
silent ones keep everybody out.
"""

from typha.scoreboard import ADDRESS_CELLS, Scoreboard


class Admission:
    """Counts connections whose certificate is not verified yet, in all and by address."""

    def __init__(self, board: Scoreboard, index: int, most: int, most_per_address: int) -> None:
        """Take one worker's place on the board, and the limits; 0 means none."""
        self._board = board
        self._slot = board.worker(index)
        self._most = most
        self._most_per_address = most_per_address
        self._rows = board.unproven_by_address
        self._own = self._rows[index]
        for cell, count in enumerate(self._own):
            if count:  # of a predecessor, whose connections ended with it
                self._own[cell] = 0

    def is_crowded(self) -> bool:
        """Tell whether there are more than there should be, so that one of ours has to go."""
        return 0 < self._most < self._board.unproven()

    def enter(self, address: str) -> bool:
        """Count a connection in; False when its address has too many already."""
        cell = _cell(address)
        if self._most_per_address:
            known = sum(row[cell] for row in self._rows)
            if known >= self._most_per_address:
                return False
        self._own[cell] += 1
        self._slot.unproven += 1
        return True

    def prove(self, address: str) -> None:
        """Count out a connection that has proven itself, or ended before it could."""
        self._own[_cell(address)] -= 1
        self._slot.unproven -= 1


def _cell(address: str) -> int:
    """Hash an address: alike in all workers, which are forks, and not to be guessed outside."""
    return hash(address) % ADDRESS_CELLS
