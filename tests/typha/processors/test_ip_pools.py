"""Pools are known by their masked network."""

import pytest

from typha.model.resources import ConversionError, Resource
from typha.processors import ip_pools


def process(**spec):
    """Convert a pool."""
    return ip_pools.process(Resource("IPPool", "", "pool1", "5", {"spec": spec}))


def test_a_pool_with_nothing_but_a_network_says_every_member():
    """But for its uses, which are left out when there are none."""
    (kv,) = process(cidr="FD00:65::1/64")
    assert kv.key == "/calico/v1/ipam/v6/pool/fd00:65::-64"
    assert list(kv.value.items()) == [
        ("cidr", "fd00:65::/64"),
        ("ipip", ""),
        ("ipip_mode", ""),
        ("vxlan_mode", ""),
        ("masquerade", False),
        ("ipam", True),
        ("disabled", False),
        ("disableBGPExport", False),
        ("assignment_mode", "Automatic"),
    ]


@pytest.mark.parametrize(
    ("mode", "sent", "tunnel"),
    [
        ("Always", "always", "tunl0"),
        ("CrossSubnet", "cross-subnet", "tunl0"),
        ("Never", "", ""),
        ("always", "", ""),
    ],
)
def test_modes_are_respelt(mode, sent, tunnel):
    """Only IPIP names its device."""
    (kv,) = process(cidr="10.0.0.0/8", ipipMode=mode)
    assert (kv.value["ipip_mode"], kv.value["ipip"]) == (sent, tunnel)
    (kv,) = process(cidr="10.0.0.0/8", vxlanMode=mode)
    assert (kv.value["vxlan_mode"], kv.value["ipip"]) == (sent, "")


def test_a_disabled_pool_is_sent_as_such():
    """With its uses and its mode of assignment."""
    (kv,) = process(
        cidr="10.0.0.0/8", disabled=True, assignmentMode="Manual", allowedUses=["Tunnel"]
    )
    assert (kv.value["ipam"], kv.value["disabled"]) == (False, True)
    assert (kv.value["assignment_mode"], kv.value["allowed_uses"]) == ("Manual", ["Tunnel"])


@pytest.mark.parametrize(("mode", "sent"), [(None, "Automatic"), ("", ""), ("Manual", "Manual")])
def test_only_a_mode_of_assignment_that_is_not_given_has_a_default(mode, sent):
    """An empty one is given."""
    (kv,) = process(cidr="10.0.0.0/8", assignmentMode=mode)
    assert kv.value["assignment_mode"] == sent


@pytest.mark.parametrize("cidr", ["", "zz", "10.0.0.1", "10.0.0.0/33", None])
def test_a_pool_without_a_network_is_refused(cidr):
    """An address alone is none."""
    with pytest.raises(ConversionError, match=r"^spec\.cidr: "):
        process(cidr=cidr)
