"""Saved keys, in both forms."""

import base64
import gzip
import json
from pathlib import Path

import pytest

from typha.datastore.etcd import dump, kinds

KEYS = Path(__file__).parents[3] / "data/datastore/etcd/keys.json.gz"
PLAIN = gzip.decompress(KEYS.read_bytes())
FOREIGN = (
    "/calico/felix/",
    "/calico/something/",
    "/calico/ipam/v2/config",
    "/calico/ipam/v2/handle/",
    "/calico/resources/v3/projectcalico.org/ipreservations/",
    "/calico/resources/v3/projectcalico.org/kubecontrollersconfigurations/",
)


def as_etcdctl_prints(plain):
    """Return the same keys in the form of `etcdctl get --prefix -w json`."""

    def encoded(text):
        return base64.b64encode(text.encode()).decode()

    kvs = [
        {
            "key": encoded(each["key"]),
            "create_revision": each["create_revision"],
            "mod_revision": each["mod_revision"],
            **({"value": encoded(each["value"])} if each["value"] else {}),
        }
        for each in json.loads(plain)["keys"]
    ]
    return json.dumps({"header": {"revision": 56}, "kvs": kvs, "count": len(kvs)}).encode()


def test_both_forms_say_the_same():
    """And a recorded dump has objects of nearly every kind."""
    objects = dump.read_dump(PLAIN)
    assert dump.read_dump(as_etcdctl_prints(PLAIN)) == objects
    assert objects.keys() == kinds.KINDS.keys()
    assert [resource for resource, found in objects.items() if not found] == []
    ours = [each for each in json.loads(PLAIN)["keys"] if not each["key"].startswith(FOREIGN)]
    assert sum(map(len, objects.values())) == len(ours)


def test_an_object_comes_as_the_source_delivers_it():
    """With the revision it had."""
    [tier] = [
        each
        for each in dump.read_dump(PLAIN)["tiers.projectcalico.org"]
        if each["metadata"]["name"] == "outer"
    ]
    assert tier["metadata"] == {"namespace": "", "name": "outer", "resourceVersion": "6"}
    assert tier["etcd"]["spec"] == {"order": 12.5, "defaultAction": "Pass"}


def test_a_value_that_is_not_json_is_kept_as_text():
    """For its reader to refuse, by name."""
    [bad] = [
        each
        for each in dump.read_dump(PLAIN)["globalnetworkpolicies.projectcalico.org"]
        if each["metadata"]["name"] == "not-json"
    ]
    assert bad["etcd"] == "{nope"


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (PLAIN, True),
        (as_etcdctl_prints(PLAIN), True),
        (b'{"keys": []}', True),
        (b"", False),
        (b"kind: Tier\n", False),
        (b'{"kind": "List", "items": []}', False),
        (b'{"kvs": []}', False),
        (b"[]", False),
    ],
)
def test_a_dump_is_told_from_a_manifest(data, answer):
    """By what it holds, not by its name."""
    assert dump.is_dump(data) is answer


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"{", "JSON"),
        (b"[]", "neither"),
        (b'{"keys": [{"key": "/a"}]}', "entry 0"),
        (b'{"keys": [{"key": "/a", "mod_revision": "x"}]}', "entry 0"),
        (b'{"keys": ["/a"]}', "entry 0"),
        (b'{"header": {}, "kvs": [{"key": "/a", "mod_revision": 1}]}', "base64"),
    ],
)
def test_a_broken_dump_says_where(data, told):
    """Nothing is guessed."""
    with pytest.raises(dump.DumpError, match=told):
        dump.read_dump(data)
