"""A server that has lost its datastore, and another that may have lost it as well."""

import json
import subprocess
import sys
import time

import pytest

from tests.e2e.server import make_certificates, running, wait_for
from tests.freshness import upstream as api_server
from tests.freshness.observing import environment
from typha.dialing import DialError

pytestmark = pytest.mark.e2e

SLICES = "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices"
DROP_SECONDS = 0.4
CLIENTS = 6
WATCHED_SECONDS = 5.0  # more than it takes to be shed where there is a reason


class Clients:
    """Clients of one server, followed on threads; when each was ended."""

    def __init__(self, server):
        self.endings = []
        for _ in range(CLIENTS):
            server.read_on_a_thread(self._follow, server.follower())

    def _follow(self, client):
        try:
            while True:
                client.read()
        except (DialError, OSError):
            self.endings.append(time.monotonic())


@pytest.fixture
def upstream():
    """Run an API server behind a relay, which knows of Services as well."""
    with api_server.running(bookmark_seconds=0.3) as started:
        started.api.serve(SLICES)
        yield started


@pytest.fixture
def pair(upstream, short_folder, request):
    """Run two servers: one behind the relay, and one behind it or beside it."""
    behind, beside = upstream.where["K8S_API_ENDPOINT"], upstream.api.url
    kubeconfig = short_folder / "kubeconfig"
    kubeconfig.write_text(
        "{kind: Config, apiVersion: v1, current-context: c,"
        "contexts: [{name: c, context: {cluster: here, user: me}}],"
        f"clusters: [{{name: here, cluster: {{server: '{beside}'}}}}],"
        "users: [{name: me, user: {}}]}"
    )
    first, second = short_folder / "a", short_folder / "b"
    make_certificates(first / "certs")
    second.mkdir()
    (second / "certs").symlink_to(first / "certs")
    options = settings(first / "certs")
    counting = {"KUBECONFIG": str(kubeconfig)}
    with (
        environment(K8S_API_ENDPOINT=behind, **counting),
        running(first, first, **options) as lost,
    ):
        other = beside if request.param == "beside" else behind
        with (
            environment(K8S_API_ENDPOINT=other, **counting),
            running(second, second, **options) as peer,
        ):
            have_typhas(upstream, lost, peer)
            yield lost, peer


def settings(certificates):
    """Look soon, and drop often."""
    return {
        "datastoretype": "kubernetes",
        "workers": "1",
        "upstreamstalesecs": "1",
        "watchsilentsecs": "30",
        "connectionrebalancingmode": "kubernetes",
        "connectiondropintervalsecs": str(DROP_SECONDS),
        "k8sservicepollintervalsecs": "0.3",
        "peercertfile": str(certificates / "calico-node.crt"),
        "peerkeyfile": str(certificates / "calico-node.key"),
    }


def have_typhas(upstream, *servers):
    """Let the Service have these servers; they differ by port, so each has a slice of its own."""
    for server in servers:
        metadata = {"name": f"calico-typha-{server.port}", "namespace": "kube-system"}
        ports = [{"name": "calico-typha", "port": server.port}]
        endpoints = [{"addresses": ["127.0.0.1"]}]
        upstream.api.put(SLICES, {"metadata": metadata, "ports": ports, "endpoints": endpoints})


def have_news(upstream, condition, what):
    """Let the cluster change until a condition holds."""

    def has_come():
        upstream.put_set("news", f"10.0.0.{time.monotonic_ns() // 10**8 % 250}/32")
        return condition()

    wait_for(has_come, what)


def connected(server):
    """Count who is connected."""
    command = [sys.executable, "-m", "typha", "clients", "--format", "json", "--rundir"]
    told = subprocess.run(
        [*command, str(server.run_directory)], capture_output=True, text=True, check=False
    )
    return sum("hostname" in json.loads(line) for line in told.stdout.splitlines())


@pytest.mark.parametrize("pair", ["beside"], indirect=True)
def test_clients_go_one_by_one_to_a_peer_that_has_news(upstream, pair):
    """And those of the peer stay."""
    lost, peer = pair
    leaving, staying = Clients(lost), Clients(peer)
    upstream.suspend()
    have_news(upstream, lambda: len(leaving.endings) == CLIENTS, "all to be shed")
    upstream.resume()
    assert "peer is up to date" in lost.log()
    wait_for(lambda: lost.log().count("reason=rebalanced") == CLIENTS, "the reason")
    took = max(leaving.endings) - min(leaving.endings)
    assert took > (CLIENTS - 1) * DROP_SECONDS / 2  # threads may hear late
    assert staying.endings == []


@pytest.mark.parametrize("pair", ["behind"], indirect=True)
def test_where_both_are_cut_off_nobody_is_sent_anywhere(upstream, pair):
    """Each looks at the other, and sees that it is in sync, and nothing new."""
    clients = [Clients(server) for server in pair]
    upstream.suspend()
    for server in pair:
        wait_for(lambda server=server: connected(server) == CLIENTS + 1, "the peer to look")
    until = time.monotonic() + WATCHED_SECONDS
    have_news(upstream, lambda: time.monotonic() > until, "time to pass")
    # Before it goes on: then each peer has news, and is seen to.
    endings, logs = [each.endings[:] for each in clients], [server.log() for server in pair]
    upstream.resume()
    assert endings == [[], []]
    assert not any("peer is up to date" in log for log in logs)
