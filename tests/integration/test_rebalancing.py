"""Three servers on a real kube-apiserver, and clients that even out over them."""

import contextlib
import itertools
import random
import threading
import time
from typing import NamedTuple

import pytest

from tests.e2e.server import TIMEOUTS, running, wait_for
from typha import dialing
from typha.dialing import Address, DialError, SilenceError
from typha.syncproto import generations
from typha.syncproto.messages import SyncerType

SLICES = "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices"
SELECTOR = "labelSelector=kubernetes.io%2Fservice-name%3Dcalico-typha"
NODES = "/api/v1/nodes"
SYNCERS = list(SyncerType)
CLIENTS = 60
DROP_SECONDS = 0.4
CALM_SECONDS = 6.0  # many intervals without a drop: it has settled
MINUTE = 60.0
LOOK_SECONDS = 0.5  # until a client notices that it is to end

SETTINGS = {
    "datastoretype": "kubernetes",
    "workers": "2",
    "connectionrebalancingmode": "kubernetes",
    "connectiondropintervalsecs": str(DROP_SECONDS),
    "k8sservicepollintervalsecs": "1",
    "maxconnectionslowerlimit": "10",
}


class Case(NamedTuple):
    """What is there before the third server joins, and what has to come of it."""

    nodes: int
    syncers: int  # that each host uses
    first: int  # clients of the first server, the others have the second
    limit: int  # of each of three servers
    most: int  # connections of a server in the end


CASES = {
    # 15 hosts with four connections each; the first server was alone for a while.
    "uneven": Case(nodes=15, syncers=4, first=48, limit=40, most=42),
    # More connections than the nodes account for: nothing says what is even but the limit.
    "even": Case(nodes=9, syncers=1, first=30, limit=24, most=25),
}


class Service:
    """The Service's endpoints, as the API server has them."""

    def __init__(self, api):
        self._api = api
        self._servers = 0

    def add(self, server):
        """Let a server be one of them.  Loopback addresses are none that a slice may have."""
        self._servers += 1
        name = f"calico-typha-{self._servers}"
        body = {
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": "calico-typha"}},
            "addressType": "IPv4",
            "ports": [{"name": "calico-typha", "port": server.port, "protocol": "TCP"}],
            "endpoints": [
                {"addresses": [f"192.0.2.{self._servers}"], "conditions": {"ready": True}}
            ],
        }
        self._api.ask("POST", SLICES, body)

    def ports(self):
        """Give the ports to choose from, as a client looks them up."""
        listed = self._api.ask("GET", f"{SLICES}?{SELECTOR}")["items"]
        return [each["ports"][0]["port"] for each in listed]

    def clear(self):
        """Take all away."""
        for number in range(1, self._servers + 1):
            self._api.try_to("DELETE", f"{SLICES}/calico-typha-{number}")


class Client:
    """Connects as Felix does: to any server that it has not tried yet, again and again."""

    def __init__(self, number, case, service, port):
        self._service = service
        self._syncer = SYNCERS[number % case.syncers]
        self._tried = set()
        self._is_over = False
        self._connection = None
        self.port = 0
        self.drops = []
        self._connect(port)
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def close(self):
        """Leave for good."""
        self._is_over = True
        self._thread.join()

    def _connect(self, port):
        hello = generations.hello(self._syncer, hostname="roaming")
        self._connection = dialing.connect(Address("127.0.0.1", port), hello, timeouts=TIMEOUTS)
        self._tried.add(port)
        self.port = port

    def _follow(self):
        while not self._is_over:
            try:
                self._connection.receive(LOOK_SECONDS)
            except SilenceError:
                continue
            except (DialError, OSError):
                self._connection.close()
                self.drops.append(time.monotonic())
                self.port = 0
                self._come_back()
        self._connection.close()

    def _come_back(self):
        while not self._is_over:
            ports = self._service.ports()
            untried = [port for port in ports if port not in self._tried]
            if not untried:
                self._tried.clear()
            with contextlib.suppress(DialError):
                self._connect(random.choice(untried or ports))
                return


@pytest.fixture
def service(server):
    """Have a Service without endpoints."""
    made = Service(server)
    yield made
    made.clear()


@pytest.fixture
def serve(short_folder, monkeypatch, kubeconfig):
    """Give a function that starts a server for as long as the test lasts."""
    for name in ("K8S_API_ENDPOINT", "CALICO_API_GROUP", "USE_POD_CIDR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    folders = itertools.count()
    with contextlib.ExitStack() as stack:

        def start():
            folder = short_folder / str(next(folders))
            folder.mkdir()
            return stack.enter_context(running(folder, folder, tls=False, **SETTINGS))

        yield start


@pytest.fixture
def nodes(server):
    """Give a function that makes nodes, so that there are as many."""
    made = []

    def have(count):
        assert not server.ask("GET", NODES)["items"]
        for number in range(count):
            made.append(f"rebalanced-{number}")
            server.ask("POST", NODES, {"metadata": {"name": made[-1]}})

    yield have
    for name in made:
        server.ask("DELETE", f"{NODES}/{name}")


def has_limit(server, limit):
    """Make a condition: a server has said that it has this limit."""
    return lambda: f"limit={limit}" in server.log()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_clients_settle_and_nobody_is_dropped_twice_in_a_minute(
    service, serve, nodes, case, capsys
):
    """Two servers with 60 clients, and a third that joins."""
    nodes(case.nodes)
    servers = [serve(), serve()]
    for each in servers:
        service.add(each)
    clients = []
    try:
        for number in range(CLIENTS):
            port = servers[number >= case.first].port
            clients.append(Client(number, case, service, port))
        third = serve()
        service.add(third)
        for each in (*servers, third):
            wait_for(has_limit(each, case.limit), "the limit of three")
        joined = time.monotonic()

        def holding():
            return [sum(c.port == each.port for c in clients) for each in (*servers, third)]

        wait_for(
            lambda: is_calm(clients, joined) and max(holding()) <= case.most,
            "everybody to be somewhere for good",
            5 * MINUTE,
        )
        held = holding()
        drops = [len(client.drops) for client in clients]
        with capsys.disabled():
            took = settled_at(clients, joined) - joined
            print(f"\n{held} clients after {sum(drops)} drops in {took:.0f} s")  # noqa: T201
        assert sum(held) == CLIENTS
        assert max(held) <= case.most
        assert sum(drops) >= case.first - case.limit
        assert all(shortest(client.drops) > MINUTE for client in clients)
    finally:
        for client in clients:
            client.close()


def settled_at(clients, joined):
    """Tell when the last client was dropped."""
    return max((drop for client in clients for drop in client.drops), default=joined)


def is_calm(clients, joined):
    """Tell whether nobody was dropped for long, and all are somewhere."""
    is_quiet = time.monotonic() - settled_at(clients, joined) > CALM_SECONDS
    return is_quiet and all(client.port for client in clients)


def shortest(drops):
    """Give the shortest time between two drops."""
    return min((b - a for a, b in itertools.pairwise(drops)), default=float("inf"))
