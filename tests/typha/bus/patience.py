"""Waiting in the tests of the bus, whose sockets tell of nothing by themselves."""

import time
from collections.abc import Callable
from typing import Final

SECONDS: Final = 60.0  # of patience; a loaded machine is slow


def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that is bound to be so."""
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)
