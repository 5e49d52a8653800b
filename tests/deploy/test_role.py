"""The role holds what the server asks the API server for, and nothing else."""

import pytest

from tests.deploy import building
from tests.fake_api import FakeApi, Request
from tests.typha.datastore.recording import Recording
from typha.config.settings import DatastoreSettings, KubernetesSettings
from typha.datastore.k8s import kinds, streams
from typha.model.resources import ApiGroup, Reading
from typha.syncers import catalog

Rule = tuple[str, str, str]  # group, resource, verb

REBALANCING = {("discovery.k8s.io", "endpointslices", "list")}
VERBS = {"POST": "create", "PUT": "update"}


def granted(role: dict) -> list[Rule]:
    """Spell out a role."""
    return [
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


def needed(request: Request) -> Rule | None:
    """Return what has to be granted for a request; None for what everybody may."""
    parts = request.path.strip("/").split("/")
    group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1:2] or [""], parts[3:])
    if not rest:
        return None
    if request.method == "GET":
        verb = "watch" if request.is_watch else "get" if len(rest) > 1 else "list"
    else:
        verb = VERBS[request.method]
    return ("".join(group), rest[0], verb)


def asked_of(api_group: str, *, information: bool) -> set[Rule]:
    """Run the source against an API server until all is watched; return what it needed."""
    paths = [kind.path(api_group) for kind in kinds.KINDS]
    with FakeApi() as api:
        for path in paths:
            api.serve(path)
        if information:
            api.put(
                kinds.BY_NAME["clusterinformations.projectcalico.org"].path(api_group),
                {"metadata": {"name": "default"}, "spec": {"clusterType": "k8s"}},
            )
        settings = DatastoreSettings(
            type="kubernetes", kubernetes=KubernetesSettings(endpoint=api.url)
        )
        wanted = {feed.resource for feed in catalog.feeds(Reading())}
        source = streams.open_source(settings, wanted)
        source.start(Recording())
        try:
            for path in paths:
                api.wait_for_request(path, watch=True)
        finally:
            source.stop()
        return {rule for request in api.requests if (rule := needed(request))}


@pytest.mark.parametrize(
    ("api_group", "other"), [(ApiGroup.CRD, ApiGroup.V3), (ApiGroup.V3, ApiGroup.CRD)]
)
def test_the_role_is_what_the_server_asks_for(api_group, other):
    """Whether the cluster is new or was begun by others, in either of Calico's groups."""
    asked = asked_of(api_group, information=False) | asked_of(api_group, information=True)
    role = granted(building.base()["ClusterRole", "calico-typha"])
    elsewhere = other.partition("/")[0]
    assert {rule for rule in role if rule[0] != elsewhere} == asked | REBALANCING


def test_the_role_grants_nothing_twice():
    """Each right stands in one place."""
    rules = granted(building.base()["ClusterRole", "calico-typha"])
    assert len(rules) == len(set(rules))


def test_with_etcd_only_typhas_are_counted():
    """The API server is asked for nothing else."""
    assert set(granted(building.built("overlays/etcd")["ClusterRole", "calico-typha"])) == (
        REBALANCING
    )


@pytest.mark.parametrize("variant", building.VARIANTS)
def test_the_role_is_the_account_s(variant):
    """And the account is the pod's."""
    objects = building.built(variant)
    binding = objects["ClusterRoleBinding", "calico-typha"]
    account = objects["ServiceAccount", "calico-typha"]
    assert ("ClusterRole", binding["roleRef"]["name"]) in objects
    assert binding["roleRef"]["kind"] == "ClusterRole"
    (subject,) = binding["subjects"]
    assert subject == {
        "kind": "ServiceAccount",
        **{key: account["metadata"][key] for key in ("name", "namespace")},
    }
    assert building.pod_of(objects)["serviceAccountName"] == subject["name"]
