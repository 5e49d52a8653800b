"""Every shape of manifest gives its objects, and a broken object harms only itself."""

import orjson
import pytest

from tests import golden_data
from typha.datastore.files import manifests
from typha.datastore.files.manifests import Identity

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "ns"}}


def read(text: str | bytes, path: str = "dir/x.yaml") -> manifests.Manifest:
    """Read one file."""
    return manifests.read(path, text.encode() if isinstance(text, str) else text)


def names(manifest: manifests.Manifest) -> list[str]:
    """Give the objects found, in order."""
    return [found.identity.text for found in manifest.found]


def test_a_single_object_is_found_with_its_line():
    """Comments and the marker before it count as lines."""
    manifest = read("# a pod\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: n}\n")
    assert names(manifest) == ["pods n/a"]
    assert manifest.found[0].line == 3
    assert manifest.found[0].object["kind"] == "Pod"


def test_a_namespaced_object_without_namespace_is_in_default():
    """And one that is not namespaced has none, whatever it says."""
    text = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n"
        "apiVersion: v1\nkind: Node\nmetadata: {name: b, namespace: odd}\n"
    )
    assert [found.identity for found in read(text).found] == [
        Identity("pods", "default", "a"),
        Identity("nodes", "", "b"),
    ]


@pytest.mark.parametrize("group", ["crd.projectcalico.org/v1", "projectcalico.org/v3"])
def test_calicos_own_are_one_resource_in_either_group(group):
    """The object keeps the group that it names."""
    manifest = read(f"apiVersion: {group}\nkind: Tier\nmetadata: {{name: t}}\n")
    assert names(manifest) == ["tiers.projectcalico.org t"]
    assert manifest.found[0].object["apiVersion"] == group


def test_lists_of_every_kind_are_unpacked():
    """A `List` of lists and objects, and a typed list whose items leave their type unsaid."""
    inner = {"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": {"name": "b"}}]}
    nothing = {"apiVersion": "v1", "kind": "NodeList", "items": None}
    outer = {"apiVersion": "v1", "kind": "List", "items": [POD, inner, nothing]}
    manifest = read(orjson.dumps(outer), "x.json")
    assert names(manifest) == ["pods ns/a", "pods default/b"]
    assert manifest.found[1].object == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "b"},
    }
    assert not manifest.problems


def test_one_broken_object_of_a_thousand_hides_no_other():
    """Each is named by its place in the list, and by line where the format tells it."""
    pods = [f"- metadata: {{name: p{n}}}\n" for n in range(1000)]
    pods[3] = "- metadata: {name: [x]}\n"
    pods[500] = "- just text\n"
    pods[700] = "- metadata: {name: p700, namespace: 5}\n"
    pods[800] = "- {}\n"
    pods[900] = "-\n"
    manifest = read("apiVersion: v1\nkind: PodList\nitems:\n" + "".join(pods))
    assert len(manifest.found) == 995
    assert [(problem.line, problem.reason) for problem in manifest.problems] == [
        (7, "items[3]: metadata.name must be text and not empty"),
        (1, "items[500]: not an object"),
        (704, "items[700]: metadata.namespace must be text"),
        (804, "items[800]: metadata is missing"),
        (1, "items[900]: not an object"),
    ]
    assert manifest.whole
    assert manifest.problems[0].text == (
        "dir/x.yaml:7: items[3]: metadata.name must be text and not empty"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- 1\n", "not an object"),
        ("just text", "not an object"),
        ("kind: Pod\nmetadata: {name: a}\n", "apiVersion and kind must be given"),
        ("apiVersion: v1\nmetadata: {name: a}\n", "apiVersion and kind must be given"),
        ("apiVersion: {}\nkind: [Pod]\n", "apiVersion and kind must be given"),
        ("apiVersion: v1\nkind: Pod\n", "metadata is missing"),
        ("apiVersion: v1\nkind: Pod\nmetadata: [a]\n", "metadata is missing"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {}\n", "metadata.name must be text and not empty"),
        ("{}", "apiVersion and kind must be given"),
    ],
)
def test_what_is_no_object_is_a_problem(text, reason):
    """With the reason in words."""
    (problem,) = read(text).problems
    assert problem.reason == reason


def test_a_broken_document_is_a_problem_and_the_file_is_not_whole():
    """The others are found all the same."""
    text = "a: [\n---\napiVersion: v1\nkind: Node\nmetadata: {name: n}\n"
    manifest = read(text)
    assert names(manifest) == ["nodes n"]
    assert not manifest.whole
    assert manifest.problems[0].path == "dir/x.yaml"


def test_objects_of_no_interest_are_ignored_by_name():
    """They are no problem."""
    text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n---\n---\n# nothing\n"
    manifest = read(text)
    assert manifest == manifests.Manifest(ignored=("Deployment d",))


def test_lists_in_lists_end():
    """A file cannot make us go deeper than a few."""
    value: object = POD
    for _ in range(50):
        value = {"apiVersion": "v1", "kind": "List", "items": [value]}
    assert read(orjson.dumps(value), "x.json").found == ()


@pytest.mark.golden
@pytest.mark.parametrize("folder", ["crd", "v3-crds", "pod-cidr"])
def test_saved_answers_of_an_api_server_are_found_whole(folder):
    """Paths give the type of items that do not name theirs; unwatched resources are ignored."""
    lists = golden_data.objects(folder)
    manifest = read(orjson.dumps(lists), "objects.json")
    unwatched = ("ipamconfig", "ipamhandle", "ipreservation", "kubecontrollers")
    expected = [
        (golden_data.resource_of(path), item["metadata"]["name"])
        for path, answer in lists.items()
        for item in answer["items"]
        if not golden_data.resource_of(path).startswith(unwatched)
    ]
    found = [(one.identity.resource, one.identity.name) for one in manifest.found]
    assert found == expected
    assert not manifest.problems


def test_saved_answers_may_be_plain_lists_by_path():
    """The path says what they are; an answer that is none harms no other."""
    saved = {"/api/v1/pods": [{"metadata": {"name": "a"}}], "/api/v1/nodes": 5}
    manifest = read(orjson.dumps(saved), "x.json")
    assert names(manifest) == ["pods default/a"]
    assert [problem.reason for problem in manifest.problems] == ["[/api/v1/nodes]: not an object"]


def test_a_problem_with_half_a_character_can_be_told():
    """The place says where, in the words of the file; what is reported becomes JSON."""
    (problem,) = read(b'{"/\\ud800": 5}', "x.json").problems
    assert problem.text == "x.json:1: [/\N{REPLACEMENT CHARACTER}]: not an object"


@pytest.mark.parametrize("inside", [b"[" * 500 + b"]" * 500, b'"\\ud800"'])
def test_what_could_not_be_sent_is_a_problem_of_that_object_alone(inside):
    """Nested without end, or with half a character."""
    bad = b'{"apiVersion":"v1","kind":"Node","metadata":{"name":"bad"},"spec":' + inside + b"}"
    manifest = read(bad + b"\n" + orjson.dumps(POD), "x.json")
    assert names(manifest) == ["pods ns/a"]
    assert len(manifest.problems) == 1
