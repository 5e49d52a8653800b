"""All files together stand for one datastore, completed as an API server would."""

import uuid

import pytest
from hypothesis import given, settings, strategies as st

from typha.datastore.files import contents, manifests
from typha.datastore.files.contents import Contents
from typha.datastore.files.manifests import Identity, Problem


def document(kind: str, name: str, **more) -> str:
    """Write one object; `more` goes into its metadata, `spec` apart."""
    spec = more.pop("spec", {})
    version = "projectcalico.org/v3" if kind in ("Tier", "ClusterInformation") else "v1"
    metadata = {"name": name, **more}
    return f"apiVersion: {version}\nkind: {kind}\nmetadata: {metadata}\nspec: {spec}\n"


def put(there: Contents, path: str, *documents: str) -> contents.Difference:
    """Write one file and settle."""
    there.put(path, manifests.read(path, "---\n".join(documents).encode()))
    return there.settle()


def metadata(there: Contents, resource: str, name: str, namespace: str = "") -> dict:
    """Give the metadata of an object as it is handed on."""
    return there.objects[Identity(resource, namespace, name)]["metadata"]


def test_what_an_api_server_would_add_is_added():
    """Namespace, UID, resource version, an unset time, and the label of a namespace."""
    there = Contents()
    put(there, "a.yaml", document("Pod", "p"), document("Namespace", "n", labels={"x": "y"}))
    pod = metadata(there, "pods", "p", "default")
    assert pod["namespace"] == "default"
    assert uuid.UUID(pod["uid"]).version == 5
    assert pod["resourceVersion"] == "1"
    assert pod["creationTimestamp"] is None
    labels = metadata(there, "namespaces", "n")["labels"]
    assert labels == {"x": "y", "kubernetes.io/metadata.name": "n"}
    assert "labels" not in pod


def test_what_an_object_states_is_kept():
    """UID, version and time of a saved list."""
    there = Contents()
    stated = {"uid": "u", "resourceVersion": "77", "creationTimestamp": "2024-01-02T03:04:05Z"}
    put(there, "a.yaml", document("Node", "n", **stated))
    assert metadata(there, "nodes", "n") == {"name": "n", **stated}


def test_a_uid_depends_on_kind_namespace_and_name_alone():
    """It is the same after a restart and in another file."""
    one, other = Contents(), Contents()
    put(one, "a.yaml", document("Pod", "p"), document("Pod", "p", namespace="b"))
    put(other, "b.yaml", document("Pod", "p", labels={"a": "b"}))
    here = metadata(one, "pods", "p", "default")["uid"]
    assert here == metadata(other, "pods", "p", "default")["uid"]
    assert here != metadata(one, "pods", "p", "b")["uid"]


def test_each_changed_object_takes_the_next_resource_version():
    """Unchanged ones keep theirs."""
    there = Contents()
    put(there, "a.yaml", document("Node", "a"), document("Node", "b"))
    put(there, "a.yaml", document("Node", "a"), document("Node", "b", labels={"x": "y"}))
    put(there, "c.yaml", document("Node", "c"))
    versions = [metadata(there, "nodes", name)["resourceVersion"] for name in "abc"]
    assert versions == ["1", "2", "3"]


def test_a_change_under_an_unchanged_stated_version_still_gets_a_new_one():
    """Who edits a saved list by hand forgets the version."""
    there = Contents()
    put(there, "a.yaml", document("Node", "a", resourceVersion="500"))
    put(there, "a.yaml", document("Node", "a", resourceVersion="500", labels={"x": "y"}))
    assert metadata(there, "nodes", "a")["resourceVersion"] == "2"
    put(there, "a.yaml", document("Node", "a", resourceVersion="501", labels={"x": "z"}))
    assert metadata(there, "nodes", "a")["resourceVersion"] == "501"


def test_only_real_differences_are_told():
    """Writing a file again, or in another order, changes nothing."""
    there = Contents()
    put(there, "a.yaml", document("Node", "a"), document("Node", "b"))
    again = put(there, "a.yaml", document("Node", "b"), document("Node", "a"))
    assert again == contents.Difference((), ())
    moved = put(there, "b.yaml", document("Node", "b"), document("Node", "a"))
    assert moved == contents.Difference((), ())


def test_removing_a_file_removes_its_objects_unless_another_has_them():
    """An object that also stands in an earlier file comes back as it is there."""
    there = Contents()
    put(there, "a.yaml", document("Node", "n", labels={"file": "a"}))
    put(there, "b.yaml", document("Node", "n", labels={"file": "b"}), document("Node", "m"))
    there.drop("b.yaml")
    difference = there.settle()
    assert difference.removed == (Identity("nodes", "", "m"),)
    ((identity, value),) = difference.changed
    assert identity.name == "n"
    assert value["metadata"]["labels"] == {"file": "a"}


