"""How the scoreboard carries a limit, and what workers are asked to do about it."""

import time

import pytest

from tests.fake_api import FakeApi
from typha.config.settings import RebalancingSettings, ServerSettings, Settings
from typha.journal import store
from typha.scoreboard import Phase, Scoreboard
from typha.syncproto.messages import SyncerType, SyncStatus, UpdateType
from typha.watcher.shedding import ASKED_SECONDS, NEWCOMER_SECONDS, Shedding
from typha.watcher.stream import Stream

PATH = "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices"
NODE = "/calico/resources/v3/projectcalico.org/nodes/n{}"
BEGIN = 1000.0


class Server:
    """A scoreboard whose workers are played, and the part of the watcher that is tried."""

    def __init__(self, active, **rebalancing):
        self.board = Scoreboard(len(active))
        self.board.server.phase = Phase.SERVING
        for index, count in enumerate(active):
            slot = self.board.worker(index)
            slot.reset(100 + index, BEGIN)
            self.hold(index, count)
        rebalancing = {"lower_limit": 1, "upper_limit": 100, **rebalancing}
        settings = Settings(
            server=ServerSettings(port=5473), rebalancing=RebalancingSettings(**rebalancing)
        )
        self.now = BEGIN
        self.shedding = Shedding(settings, self.board, self.now)
        self.felix = Stream(SyncerType.FELIX, store.Store(), SyncStatus.IN_SYNC)

    def __enter__(self):
        """Let it look around."""
        self.shedding.start()
        return self

    def __exit__(self, *_):
        """No more."""
        self.shedding.stop()

    def hold(self, index, count, *, settled=True):
        """Let a worker have so many clients, all of felix."""
        slot = self.board.worker(index)
        slot.active = slot.streaming = slot.clients["felix"] = count
        slot.sheddable = count if settled else 0

    def have_nodes(self, count):
        """Let the cluster have so many nodes."""
        for n in range(count):
            change = store.present((NODE.format(n), b"{}", "1", ""), UpdateType.NEW)
            self.felix.store.apply(change)

    def turn(self, *, is_cut_off=False):
        """Let it decide at the next moment that it is due."""
        self.now = max(self.now, self.shedding.next_at)
        self.shedding.turn(self.felix, self.now, is_cut_off=is_cut_off)

    def obey(self, index, *, leaving=1):
        """Let a worker close connections as it was asked to."""
        slot = self.board.worker(index)
        slot.sheds_done += leaving
        self.hold(index, slot.active - leaving)

    def asked(self):
        """Tell what each worker has yet to do."""
        return [slot.sheds_wanted() for slot in self.board.workers]


def test_the_limit_is_the_upper_one_at_first():
    """In every mode, as in the original."""
    server = Server([0], upper_limit=77)
    assert server.board.server.connection_limit == 77
    server.turn()
    assert server.asked() == [0]


def test_above_the_upper_limit_the_fullest_shard_drops_one_an_interval():
    """Newest first, and newcomers are no exception: whoever comes last finds it full."""
    server = Server([50, 52], upper_limit=100)
    server.turn()
    assert server.asked() == [0, 1]
    assert server.board.server.newcomer_seconds == 0.0
    server.obey(1)
    server.turn()
    assert sum(server.asked()) == 1
    server.obey(server.asked().index(1))
    server.turn()
    assert server.asked() == [0, 0]


def test_what_is_asked_already_is_counted():
    """A worker that takes its time is not asked for more than is needed."""
    server = Server([101], upper_limit=100)
    server.turn()
    server.turn()
    assert server.asked() == [1]


def test_a_shard_without_anybody_to_spare_is_left_alone():
    """Clients in their snapshot stay, and the other shard has to do."""
    server = Server([90, 20], upper_limit=100)
    server.hold(0, 90, settled=False)
    server.turn()
    assert server.asked() == [0, 1]
    server.hold(1, 20, settled=False)
    server.obey(1, leaving=1)
    server.hold(1, 19, settled=False)
    server.turn()
    assert server.asked() == [0, 0]


