"""What the datastore must hold is written as the original writes it, once."""

import logging

import orjson
import pytest

from tests.fake_api import FakeApi, Trouble
from tests.typha.datastore.k8s.conftest import CRD
from typha.config.settings import KubernetesSettings
from typha.datastore.k8s import init
from typha.datastore.k8s.client import Client, RequestError
from typha.model.resources import ApiGroup

INFORMATION = f"{CRD}/clusterinformations"
TIERS = f"{CRD}/tiers"


@pytest.fixture
def client(api: FakeApi) -> Client:
    """Make a client of the fake API server."""
    return Client(KubernetesSettings(endpoint=api.url))


def stored(api: FakeApi, path: str) -> dict[str, dict]:
    """Give the objects that stand, by name."""
    return {name: orjson.loads(body) for (_, name), body in api.objects[path].items()}


def test_an_empty_datastore_gets_what_the_original_writes(api, client):
    """ClusterInformation and three tiers, in the older group with its metadata beside."""
    init.initialise(client, ApiGroup.CRD)
    (information,) = stored(api, INFORMATION).values()
    assert information["kind"] == "ClusterInformation"
    assert information["apiVersion"] == ApiGroup.CRD
    assert list(information["metadata"]["annotations"]) == ["projectcalico.org/metadata"]
    guid = information["spec"].pop("clusterGUID")
    assert len(bytes.fromhex(guid)) == 16
    assert information["spec"] == {"clusterType": "typha,kdd", "datastoreReady": True}
    assert {name: tier["spec"] for name, tier in stored(api, TIERS).items()} == {
        "default": {"order": 1000000, "defaultAction": "Deny"},
        "kube-admin": {"order": 1000, "defaultAction": "Pass"},
        "kube-baseline": {"order": 10000000, "defaultAction": "Pass"},
    }


def test_the_newer_group_keeps_its_metadata_where_it_belongs(api, client):
    """No annotation."""
    path = "/apis/projectcalico.org/v3/clusterinformations"
    api.serve(path)
    api.serve("/apis/projectcalico.org/v3/tiers")
    init.initialise(client, ApiGroup.V3)
    assert "annotations" not in stored(api, path)["default"]["metadata"]


def test_repeating_it_changes_nothing(api, client):
    """Nor does a second server."""
    init.initialise(client, ApiGroup.CRD)
    before = api.revision
    init.initialise(client, ApiGroup.CRD)
    assert api.revision == before


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, {"clusterGUID": "g", "clusterType": "typha,kdd", "datastoreReady": True}),
        (
            {"clusterGUID": "mine", "clusterType": "k8s,bgp", "datastoreReady": False},
            {
                "clusterGUID": "mine",
                "clusterType": "k8s,bgp,typha,kdd",
                "datastoreReady": False,
            },
        ),
        (
            {"clusterGUID": "", "clusterType": "kdd,typha", "calicoVersion": "v3"},
            {
                "clusterGUID": "g",
                "clusterType": "kdd,typha",
                "datastoreReady": True,
                "calicoVersion": "v3",
            },
        ),
        (
            {"clusterGUID": 5, "clusterType": 5, "datastoreReady": None},
            {"clusterGUID": 5, "clusterType": "typha,kdd", "datastoreReady": True},
        ),
    ],
)
def test_only_what_is_missing_is_added(spec, expected):
    """A datastore that says it is not ready stays so."""
    assert init.amended_spec(spec, "g") == expected


def test_an_incomplete_object_is_amended_with_its_metadata_as_it_was(api, client):
    """Against the revision that was read."""
    api.put(INFORMATION, {"metadata": {"name": "default", "labels": {"a": "b"}}, "spec": {}})
    init.initialise(client, ApiGroup.CRD)
    (information,) = stored(api, INFORMATION).values()
    assert information["metadata"]["labels"] == {"a": "b"}
    assert information["spec"]["clusterType"] == "typha,kdd"


def test_a_conflict_is_said_so_that_it_is_tried_again(api, client):
    """Somebody wrote in between; the next attempt reads anew."""
    api.put(INFORMATION, {"metadata": {"name": "default"}, "spec": {}})
    original = api.trouble
    api.trouble = {f"{INFORMATION}/default": Trouble(status=409, times=1, watch=False)}
    with pytest.raises(RequestError):
        init.initialise(client, ApiGroup.CRD)
    api.trouble = original
    init.initialise(client, ApiGroup.CRD)
    assert set(stored(api, TIERS)) == {"default", "kube-admin", "kube-baseline"}


@pytest.mark.parametrize("status", [401, 403])
def test_where_writing_is_forbidden_it_is_left_to_others(api, client, caplog, status):
    """With a warning for each object."""
    api.trouble["*"] = Trouble(status=status)
    with caplog.at_level(logging.WARNING):
        init.initialise(client, ApiGroup.CRD)
    told = [record.object for record in caplog.records if hasattr(record, "object")]
    assert told == ["ClusterInformation", "Tier default", "Tier kube-admin", "Tier kube-baseline"]


def test_other_trouble_is_said_so_that_it_is_tried_again(api, client):
    """Such as a definition that is not there yet."""
    api.unserve(TIERS)
    with pytest.raises(RequestError):
        init.initialise(client, ApiGroup.CRD)
