"""Policies, tiers, sets, host endpoints and pools reach clients byte for byte as recorded."""

import json

import pytest

from tests import golden_data
from tests.policy_playback import Held, Playback, is_ours
from typha.model import encoding
from typha.model.resources import ApiGroup, ConversionError, Resource
from typha.processors import policies

GROUPS = {
    "crd": ApiGroup.CRD,
    "v3-crds": ApiGroup.V3,
    "outage": ApiGroup.CRD,
    "pod-cidr": ApiGroup.CRD,
}
FIXTURES = {"crdv1": ApiGroup.CRD, "v3": ApiGroup.V3}
# An Allow rule whose only source net is bad: there it allows from anywhere, here it is left out.
BAD_NET = "/calico/v1/policy/GlobalNetworkPolicy//default.bad-net"
BAD_BLOCK = "/calico/v1/policy/KubernetesNetworkPolicy/ns1/notypes"
WITHOUT_BAD_NET = b'{"tier":"default","selector":"all()","types":["ingress"]}'


def recorded(folder, *, final=False):
    """Return what v3.32.1 sent of ours, with the one deviation that is meant."""
    sent = golden_data.snapshot(folder, "felix", final=final)
    state = {key: Held(kv.value, kv.revision) for key, kv in sent.items() if is_ours(key)}
    if BAD_NET in state:
        state[BAD_NET] = state[BAD_NET]._replace(value=WITHOUT_BAD_NET)
    return state


def present(state):
    """Leave out keys without a value."""
    return {key: held for key, held in state.items() if held.value is not None}


def values(state):
    """Return the values alone: an update that changes only the revision is not sent."""
    return {key: held.value for key, held in present(state).items()}


@pytest.mark.golden
@pytest.mark.parametrize(("folder", "group"), GROUPS.items())
def test_the_first_snapshot_is_the_recorded_one(folder, group):
    """Every key, value and revision, and none else."""
    playback = Playback(group)
    playback.load(golden_data.objects(folder))
    assert present(playback.state()) == recorded(folder)


@pytest.mark.golden
@pytest.mark.parametrize(("folder", "stage"), [("outage", "after-02"), ("v3-crds", "final")])
def test_the_last_lists_give_the_last_snapshot(folder, stage):
    """As a fresh client got it."""
    playback = Playback(GROUPS[folder])
    playback.load(golden_data.objects(folder, stage))
    assert values(playback.state()) == values(recorded(folder, final=True))


@pytest.mark.golden
@pytest.mark.parametrize("folder", ["crd", "v3-crds"])
def test_every_change_leaves_clients_with_what_was_recorded(folder):
    """After each of the scripted changes.

    While one undecodable policy froze its kind, another was changed: there its clients heard of
    it after the mending, here at once.
    """
    playback = Playback(GROUPS[folder])
    playback.load(golden_data.objects(folder))
    expected = values(recorded(folder))
    deltas = golden_data.deltas(folder, "felix")
    ahead = {"gnp-change-while-poisoned": 64}  # the number of the change that mends
    for mutation in golden_data.mutations(folder):
        for path, event in mutation.events:
            gone = event["type"] == "DELETED"
            playback.take(golden_data.resource_of(path), event["object"], gone=gone)
        told = deltas[mutation.number] + deltas.get(ahead.get(mutation.name), [])
        for update in told:
            if is_ours(update.key):
                expected[update.key] = update.value
        wanted = {key: value for key, value in expected.items() if value is not None}
        assert values(playback.state()) == wanted, f"{mutation.number} {mutation.name}"


@pytest.mark.golden
@pytest.mark.parametrize(("name", "group"), FIXTURES.items())
def test_the_fixtures_give_the_recorded_updates(name, group):
    """Every value from the lists was recorded, and after the watch events the last ones are."""
    updates = golden_data.vectors(f"expected-{name}")
    updates = {key: list(map(meant, sent)) for key, sent in updates.items() if is_ours(key)}
    updates[BAD_BLOCK][0][0].pop("inbound_rules")  # from a bad block: there, from anywhere
    playback = Playback(group)
    fixtures = golden_data.vectors(f"fixtures-{name}").values()
    playback.load({fixture["path"]: fixture for fixture in fixtures})
    for key, held in playback.state().items():
        assert decoded(held) in updates[key], key
    for fixture in fixtures:
        for event in fixture["watch"]:
            gone = event["type"] == "DELETED"
            playback.take(golden_data.resource_of(fixture["path"]), event["object"], gone=gone)
    assert {key: decoded(held) for key, held in present(playback.state()).items()} == {
        key: sent[-1] for key, sent in updates.items() if sent[-1][0] is not None
    }


