"""The metadata a Calico object shows."""

import pytest

from tests import golden_data
from typha.model import encoding, metadata
from typha.model.resources import ApiGroup, ConversionError

UID, SHOWN_UID = "7a2f1c3e-9b4d-4e5f-8a6b-0c1d2e3f4a5b", "5ef4387c-d9b2-4efa-8ad6-30b874fc52da"
INNER = (
    '{"name":"other-name","uid":"11111111-1111","creationTimestamp":"2020-01-01T00:00:00Z",'
    '"labels":{"a":"b"},"annotations":{"c":"d"},"generation":7,"ownerReferences":[{"apiVersion":'
    '"crd.projectcalico.org/v1","kind":"Foo","name":"foo","uid":"7a2f1c3e-9b4d-4e5f-8a6b-0c1d2e3f4a5b"}'
    ',{"apiVersion":"v1","kind":"Pod","name":"p","uid":"kept"}],"finalizers":["f"]}'
)


def stored(**members):
    """Make metadata as the API server stores it."""
    return {"name": "peer2", "uid": UID, "resourceVersion": "9", **members}


@pytest.mark.parametrize("vector", golden_data.vectors("uids"), ids=lambda v: v["in"] or "empty")
def test_a_uid_is_shown_as_recorded(vector):
    """Bits reversed byte by byte, or refused."""
    if vector["error"]:
        with pytest.raises(ConversionError, match="is not a UUID"):
            metadata.convert_uid(vector["in"])
    else:
        assert metadata.convert_uid(vector["in"]) == vector["out"]
        assert metadata.convert_uid(vector["out"]) == vector["in"].lower()


def test_the_annotation_replaces_the_stored_metadata():
    """Name, labels, annotations and owners come from it; the UID does not."""
    annotations = {"other": "kept", metadata.ANNOTATION: INNER}
    labels = {"projectcalico.org/x": "1", "plain": "2"}
    meta = stored(labels=labels, annotations=annotations, managedFields=[{}], generation=1)
    assert encoding.encode(metadata.shown(meta, "BGPPeer", {}, ApiGroup.CRD)).decode() == (
        '{"name":"other-name","uid":"5ef4387c-d9b2-4efa-8ad6-30b874fc52da","generation":7,'
        '"creationTimestamp":"2020-01-01T00:00:00Z","labels":{"a":"b","plain":"2",'
        '"projectcalico.org/x":"1"},"annotations":{"c":"d","other":"kept"},"ownerReferences":'
        '[{"apiVersion":"projectcalico.org/v3","kind":"Foo","name":"foo",'
        '"uid":"5ef4387c-d9b2-4efa-8ad6-30b874fc52da"},'
        '{"apiVersion":"v1","kind":"Pod","name":"p","uid":"kept"}],"finalizers":["f"]}'
    )


def test_only_the_stored_annotation_is_taken_out():
    """One of the same name inside it is an annotation like others."""
    inner = f'{{"annotations":{{"{metadata.ANNOTATION}":"{{}}"}}}}'
    meta = stored(annotations={metadata.ANNOTATION: inner, "other": "kept"})
    shown = metadata.shown(meta, "BGPPeer", {}, ApiGroup.CRD)
    assert shown["annotations"] == {metadata.ANNOTATION: "{}", "other": "kept"}


@pytest.mark.parametrize(
    ("kind", "spec", "name"),
    [
        ("NetworkPolicy", {}, "np1"),
        ("GlobalNetworkPolicy", {"tier": "default"}, "np1"),
        ("StagedNetworkPolicy", {"tier": ""}, "np1"),
        ("NetworkPolicy", {"tier": "platform"}, "default.np1"),
        ("BGPPeer", {}, "default.np1"),
    ],
)
def test_a_policy_of_the_default_tier_shows_a_name_without_it(kind, spec, name):
    """Only if the annotation holds no name."""
    meta = stored(name="default.np1", annotations={metadata.ANNOTATION: "{}"})
    assert metadata.shown(meta, kind, spec, ApiGroup.CRD)["name"] == name


def test_without_the_annotation_only_the_uid_changes():
    """Generation and managed fields stay, byte for byte."""
    fields = {"f:spec": {".": {}, 'k:{"p":80}': {}}}
    meta = stored(generation=3, managedFields=[{"fieldsV1": fields, "manager": "m"}])
    shown = metadata.shown(meta, "BGPPeer", {}, ApiGroup.CRD)
    assert encoding.encode(shown).decode() == (
        f'{{"name":"peer2","uid":"{SHOWN_UID}","generation":3,"creationTimestamp":null,'
        '"managedFields":[{"manager":"m","fieldsV1":{"f:spec":{".":{},"k:{\\"p\\":80}":{}}}}]}'
    )


def test_objects_of_the_v3_group_keep_their_metadata():
    """UID and annotation too."""
    meta = stored(annotations={metadata.ANNOTATION: "not even JSON"})
    shown = metadata.shown(meta, "BGPPeer", {}, ApiGroup.V3)
    assert shown["uid"] == UID
    assert shown["annotations"] == {metadata.ANNOTATION: "not even JSON"}


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        (stored(uid="walnut"), "metadata.uid: 'walnut' is not a UUID"),
        (stored(annotations={metadata.ANNOTATION: "{"}), "not JSON"),
        (
            stored(annotations={metadata.ANNOTATION: '{"labels":[]}'}),
            "labels: [] is not an object",
        ),
        (stored(labels={"a": 1}), "metadata.labels[a]: 1 is not a text"),
        (stored(generation="x"), "metadata.generation: 'x' is not a whole number"),
    ],
)
def test_metadata_that_cannot_be_read_is_named(meta, message):
    """The object is then absent."""
    with pytest.raises(ConversionError) as raised:
        metadata.shown(meta, "BGPPeer", {}, ApiGroup.CRD)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    "obj", [{}, {"metadata": []}, {"metadata": {}}, {"metadata": {"name": ""}}]
)
def test_an_object_without_a_name_is_refused(obj):
    """It could not be told from others."""
    with pytest.raises(ConversionError, match="metadata"):
        metadata.of(obj)