def test_the_later_file_in_name_order_wins_with_a_warning():
    """Whatever the order in which they were read; within a file, the later place."""
    there = Contents()
    put(there, "b.yaml", document("Node", "n", labels={"file": "b"}))
    put(there, "a.yaml", document("Node", "n"), document("Node", "n", labels={"file": "a"}))
    assert metadata(there, "nodes", "n")["labels"] == {"file": "b"}
    assert [problem.text for problem in there.duplicates()] == [
        "a.yaml:6: nodes n is also in a.yaml:1; this one is taken",
        "b.yaml:1: nodes n is also in a.yaml:6; this one is taken",
    ]


def test_a_half_written_file_keeps_its_last_good_objects():
    """What can be read of it is taken, what may be in the broken part stays."""
    there = Contents()
    put(there, "a.yaml", document("Node", "a"), document("Node", "b"))
    difference = put(there, "a.yaml", document("Node", "a", labels={"x": "y"}), "kind: 'No")
    assert [identity.name for identity, _ in difference.changed] == ["a"]
    assert difference.removed == ()
    assert [problem.line for problem in there.problems()] == [6]
    mended = put(there, "a.yaml", document("Node", "a", labels={"x": "y"}))
    assert mended.removed == (Identity("nodes", "", "b"),)
    assert there.problems() == ()


def test_an_unreadable_file_keeps_its_last_objects():
    """Permission lost is not objects removed."""
    there = Contents()
    put(there, "a.yaml", document("Node", "a"))
    there.fail(Problem("a.yaml", 0, "Permission denied"))
    assert there.settle() == contents.Difference((), ())
    assert [problem.reason for problem in there.problems()] == ["Permission denied"]


def test_a_new_datastore_has_what_the_original_writes_into_it():
    """ClusterInformation and the three tiers."""
    there = Contents(contents.initial_objects("/some/where"))
    there.settle()
    specs = {identity.name: value["spec"] for identity, value in there.objects.items()}
    information = there.objects[Identity("clusterinformations.projectcalico.org", "", "default")]
    assert information["spec"]["datastoreReady"] is True
    assert len(information["spec"]["clusterGUID"]) == 32
    assert specs["kube-admin"] == {"order": 1000, "defaultAction": "Pass"}
    assert len(there.objects) == 4


def test_a_files_own_tier_stands_in_place_of_the_made_up_one():
    """And the made-up one comes back when the file goes; neither is a duplicate."""
    there = Contents(contents.initial_objects("/some/where"))
    there.settle()
    tier = Identity("tiers.projectcalico.org", "", "default")
    ((identity, value),) = put(
        there, "a.yaml", document("Tier", "default", spec={"order": 5})
    ).changed
    assert (identity, value["spec"]) == (tier, {"order": 5})
    assert list(there.duplicates()) == []
    there.drop("a.yaml")
    assert [identity for identity, _ in there.settle().changed] == [tier]


def test_the_made_up_cluster_keeps_its_guid():
    """Two servers over one folder agree, two folders differ."""
    assert contents.initial_objects("/a") == contents.initial_objects("/a")
    assert contents.initial_objects("/a") != contents.initial_objects("/b")


@pytest.mark.parametrize("labels", ["[a]", "text", "5"])
def test_malformed_labels_of_a_namespace_are_left_to_its_reader(labels):
    """They are no reason to fail here."""
    there = Contents()
    text = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: n, labels: {labels}}}\n"
    put(there, "a.yaml", text)
    assert metadata(there, "namespaces", "n")["labels"] in (["a"], "text", 5)


writes = st.tuples(
    st.sampled_from(["a.yaml", "b.yaml", "c.yaml"]),
    st.none() | st.lists(st.tuples(st.sampled_from("xyz"), st.integers(0, 2)), max_size=3),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(writes, max_size=12))
def test_any_order_of_writes_ends_as_a_fresh_reading(steps):
    """Following the differences leads to the same objects, but for their counters."""
    there, followed, files = Contents(), {}, {}
    for path, nodes in steps:
        if nodes is None:
            there.drop(path)
            files.pop(path, None)
        else:
            files[path] = [document("Node", name, labels={"v": str(v)}) for name, v in nodes]
            there.put(path, manifests.read(path, "---\n".join(files[path]).encode()))
        difference = there.settle()
        for identity in difference.removed:
            del followed[identity]
        followed.update(difference.changed)
    fresh = Contents()
    for path, documents in files.items():
        put(fresh, path, *documents)
    assert followed == there.objects
    assert _labels(followed) == _labels(fresh.objects)


def _labels(objects: dict) -> dict:
    return {identity: value["metadata"]["labels"] for identity, value in objects.items()}
