"""A server that is no longer fresh says so, keeps its clients, and is soon back.

The quicker cells of the matrix; tests/integration has all.
"""

import pytest

from tests.freshness import matrix, upstream as api_server
from tests.freshness.observing import observed, play

pytestmark = pytest.mark.e2e

QUICK = ("SIGKILL", "401", "half-open TCP", "restored older etcd")


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Run an API server that can be harmed, and a server with clients."""
    folder = tmp_path_factory.mktemp("freshness")
    settings = {"upstreamstalesecs": "0.6", "watchsilentsecs": "2"}
    with (
        api_server.running(bookmark_seconds=0.5) as upstream,
        observed(folder, upstream, **settings) as seen,
    ):
        yield upstream, seen


@pytest.mark.parametrize("name", QUICK)
def test_trouble_is_named_nobody_is_disconnected_and_it_ends(scene, name):
    """And news arrive afterwards."""
    play(matrix.BY_NAME[name], *scene)
