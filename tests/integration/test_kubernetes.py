"""Against a real kube-apiserver over a real etcd, with RBAC: list, watch, and what goes wrong."""

import base64
import itertools
import json
import os
import subprocess
import sys
import time

import pytest

from tests.e2e.server import wait_for
from tests.integration import definitions
from tests.integration.definitions import CRD, RBAC
from typha.datastore import waits
from typha.datastore.k8s import kinds
from typha.model.resources import ApiGroup

NETWORK_SETS = "globalnetworksets.projectcalico.org"
SETS = f"{CRD}/globalnetworksets"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_names = itertools.count()


@pytest.fixture
def name() -> str:
    """Make a name that no other test has."""
    return f"n{next(_names)}"


def network_set(name: str, *nets: str) -> dict:
    """Write a GlobalNetworkSet."""
    return {
        "apiVersion": "crd.projectcalico.org/v1",
        "kind": "GlobalNetworkSet",
        "metadata": {"name": name},
        "spec": {"nets": list(nets)},
    }


def nets(inbox, name: str) -> list[str]:
    """Give the nets of a set as last delivered."""
    value = inbox.objects.get(NETWORK_SETS, {}).get(("", name))
    return value["spec"]["nets"] if value else []


def test_every_resource_is_in_sync_under_the_least_role(following):
    """And what the original writes at start is there."""
    with following() as inbox:
        inbox.wait_synced(*kinds.BY_NAME)
        for each in kinds.BY_NAME:
            inbox.wait_for(lambda each=each: inbox.state(each) == "watching")
        inbox.wait_for(lambda: "kube-baseline" in inbox.names("tiers.projectcalico.org"))
        inbox.wait_for(lambda: inbox.names("clusterinformations.projectcalico.org") == {"default"})
        inbox.wait_for(lambda: {"default", "kube-system"} <= inbox.names("namespaces"))
        assert not inbox.missing
        revisions = {each.revision for each in inbox.reports.values()}
        assert all(revision.isdecimal() for revision in revisions)


def test_changes_are_delivered(server, following, name):
    """Of core types and of custom ones: created, altered, deleted."""
    with following("namespaces", NETWORK_SETS) as inbox:
        inbox.wait_synced("namespaces", NETWORK_SETS)
        server.ask("POST", SETS, network_set(name, "10.0.0.0/8"))
        inbox.wait_for(lambda: nets(inbox, name) == ["10.0.0.0/8"])
        server.ask("PATCH", f"{SETS}/{name}", {"spec": {"nets": ["10.1.0.0/16"]}})
        inbox.wait_for(lambda: nets(inbox, name) == ["10.1.0.0/16"])
        server.ask("DELETE", f"{SETS}/{name}")
        inbox.wait_for(lambda: name not in inbox.names(NETWORK_SETS))
        server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        inbox.wait_for(lambda: name in inbox.names("namespaces"))


def test_a_list_longer_than_a_page_is_complete(server, following, name):
    """From the API server's cache, and in pages from etcd."""
    body = {"metadata": {"name": ""}}
    path = "/api/v1/namespaces/default/serviceaccounts"
    for n in range(510):
        body["metadata"]["name"] = f"{name}-{n}"
        server.ask("POST", path, body)
    expected = {f"{name}-{n}" for n in range(510)}
    with following("serviceaccounts") as inbox:
        inbox.wait_synced("serviceaccounts")
        # What was created last may not be in the API server's cache yet.
        inbox.wait_for(lambda: expected <= inbox.names("serviceaccounts"))


@pytest.mark.parametrize("kill", [False, True])
def test_a_restart_of_the_api_server_loses_nothing(server, following, name, kill):
    """What changes right before and right after is there; the streams come back by themselves."""
    with following("namespaces", NETWORK_SETS) as inbox:
        inbox.wait_synced("namespaces", NETWORK_SETS)
        server.ask("POST", SETS, network_set(name, "10.0.0.0/8"))
        server.stop(kill=kill)
        inbox.wait_for(lambda: inbox.state(NETWORK_SETS) == "failing")
        server.start()
        server.ask("POST", SETS, network_set(f"{name}-later"))
        inbox.wait_for(lambda: {name, f"{name}-later"} <= inbox.names(NETWORK_SETS))
        for each in ("namespaces", NETWORK_SETS):
            inbox.wait_for(lambda each=each: inbox.state(each) == "watching")
        server.ask("DELETE", f"{SETS}/{name}")
        inbox.wait_for(lambda: name not in inbox.names(NETWORK_SETS))


def test_changes_during_an_outage_with_compacted_history_are_found(etcd, server, following, name):
    """An object vanished, another came, and no watch can be resumed."""
    server.ask("POST", SETS, network_set(f"{name}-goes"))
    server.ask("POST", SETS, network_set(f"{name}-stays", "10.0.0.0/8"))
    with following(NETWORK_SETS) as inbox:
        inbox.wait_synced(NETWORK_SETS)
        server.stop()
        prefix = "/registry/crd.projectcalico.org/globalnetworksets"
        stays = etcd.ask("range", {"key": f"{prefix}/{name}-stays".encode()})["kvs"][0]
        etcd.ask("put", {"key": f"{prefix}/{name}-comes".encode(), "value": _renamed(stays, name)})
        etcd.ask("deleterange", {"key": f"{prefix}/{name}-goes".encode()})
        for _ in range(5):
            etcd.ask("put", {"key": b"/elsewhere", "value": b"x"})
        etcd.compact()
        server.start()
        inbox.wait_for(lambda: f"{name}-comes" in inbox.names(NETWORK_SETS))
        inbox.wait_for(lambda: f"{name}-goes" not in inbox.names(NETWORK_SETS))
        assert f"{name}-stays" in inbox.names(NETWORK_SETS)


