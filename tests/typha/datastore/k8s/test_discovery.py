"""The group of Calico's own resources is found as the original finds it."""

import pytest

from typha.datastore.k8s import discovery
from typha.model.resources import ApiGroup


@pytest.mark.parametrize(
    ("configured", "group"),
    [
        ("", None),
        ("projectcalico.org/v3", ApiGroup.V3),
        ("ProjectCalico.org/V3", ApiGroup.V3),
        ("crd.projectcalico.org/v1", ApiGroup.CRD),
        ("anything", ApiGroup.CRD),
    ],
)
def test_the_configuration_decides_first(configured, group):
    """Any text but the newer group's name means the older."""
    assert discovery.chosen(configured) == group


@pytest.mark.parametrize(
    ("names", "group"),
    [
        (["projectcalico.org", "apps"], ApiGroup.V3),
        (["projectcalico.org", "crd.projectcalico.org"], ApiGroup.CRD),
        (["crd.projectcalico.org"], ApiGroup.CRD),
        ([], ApiGroup.CRD),
    ],
)
def test_the_api_servers_groups_decide_next(names, group):
    """Where both are served, the newer one is a view of the older."""
    assert discovery.decide({"groups": [{"name": name} for name in names]}) == group


@pytest.mark.parametrize("answer", [{}, {"groups": 5}, {"groups": [5, {}]}])
def test_a_strange_answer_means_the_older_group(answer):
    """It is what nearly every cluster has."""
    assert discovery.decide(answer) == ApiGroup.CRD
