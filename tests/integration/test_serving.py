"""The whole server on a real kube-apiserver: its watches, poison at start and live, an outage."""

import itertools
import re
from collections import Counter
from urllib.request import urlopen

import pytest

from benchmarks import free_ports
from tests.e2e import server as typha
from tests.integration.definitions import CRD
from typha.datastore.k8s import kinds
from typha.model.resources import ApiGroup
from typha.syncproto.messages import SyncerType

POLICIES = f"{CRD}/globalnetworkpolicies"
KEY = "/calico/v1/policy/GlobalNetworkPolicy//{}"
OTHERS = 999
WATCHES = re.compile(r"^apiserver_longrunning_requests{(.*)} (\d+)$", re.MULTILINE)
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
    options = {"datastoretype": "kubernetes", "prometheusmetricsenabled": "true"}
    port = str(free_ports.take())
    with typha.running(
        tmp_path, tmp_path, tls=False, prometheusmetricsport=port, **options
    ) as served:
        served.metrics = f"http://127.0.0.1:{port}/metrics"
        yield served


def invalid(served) -> int:
    """Read how many policies are left out; -1 while nobody tells."""
    try:
        with urlopen(served.metrics) as answer:
            shown = answer.read().decode()
    except OSError:
        return -1
    wanted = 'typha_invalid_objects{resource="globalnetworkpolicies.projectcalico.org"} '
    [value] = [line for line in shown.splitlines() if line.startswith(wanted)] or [f"{wanted}0"]
    return int(float(value.removeprefix(wanted)))


def watched(server) -> Counter:
    """Count the watches that the API server holds, by group and plural of the resource."""
    found = Counter()
    for labels, count in WATCHES.findall(server.ask("GET", "/metrics")["text"]):
        label = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        if label["verb"] == "WATCH":
            found[label["group"], label["resource"]] += int(count)
    return found


def by_others(server) -> Counter:
    """Count what is watched without us: once no Calico resource is, which nobody else does."""
    calico = ApiGroup.CRD.partition("/")[0]
    typha.wait_for(
        lambda: not any(count for (group, _), count in watched(server).items() if group == calico),
        "the watches of earlier tests to end",
    )
    return watched(server)


@pytest.fixture
def before(server):
    """Count the watches before ours."""
    return by_others(server)


def test_each_resource_is_watched_once_for_clients_of_all_syncers(server, before, serving):
    """As the API server itself counts: the original opens 33 watches for 27 resources."""
    for syncer in SyncerType:
        serving.follower(syncer=syncer)
    places = [kind.version_in(ApiGroup.CRD).rpartition("/")[0] for kind in kinds.KINDS]
    ours = Counter(zip(places, [kind.plural for kind in kinds.KINDS], strict=True))
    assert set(ours.values()) == {1}
    typha.wait_for(lambda: watched(server) - before == ours, "a watch of each resource")
    assert sum(ours.values()) == 27


@pytest.fixture
def policies(server):
    """Store 999 policies, and one that cannot be decoded, before the server starts; their names.

    The poison is the first of them.
    """
    names = [f"p-{next(_names)}" for _ in range(OTHERS + 1)]
    server.ask("POST", POLICIES, policy(names[0], "[443 9000]"))
    for name in names[1:]:
        server.ask("POST", POLICIES, policy(name))
    yield names
    for name in names:
        server.try_to("DELETE", f"{POLICIES}/{name}")


def test_one_undecodable_object_among_a_thousand_harms_only_itself(server, policies, serving):
    """In sync at start, every change is told, the gauge says one; none when it is mended."""
    poison, first, *_ = policies
    client = serving.follower()
    assert {KEY.format(name) for name in policies[1:]} <= set(client.state)
    assert KEY.format(poison) not in client.state
    typha.wait_for(lambda: invalid(serving) == 1, "the gauge to tell of one")
    server.ask("PATCH", f"{POLICIES}/{poison}", {"spec": policy(poison)["spec"]})
    client.read_until(lambda follower: KEY.format(poison) in follower.state)
    typha.wait_for(lambda: invalid(serving) == 0, "the gauge to tell of none")

    server.ask("PATCH", f"{POLICIES}/{first}", {"spec": policy("", "70000")["spec"]})
    client.read_until(lambda follower: KEY.format(first) not in follower.state)
    typha.wait_for(lambda: invalid(serving) == 1, "the gauge to tell of one")
    for name in policies[2:]:
        server.ask("PATCH", f"{POLICIES}/{name}", {"spec": {"order": 7}})
    changed = [KEY.format(name) for name in policies[2:]]
    client.read_until(lambda f: all(b'"order":7' in f.state[key] for key in changed))
    server.ask("PATCH", f"{POLICIES}/{first}", {"spec": policy("")["spec"]})
    client.read_until(lambda follower: KEY.format(first) in follower.state)
    typha.wait_for(lambda: invalid(serving) == 0, "the gauge to tell of none")


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