def _renamed(stored: dict, name: str) -> bytes:
    value = json.loads(base64.b64decode(stored["value"]))
    value["metadata"]["name"] = f"{name}-comes"
    return json.dumps(value).encode()


def test_a_definition_deleted_and_created_again(server, following, name, monkeypatch):
    """Its objects go, others are not disturbed, and later ones come."""
    monkeypatch.setattr(waits, "MISSING_SECONDS", 1.0)
    definition = next(
        each for each in definitions.CRDS if each["spec"]["names"]["plural"] == "bgpfilters"
    )
    path, resource = definitions.path_of(definition), "bgpfilters.projectcalico.org"
    body = {"apiVersion": "crd.projectcalico.org/v1", "kind": "BGPFilter"}
    server.ask("POST", path, {**body, "metadata": {"name": name}})
    with following(resource, NETWORK_SETS) as inbox:
        inbox.wait_synced(resource, NETWORK_SETS)
        inbox.wait_for(lambda: name in inbox.names(resource))
        server.ask("DELETE", f"{definitions.CRD_PATH}/{definition['metadata']['name']}")
        inbox.wait_for(lambda: not inbox.names(resource))
        inbox.wait_for(lambda: inbox.state(resource) == "missing")
        deadline = time.monotonic() + 90
        while server.try_to("POST", definitions.CRD_PATH, definition)[0] != 201:
            assert time.monotonic() < deadline  # it is still being deleted
            time.sleep(0.1)
        server.wait_served(path)
        server.ask("POST", path, {**body, "metadata": {"name": f"{name}-again"}})
        inbox.wait_for(lambda: f"{name}-again" in inbox.names(resource))
        inbox.wait_for(lambda: inbox.state(NETWORK_SETS) == "watching")


@pytest.fixture
def role(server):
    """Give a function that takes a verb from the role; it is given back in the end."""
    path = f"{RBAC}/clusterroles/typha"
    taken = []

    def take(resource: str, verb: str) -> None:
        taken.append((resource, verb))
        server.ask("PATCH", path, {"rules": definitions.without(resource, verb)})
        wait_until_it_may(server, resource, verb, expected=False)

    yield take
    server.ask("PATCH", path, {"rules": definitions.ROLE["rules"]})
    for resource, verb in taken:
        wait_until_it_may(server, resource, verb, expected=True)


def wait_until_it_may(server, plural: str, verb: str, *, expected: bool) -> None:
    """Wait until the authorizer knows what the user may do: it learns that from a watch."""
    kind = next(each for each in kinds.KINDS if each.plural == plural)
    attributes = {
        "group": kind.version_in(ApiGroup.CRD).rpartition("/")[0],
        "resource": plural,
        "verb": verb,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": definitions.ACCOUNT, "resourceAttributes": attributes},
    }
    wait_for(
        lambda: server.ask("POST", REVIEWS, review)["status"]["allowed"] is expected,
        f"the role's {verb} of {plural} to be {'given' if expected else 'taken'}",
    )


def test_a_role_that_lacks_a_rule_holds_that_resource_alone(server, following, role, monkeypatch):
    """Named by its report, and in sync soon after the rule is there."""
    monkeypatch.setattr(waits, "FORBIDDEN", waits.Growth(0.5, 1.0))
    role("globalnetworksets", "list")
    with following("namespaces", NETWORK_SETS) as inbox:
        inbox.wait_synced("namespaces")
        inbox.wait_for(lambda: inbox.state(NETWORK_SETS) == "forbidden")
        assert "cannot list resource" in inbox.reports[NETWORK_SETS].error
        assert NETWORK_SETS not in inbox.synced
        server.ask("PATCH", f"{RBAC}/clusterroles/typha", {"rules": definitions.ROLE["rules"]})
        inbox.wait_synced(NETWORK_SETS)


def test_a_role_that_may_not_watch_is_served_by_lists(server, following, role, name, monkeypatch):
    """Late, but true."""
    monkeypatch.setattr(waits, "FORBIDDEN", waits.Growth(0.5, 1.0))
    role("globalnetworksets", "watch")
    with following(NETWORK_SETS) as inbox:
        inbox.wait_synced(NETWORK_SETS)
        inbox.wait_for(lambda: inbox.state(NETWORK_SETS) == "forbidden")
        server.ask("POST", SETS, network_set(name))
        inbox.wait_for(lambda: name in inbox.names(NETWORK_SETS))


def test_no_access_to_what_most_clusters_lack_counts_as_absent(following, role):
    """Live migrations."""
    migrations = "virtualmachineinstancemigrations.kubevirt.io"
    role("virtualmachineinstancemigrations", "list")
    with following(migrations) as inbox:
        inbox.wait_synced(migrations)
        assert inbox.missing == {migrations}


def test_check_names_the_rule_that_a_role_lacks(kubeconfig, role):
    """With the exit code of an error."""
    role("globalnetworksets", "watch")
    found = subprocess.run(
        [sys.executable, "-m", "typha", "check", "--format", "json"],
        env={**os.environ, "TYPHA_DATASTORETYPE": "kubernetes", "KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.returncode == 2, found.stdout + found.stderr
    findings = [json.loads(line) for line in found.stdout.splitlines()]
    (wrong,) = [each for each in findings if each.get("verdict") == "error"]
    assert wrong["subject"] == NETWORK_SETS
    assert wrong["message"] == "the role lacks watch"