@pytest.mark.golden
def test_what_a_real_api_server_lists_gives_the_recorded_snapshot():
    """The same objects, as a kube-apiserver stores and answers them."""
    updates = golden_data.vectors("expected-real-crdv1")
    playback = Playback(ApiGroup.CRD)
    lists = golden_data.vectors("real-crdv1").values()
    playback.load({fixture["path"]: fixture for fixture in lists})
    assert {key: decoded(held) for key, held in present(playback.state()).items()} == {
        key: meant(sent[-1])
        for key, sent in updates.items()
        if is_ours(key) and sent[-1]["value"] is not None
    }


def meant(update):
    """Return value and revision of a recorded update, whose JSON is not byte for byte."""
    return json.loads(update["value"] or "null"), update["revision"]


def decoded(held):
    """Return value and revision of a key, to compare with what was meant."""
    return json.loads(held.value or b"null"), held.revision


def kvs(kind, spec, namespace="ns"):
    """Convert a policy of a kind."""
    return policies.process(Resource(kind, namespace, "p", "7", {"spec": spec}))


@pytest.mark.parametrize(
    ("action", "sent"),
    [("Set", "Set"), ("Learn", "Learn"), ("Ignore", "Ignore"), ("", None), ("Delete", "nothing")],
)
@pytest.mark.parametrize(
    "kind",
    ["StagedNetworkPolicy", "StagedGlobalNetworkPolicy", "StagedKubernetesNetworkPolicy"],
)
def test_a_staged_policy_says_its_action_unless_it_is_deletion(kind, action, sent):
    """A deletion that is only staged has nothing to say."""
    namespace = "" if "Global" in kind else "ns"
    made = kvs(kind, {"stagedAction": action, "podSelector": {}}, namespace)
    assert [kv.value.get("staged_action") for kv in made] == ([] if sent == "nothing" else [sent])


def test_an_enforced_policy_has_no_staged_action():
    """Whatever its spec says."""
    assert "staged_action" not in kvs("NetworkPolicy", {"stagedAction": "Set"})[0].value


@pytest.mark.parametrize(
    ("member", "sent"),
    [("doNotTrack", "untracked"), ("preDNAT", "pre_dnat"), ("applyOnForward", "apply_on_forward")],
)
def test_only_global_policies_have_flags(member, sent):
    """In a namespaced one they are members that its type does not know."""
    assert kvs("GlobalNetworkPolicy", {member: True}, "")[0].value[sent] is True
    assert sent not in kvs("NetworkPolicy", {member: True})[0].value


def test_one_bad_rule_ends_a_staged_kubernetes_policy():
    """But leaves out only itself in an enforced one, which its reader converts."""
    spec = {"podSelector": {}, "ingress": [{"ports": [{"port": "not a port"}]}, {}]}
    with pytest.raises(ConversionError, match="not a port"):
        kvs("StagedKubernetesNetworkPolicy", spec)


def test_an_order_of_zero_is_said_and_none_is_not():
    """Null and absent are one."""
    assert kvs("NetworkPolicy", {"order": 0})[0].value["order"] == 0
    assert "order" not in kvs("NetworkPolicy", {"order": None})[0].value
    assert encoding.encode(kvs("NetworkPolicy", {"order": 1e-7})[0].value["order"]) == b"1e-07"


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ([], "spec"),
        ({"order": "1"}, "spec.order"),
        ({"order": True}, "spec.order"),
        ({"order": float("inf")}, "spec.order"),
        ({"order": 10**400}, "spec.order"),
        ({"selector": 1}, "spec.selector"),
        ({"tier": {}}, "spec.tier"),
        ({"types": "Ingress"}, "spec.types"),
        ({"types": [1]}, r"spec.types\[0\]"),
        ({"doNotTrack": "true"}, "spec.doNotTrack"),
        ({"ingress": {}}, "spec.ingress"),
        ({"egress": [{}, {"protocol": 256}]}, r"spec.egress\[1\].protocol"),
    ],
)
def test_what_calicos_types_cannot_hold_is_refused_by_name(spec, path):
    """The error names the member, so that an operator finds it."""
    with pytest.raises(ConversionError, match=f"^{path}: "):
        kvs("GlobalNetworkPolicy", spec, "")


def test_a_namespaced_policy_without_a_namespace_has_no_key():
    """Nor has one without a name."""
    with pytest.raises(ConversionError, match="namespace of a NetworkPolicy"):
        kvs("NetworkPolicy", {}, "")
