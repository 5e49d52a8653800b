"""The group of Calico's own resources is found as the original finds it."""

from types import SimpleNamespace

import pytest

from typha.datastore.answers import BROKEN_OFF
from typha.datastore.k8s import discovery
from typha.datastore.k8s.client import RequestError
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


def answering(answer):
    """Make a client of an API server that answers so, whatever it is asked."""
    return SimpleNamespace(fetch=lambda path: {"/apis": answer}[path])


@pytest.mark.parametrize("answer", [{}, {"groups": 5}, {"groups": None}])
def test_nothing_is_decided_by_an_answer_without_groups(answer):
    """It is asked again: what is decided stands until the end."""
    with pytest.raises(RequestError) as caught:
        discovery.ask(answering(answer))
    assert caught.value.failure.status == BROKEN_OFF
    assert discovery.ask(answering({"groups": []})) == ApiGroup.CRD
    newer = {"groups": [{"name": "projectcalico.org"}]}
    assert discovery.ask(answering(newer)) == ApiGroup.V3
