"""A server that is no longer fresh says so, keeps its clients, and is soon back: every cell."""

import signal
import time

import pytest

from tests.e2e.server import wait_for
from tests.freshness import upstream as api_server
from tests.freshness.matrix import AFTER, CELLS, MEANWHILE, WITNESS, Cell, Notice
from tests.freshness.observing import observed, play
from tests.integration.definitions import CRD

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


# ---- a real kube-apiserver over a real etcd


class Cluster:
    """Both, and where a server finds them."""

    def __init__(self, etcd, server, kubeconfig):
        self.etcd = etcd
        self.server = server
        self.where = {"KUBECONFIG": str(kubeconfig)}

    def put_set(self, name, *nets):
        """Write a GlobalNetworkSet."""
        path = f"{CRD}/globalnetworksets"
        body = {
            "apiVersion": "crd.projectcalico.org/v1",
            "kind": "GlobalNetworkSet",
            "metadata": {"name": name},
            "spec": {"nets": list(nets)},
        }

        def is_written():
            status, _ = self.server.try_to("POST", path, body)
            if status == 409:
                status, _ = self.server.try_to("PATCH", f"{path}/{name}", {"spec": body["spec"]})
            return 200 <= status < 300

        wait_for(is_written, "the API server to be well again")

    def back_up(self):
        """Keep all that etcd has, and go on."""
        self.put_set(WITNESS, *AFTER)
        self.server.stop(kill=True)
        self.etcd.back_up()
        self.server.start()
        for number in range(200):  # more than the API server writes when it starts
            self.put_set(WITNESS, f"198.51.100.{number}/32")
        self.put_set(WITNESS, *MEANWHILE)

    def restore(self):
        """Go back to that, after another probe: revisions come a second time."""
        time.sleep(STALE)
        self.server.stop(kill=True)
        self.etcd.restore()
        self.server.start()


REAL = (
    Cell(
        name="kube-apiserver: SIGSTOP",
        harm=lambda cluster: cluster.server.send(signal.SIGSTOP),
        mend=lambda cluster: cluster.server.send(signal.SIGCONT),
    ),
    Cell(
        name="kube-apiserver: SIGKILL",
        harm=lambda cluster: cluster.server.stop(kill=True),
        mend=lambda cluster: cluster.server.start(),
    ),
    Cell(
        name="etcd: SIGSTOP",
        harm=lambda cluster: cluster.etcd.send(signal.SIGSTOP),
        mend=lambda cluster: cluster.etcd.send(signal.SIGCONT),
    ),
    Cell(
        name="etcd: restored", prepare=Cluster.back_up, harm=Cluster.restore, notice=Notice.NEVER
    ),
)


@pytest.fixture
def real(cluster, kubeconfig, short_folder):
    """Run a server on the real ones; their bookmarks come once a minute."""
    upstream = Cluster(*cluster, kubeconfig)
    with observed(short_folder, upstream, upstreamstalesecs=str(STALE)) as seen:
        yield upstream, seen
    upstream.server.ask("DELETE", f"{CRD}/globalnetworksets/{WITNESS}")


@pytest.mark.parametrize("cell", REAL, ids=lambda cell: cell.name)
def test_the_real_ones_are_noticed_as_well(real, cell, capsys):
    """A server and its datastore, one behind the other."""
    off, back = play(cell, *real)
    with capsys.disabled():
        print(f"\n{cell.name}: off after {off or 0:.1f} s, back after {back:.1f} s")  # noqa: T201
