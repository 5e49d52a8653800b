"""Rules for CalicoNodeStatus: one case a rule."""

import pytest

from typha.model import node_status, typed
from typha.validation import v3

GOOD = {"node": "node-1", "classes": ["Agent", "BGP"], "updatePeriodSeconds": 10}


def unfit(spec):
    """Return why a status of this spec must not be sent."""
    spec = node_status.SPEC.convert(spec)
    return v3.reason_unfit("caliconodestatuses", {"metadata": {"name": "s"}, "spec": spec})


@pytest.mark.parametrize(
    "change", [{}, {"classes": []}, {"updatePeriodSeconds": 0}, {"updatePeriodSeconds": 86400}]
)
def test_good_ones_are_sent(change):
    """No class at all is allowed, if it is said."""
    assert unfit(GOOD | change) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"node": ""}, "node"),
        ({"node": "a_b"}, "node"),
        ({"classes": ["Agent", "Agent"]}, "classes"),
        ({"updatePeriodSeconds": None}, "updatePeriodSeconds"),
        ({"updatePeriodSeconds": 86401}, "updatePeriodSeconds"),
    ],
)
def test_bad_ones_are_not(change, told):
    """Each for its own reason."""
    assert told in unfit(GOOD | change)


@pytest.mark.parametrize("spec", [{"node": "n", "updatePeriodSeconds": 1}, {"classes": None}, {}])
def test_classes_must_be_given(spec):
    """As the original's filter demands; an object without a spec has none either."""
    with pytest.raises(typed.MemberError, match="classes"):
        node_status.SPEC.convert(spec)
    with pytest.raises(typed.MemberError, match="classes"):
        typed.retype(node_status.SPEC, None, "spec")