def test_a_worker_that_does_not_do_it_is_asked_no_more():
    """Whom it had may have left; another one is asked instead."""
    server = Server([90, 20], upper_limit=100)
    server.turn()
    assert server.asked() == [1, 0]
    server.hold(0, 90, settled=False)
    server.now += ASKED_SECONDS + 1
    server.turn()
    assert server.asked() == [0, 1]


def test_a_worker_that_is_replaced_owes_nothing():
    """And what the old one did is not undone in the count."""
    server = Server([60, 60], upper_limit=100)
    for _ in range(5):
        server.turn()
        server.obey(server.asked().index(1))
    server.board.worker(0).reset(200, server.now)
    server.hold(0, 0)
    server.turn()
    assert server.asked() == [0, 0]
    server.hold(0, 60)
    server.turn()
    assert sum(server.asked()) == 1


def test_nobody_is_dropped_while_the_server_shuts_down():
    """The parent sheds then."""
    server = Server([150], upper_limit=100)
    server.board.server.phase = Phase.DRAINING
    server.turn()
    assert server.asked() == [0]


# ---- with the Typhas counted


@pytest.fixture
def api():
    """Run an API server that has the kind."""
    with FakeApi() as started:
        started.serve(PATH)
        yield started


@pytest.fixture
def kubeconfig(api, tmp_path):
    """Point to it."""
    path = tmp_path / "kubeconfig"
    path.write_text(
        "{kind: Config, apiVersion: v1, current-context: c,"
        "contexts: [{name: c, context: {cluster: here, user: me}}],"
        f"clusters: [{{name: here, cluster: {{server: '{api.url}'}}}}],"
        "users: [{name: me, user: {}}]}"
    )
    return {"enabled": True, "poll_interval": 0.01, "kubeconfig": (str(path),)}


def have_typhas(api, count, *more):
    """Let the Service have so many endpoints elsewhere, and more that are named."""
    addresses = [*(f"192.0.2.{n}" for n in range(1, count + 1)), *more]
    endpoints = [{"addresses": [address]} for address in addresses]
    metadata = {"name": "calico-typha-x", "namespace": "kube-system"}
    ports = [{"name": "calico-typha", "port": 5473}]
    api.put(PATH, {"metadata": metadata, "ports": ports, "endpoints": endpoints})


def wait_for_limit(server, limit):
    """Wait for polls to bring the limit about, without a decision."""
    until = time.monotonic() + 90
    while server.board.server.connection_limit != limit:
        assert time.monotonic() < until, server.board.server.connection_limit
        server.shedding.turn(server.felix, server.now, is_cut_off=False)
        time.sleep(0.005)


