"""Free pages go back to the system."""

import ctypes

import psutil
import pytest

from typha.watcher import pages

COUNT, SIZE = 60_000, 1_000


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this is not glibc")
def test_free_pages_between_what_stays_are_given_back():
    """A list leaves holes: what was made of it stays, the rest does not."""
    me = psutil.Process()
    made = [bytes(SIZE) for _ in range(COUNT)]
    stays = made[::100]
    del made
    before = me.memory_info().rss
    pages.give_back()
    assert before - me.memory_info().rss > COUNT * SIZE // 2
    assert len(stays) == COUNT // 100
