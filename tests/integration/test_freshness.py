"""A server that is no longer fresh says so, keeps its clients, and is soon back: every cell."""

import pytest

from tests.freshness import upstream as api_server
from tests.freshness.matrix import CELLS, Notice
from tests.freshness.observing import observed, play

STALE, SILENT = 3.0, 5.0  # seconds, instead of 30 and 90


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Run an API server that can be harmed, and a server with clients."""
    folder = tmp_path_factory.mktemp("freshness")
    settings = {"upstreamstalesecs": str(STALE), "watchsilentsecs": str(SILENT)}
    with (
        api_server.running(bookmark_seconds=1.0) as upstream,
        observed(folder, upstream, **settings) as seen,
    ):
        yield upstream, seen


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_trouble_is_named_nobody_is_disconnected_and_it_ends(scene, cell):
    """Not before its time, and news arrive afterwards."""
    upstream, seen = scene
    off, _ = play(cell, upstream, seen)
    match cell.notice:
        case Notice.FAILING:
            assert off > STALE / 2
        case Notice.RECURRING:
            assert off > SILENT
        case Notice.NEVER:
            assert off is None