def test_the_limit_follows_typhas_and_nodes(api, kubeconfig):
    """And is the upper one while either is not known."""
    with Server([10], **kubeconfig) as server:
        server.have_nodes(10)
        have_typhas(api, 3)
        wait_for_limit(server, 4 * (1 + 10 * 120 // 2 // 100))
        assert (server.board.server.typhas, server.board.server.nodes) == (3, 10)
        have_typhas(api, 4)
        wait_for_limit(server, 20)
        server.felix.status = SyncStatus.RESYNC
        wait_for_limit(server, 100)
        server.felix.status = SyncStatus.IN_SYNC
        wait_for_limit(server, 20)
        api.stop()
        wait_for_limit(server, 100)
        assert server.board.server.typhas == 0
        api.restart()
        wait_for_limit(server, 20)
        have_typhas(api, 1)
        wait_for_limit(server, 100)


def test_above_the_limit_settled_clients_go_that_have_been_here_for_a_minute(api, kubeconfig):
    """Down to an even share, no further; 40 nodes with one client each on eight servers."""
    with Server([20, 20], **kubeconfig, upper_limit=1000, lower_limit=4) as server:
        server.have_nodes(40)
        have_typhas(api, 8)
        wait_for_limit(server, 4 * (1 + 40 * 120 // 7 // 100))
        for _ in range(100):
            server.turn()
            for index, wanted in enumerate(server.asked()):
                if wanted:
                    assert server.board.server.newcomer_seconds == NEWCOMER_SECONDS
                    server.obey(index)
        assert server.board.connections() == 5  # even, and 15 %
        assert abs(server.board.worker(0).active - server.board.worker(1).active) <= 1


def test_cut_off_nobody_goes_without_a_fresh_peer(api, kubeconfig):
    """Not even above the limit: whoever goes might not come to anybody who knows more."""
    with Server([40], **kubeconfig, upper_limit=1000, lower_limit=4) as server:
        server.have_nodes(40)
        have_typhas(api, 8)
        wait_for_limit(server, 4 * (1 + 40 * 120 // 7 // 100))
        for _ in range(5):
            server.turn(is_cut_off=True)
        assert server.asked() == [0]
        server.turn()
        assert server.asked() == [1]


# ---- with peers to look at


class Peers:
    """What a look at peers would come to, and at whom it was asked to look."""

    def __init__(self, *identity):
        self.identity = identity
        self.is_started = False
        self.sought = None
        self.is_fresh = False

    def start(self):
        """Begin."""
        self.is_started = True

    def seek(self, candidates):
        """Note at whom to look."""
        self.sought = {address.text for address in candidates}

    def is_one_fresh(self, _now):
        """Tell what the test says."""
        return self.is_fresh


@pytest.fixture
def peers(monkeypatch, kubeconfig):
    """Look at nobody in truth, and have a certificate to do so."""
    monkeypatch.setattr("typha.watcher.shedding.Peers", Peers)
    monkeypatch.setattr("typha.watcher.peers.is_here", lambda address: address == "127.0.0.1")
    return kubeconfig | {"peer_cert_file": "/c", "peer_key_file": "/k"}


def test_peers_are_looked_at_while_the_datastore_is_lost(api, peers):
    """Those that clients would find; ourselves we know."""
    with Server([40], **peers, upper_limit=1000, lower_limit=4) as server:
        looking = server.shedding._peers
        assert looking.is_started
        assert looking.identity[1:] == ("/c", "/k")
        server.have_nodes(40)
        have_typhas(api, 2, "127.0.0.1")
        wait_for_limit(server, 4 * (1 + 40 * 120 // 2 // 100))
        assert looking.sought == set()
        server.turn(is_cut_off=True)
        assert looking.sought == {"192.0.2.1:5473", "192.0.2.2:5473"}
        server.turn()
        assert looking.sought == set()
        server.turn(is_cut_off=True)
        server.shedding.stop()
        assert looking.sought == set()


def test_on_this_machine_another_port_is_somebody_else(api, peers):
    """Several servers may run beside each other, as on a machine for trying things out."""
    with Server([40], **peers) as server:
        server.shedding._port = 5474
        have_typhas(api, 2, "127.0.0.1")
        server.have_nodes(4)
        wait_for_limit(server, 12)
        server.turn(is_cut_off=True)
        assert "127.0.0.1:5473" in server.shedding._peers.sought


def test_cut_off_clients_go_to_a_fresh_peer(api, peers):
    """As soon as there is one, however few they are."""
    with Server([2], **peers, upper_limit=1000, lower_limit=4) as server:
        server.have_nodes(40)
        have_typhas(api, 8)
        wait_for_limit(server, 4 * (1 + 40 * 120 // 7 // 100))
        server.turn(is_cut_off=True)
        assert server.asked() == [0]
        server.shedding._peers.is_fresh = True
        server.turn(is_cut_off=True)
        assert server.asked() == [1]


def test_without_a_certificate_to_show_no_peer_is_looked_at(kubeconfig):
    """It would let nobody in."""
    assert Server([1], **kubeconfig).shedding._peers is None
    enabled = kubeconfig | {"enabled": False, "peer_cert_file": "/c"}
    assert Server([1], **enabled).shedding._peers is None
