"""Which key is whose."""

import pytest

from typha.datastore import ports
from typha.datastore.etcd import codec, kinds

V3 = "/calico/resources/v3/projectcalico.org"


@pytest.mark.parametrize(
    ("resource", "key", "identity"),
    [
        ("tiers", f"{V3}/tiers/default", ("", "default")),
        ("networkpolicies", f"{V3}/networkpolicies/ns/a.b", ("ns", "a.b")),
        (
            "ipamblocks",
            "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26",
            ("", "ipv4/block/10.0.0.0-26"),
        ),
        (
            "blockaffinities",
            "/calico/ipam/v2/host/node-1/ipv6/block/fd00::-122",
            ("", "node-1/ipv6/block/fd00::-122"),
        ),
    ],
)
def test_a_key_names_its_object(resource, key, identity):
    """Namespaced kinds have one segment more; IPAM's keys are names as a whole."""
    kind = kinds.KINDS[f"{resource}.projectcalico.org"]
    assert key.startswith(kind.prefix)
    assert kind.identity(key.encode()) == identity


@pytest.mark.parametrize(
    ("resource", "key"),
    [
        ("tiers", f"{V3}/tiers/"),
        ("tiers", f"{V3}/tiers/a/b"),
        ("networkpolicies", f"{V3}/networkpolicies/lonely"),
        ("networkpolicies", f"{V3}/networkpolicies//nameless"),
        ("ipamblocks", "/calico/ipam/v2/assignment/ipv5/block/10.0.0.0-26"),
        ("ipamblocks", "/calico/ipam/v2/assignment/ipv4/blocks/10.0.0.0-26"),
        ("blockaffinities", "/calico/ipam/v2/host/n/ipv4/block/"),
    ],
)
def test_other_keys_below_a_prefix_are_nobodys(resource, key):
    """They are ignored, in lists and when they change."""
    kind = kinds.KINDS[f"{resource}.projectcalico.org"]
    entry = codec.Entry(key.encode(), b"{}", 7)
    with pytest.raises(kinds.ForeignKeyError):
        kind.identity(entry.key)
    assert list(kinds.listed(kind, [entry], first=True)) == [
        ports.Listed(kind.resource, [], first=True)
    ]
    assert not list(kinds.changed(kind, codec.Change(deleted=False, entry=entry)))
    assert not list(kinds.changed(kind, codec.Change(deleted=True, entry=entry)))


def test_prefixes_do_not_overlap():
    """Or a key would be read twice."""
    prefixes = [kind.prefix for kind in kinds.KINDS.values()]
    assert all(prefix.startswith("/calico/") and prefix.endswith("/") for prefix in prefixes)
    assert not [a for a in prefixes for b in prefixes if a is not b and a.startswith(b)]


TIERS = kinds.KINDS["tiers.projectcalico.org"]
KEY = f"{V3}/tiers/t".encode()


def test_a_change_is_the_object_with_its_revision():
    """The metadata is the key's, whatever the value says."""
    entry = codec.Entry(KEY, b'{"metadata":{"name":"other"}}', 7)
    assert list(kinds.changed(TIERS, codec.Change(deleted=False, entry=entry))) == [
        ports.Changed(
            TIERS.resource,
            {
                "metadata": {"namespace": "", "name": "t", "resourceVersion": "7"},
                "etcd": {"metadata": {"name": "other"}},
            },
        )
    ]


def test_a_deletion_needs_the_key_alone():
    """Its previous value was not even asked for."""
    change = codec.Change(deleted=True, entry=codec.Entry(KEY, b"", 7))
    assert list(kinds.changed(TIERS, change)) == [ports.Removed(TIERS.resource, "", "t")]


@pytest.mark.parametrize("value", [b"", b"{nope", b"\xff"])
def test_what_is_not_json_is_told_with_its_name(value):
    """In a list it comes beside the objects."""
    entry = codec.Entry(KEY, value, 7)
    [told] = kinds.changed(TIERS, codec.Change(deleted=False, entry=entry))
    assert (told.resource, told.name) == (TIERS.resource, "t")
    assert isinstance(told, ports.Undecodable)
    assert told.reason.startswith("not JSON")
    page, beside = kinds.listed(TIERS, [entry], first=False)
    assert page == ports.Listed(TIERS.resource, [], first=False)
    assert beside == told


def test_an_empty_affinity_is_an_object():
    """That is how older releases wrote it."""
    entry = codec.Entry(b"/calico/ipam/v2/host/n/ipv4/block/10.0.0.0-26", b"", 7)
    [told] = kinds.changed(kinds.AFFINITIES, codec.Change(deleted=False, entry=entry))
    assert isinstance(told, ports.Changed)
    assert told.object["etcd"] == {}
