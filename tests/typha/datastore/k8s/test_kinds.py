"""The table of resources: names, paths and types fit together."""

import pytest

from tests import golden_data
from typha.datastore.k8s import kinds
from typha.model.resources import ApiGroup, Reading
from typha.syncers import catalog


def test_every_resource_that_a_syncer_is_made_from_is_in_the_table():
    """And none that nobody wants."""
    assert {feed.resource for feed in catalog.feeds(Reading())} == set(kinds.BY_NAME)


@pytest.mark.golden
@pytest.mark.parametrize(("folder", "group"), [("crd", ApiGroup.CRD), ("v3-crds", ApiGroup.V3)])
def test_every_path_is_one_that_a_real_api_server_answered(folder, group):
    """With objects of the kind that the table says."""
    lists = golden_data.objects(folder)
    for kind in kinds.KINDS:
        answer = lists[kind.path(group)]
        assert golden_data.resource_of(kind.path(group)) == kind.name
        assert answer["kind"] == f"{kind.kind}List"
        assert answer["apiVersion"] == kind.version_in(group)
        for item in answer["items"]:
            assert ("namespace" in item["metadata"]) == kind.namespaced


def test_lookups_find_either_group():
    """By type and by path."""
    for group in (ApiGroup.CRD, ApiGroup.V3):
        tier = kinds.BY_TYPE[group, "Tier"]
        assert kinds.BY_PATH[f"/apis/{group}/tiers"] is tier
        assert tier.calico
    assert not kinds.BY_TYPE["v1", "Pod"].calico
    assert kinds.BY_PATH["/api/v1/pods"].name == "pods"
    assert kinds.BY_TYPE["networking.k8s.io/v1", "NetworkPolicy"].name == (
        "networkpolicies.networking.k8s.io"
    )


def test_only_what_most_clusters_lack_is_optional():
    """Live migrations and cluster policies."""
    assert {kind.kind for kind in kinds.KINDS if kind.optional} == {
        "VirtualMachineInstanceMigration",
        "ClusterNetworkPolicy",
    }
