"""The whole server on a real kube-apiserver: poison, at start and live, and an outage."""

import itertools

import pytest

from tests.e2e import server as typha
from tests.integration.definitions import CRD
from typha.syncproto.messages import SyncerType

POLICIES = f"{CRD}/globalnetworkpolicies"
KEY = "/calico/v1/policy/GlobalNetworkPolicy//{}"
_names = itertools.count()


def policy(name: str, port: object = 80, order: float = 1) -> dict:
    """Write a policy; not every port is one."""
    rule = {"action": "Allow", "protocol": "TCP", "destination": {"ports": [port]}}
    return {
        "apiVersion": "crd.projectcalico.org/v1",
        "kind": "GlobalNetworkPolicy",
        "metadata": {"name": name},
        "spec": {"selector": "all()", "order": order, "types": ["Ingress"], "ingress": [rule]},
    }


@pytest.fixture
def serving(tmp_path, monkeypatch, kubeconfig):
    """Serve what the cluster holds."""
    for name in ("K8S_API_ENDPOINT", "CALICO_API_GROUP", "USE_POD_CIDR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    with typha.running(tmp_path, tmp_path, tls=False, datastoretype="kubernetes") as served:
        yield served


@pytest.fixture
def poison(server):
    """Store a policy that cannot be decoded before the server starts; its name."""
    name = f"poison-{next(_names)}"
    server.ask("POST", POLICIES, policy(name, "[443 9000]"))
    yield name
    server.try_to("DELETE", f"{POLICIES}/{name}")


def test_one_undecodable_object_harms_only_itself(server, poison, serving):
    """In sync at start, every change is told, and it is back when it is mended."""
    names = [f"good-{next(_names)}" for _ in range(50)]
    client = serving.follower()
    assert KEY.format(poison) not in client.state
    for name in names:
        server.ask("POST", POLICIES, policy(name))
    wanted = {KEY.format(name) for name in names}
    client.read_until(lambda follower: wanted <= set(follower.state))
    server.ask("PATCH", f"{POLICIES}/{poison}", {"spec": policy(poison)["spec"]})
    client.read_until(lambda follower: KEY.format(poison) in follower.state)
    server.ask("PATCH", f"{POLICIES}/{names[0]}", {"spec": policy("", "70000")["spec"]})
    client.read_until(lambda follower: KEY.format(names[0]) not in follower.state)
    server.ask("PATCH", f"{POLICIES}/{names[1]}", {"spec": policy("", order=7)["spec"]})
    client.read_until(lambda f: b'"order":7' in f.state[KEY.format(names[1])])


def test_an_outage_with_compaction_tells_only_real_differences(etcd, server, serving):
    """No client is disconnected; what did not change is not sent again."""
    name = f"later-{next(_names)}"
    clients = {syncer: serving.follower(syncer=syncer) for syncer in SyncerType}
    server.stop(kill=True)
    etcd.compact()
    server.start()
    told = {syncer: len(client.updates) for syncer, client in clients.items()}
    server.ask("POST", POLICIES, policy(name))
    felix = clients[SyncerType.FELIX]
    felix.read_until(lambda follower: KEY.format(name) in follower.state)
    assert [each.key for each in felix.updates[told[SyncerType.FELIX] :]] == [KEY.format(name)]
    server.ask("DELETE", f"{POLICIES}/{name}")
    felix.read_until(lambda follower: KEY.format(name) not in follower.state)
