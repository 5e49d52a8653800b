"""Old clients are told the same things under the keys they read."""

import json

import pytest

from tests import golden_data
from typha.journal import dialects
from typha.syncproto.messages import Dialect

POLICY = "/calico/v1/policy/"
ADMIN = "kanp.adminnetworkpolicy"
OLD = (Dialect.V3_30, Dialect.V3_29, Dialect.LEGACY)


def told(folder, *, final=False):
    """Re-spell what v3.32.1 sent for the oldest clients."""
    for key, sent in golden_data.snapshot(folder, "felix", final=final).items():
        spelling = dialects.spell(key, Dialect.LEGACY)
        if spelling is not None:
            yield spelling, dialects.value_for(key, sent.value, Dialect.LEGACY)


@pytest.mark.golden
@pytest.mark.parametrize("final", [False, True])
@pytest.mark.parametrize("folder", ["crd", "pod-cidr", "outage"])
def test_the_oldest_clients_get_the_policies_that_v3_28_sent(folder, final):
    """The same paths, and the same values but for the tier, which they do not read."""
    policies = {
        key: {name: member for name, member in json.loads(value).items() if name != "tier"}
        for key, value in told(folder, final=final)
        if key.startswith(POLICY) and "/policy/profile/" not in key
    }
    recorded = golden_data.snapshot(folder, "felix", "v3.28.5", final=final)
    assert policies == {
        key: json.loads(sent.value)
        for key, sent in recorded.items()
        if key.startswith(POLICY) and "/policy/profile/" not in key
    }


@pytest.mark.golden
def test_the_order_of_members_is_the_one_that_v3_28_wrote():
    """So that the value differs from what an old server sent by the tier alone."""
    recorded = golden_data.snapshot("crd", "felix", "v3.28.5")
    compared = 0
    for key, value in told("crd"):
        tier = json.loads(value).get("tier") if "/tier/default/policy/" in key else None
        if tier is not None:
            compared += 1
            without = value.replace(f'"tier":"{tier}",'.encode(), b"", 1)
            assert without == recorded[key].value
    assert compared > 50


@pytest.mark.golden
def test_what_is_no_policy_keeps_its_key_and_value():
    """And nothing that v3.28 sent goes missing."""
    recorded = golden_data.snapshot("crd", "felix", "v3.28.5")
    modern = golden_data.snapshot("crd", "felix")
    given = dict(told("crd"))
    assert recorded.keys() <= given.keys()
    for key, value in given.items():
        if not key.startswith("/calico/v1/policy/tier/"):
            assert value == modern[key].value


@pytest.mark.parametrize(
    ("key", "name", "tier"),
    [
        ("NetworkPolicy/ns/sec.p", "ns%2fsec.p", "sec"),
        ("NetworkPolicy/ns/p", "ns%2fp", "default"),
        ("NetworkPolicy/ns/knp.default.p", "ns%2fknp.default.p", "default"),
        ("GlobalNetworkPolicy//ossg.default.p", "ossg.default.p", "default"),
        (
            "GlobalNetworkPolicy//kanp.adminnetworkpolicy.p",
            "kanp.adminnetworkpolicy.p",
            "adminnetworkpolicy",
        ),
        ("KubernetesNetworkPolicy/ns/a.b", "ns%2fknp.default.a.b", "default"),
    ],
)
def test_the_tier_is_in_the_path_and_comes_from_the_name(key, name, tier):
    """From v3.29; before, all policies are in the default tier."""
    for dialect in (Dialect.V3_30, Dialect.V3_29):
        assert dialects.spell(POLICY + key, dialect) == f"{POLICY}tier/{tier}/policy/{name}"
    assert dialects.spell(POLICY + key, Dialect.LEGACY) == f"{POLICY}tier/default/policy/{name}"


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("StagedNetworkPolicy/ns/sec.p", "sec/policy/ns%2fstaged:sec.p"),
        ("StagedGlobalNetworkPolicy//sec.p", "sec/policy/staged:sec.p"),
        ("StagedKubernetesNetworkPolicy/ns/p", "default/policy/ns%2fstaged:knp.default.p"),
    ],
)
def test_staged_policies_reach_no_client_that_would_enforce_them(key, name):
    """They came with v3.30."""
    assert dialects.spell(POLICY + key, Dialect.V3_30) == f"{POLICY}tier/{name}"
    assert dialects.spell(POLICY + key, Dialect.V3_29) is None
    assert dialects.spell(POLICY + key, Dialect.LEGACY) is None


def test_tiers_are_told_from_v3_29_on():
    """An older client cannot read their path."""
    key = f"{POLICY}tier/sec/metadata"
    assert [dialects.spell(key, dialect) for dialect in OLD] == [key, key, None]


@pytest.mark.parametrize(
    "key",
    [
        "/calico/resources/v3/projectcalico.org/livemigrations/ns/m",
        f"{POLICY}KubernetesClusterNetworkPolicy//p",
    ],
)
def test_what_no_old_client_can_read_is_left_out(key):
    """Modern ones get it as it is."""
    assert {dialects.spell(key, dialect) for dialect in OLD} == {None}
    assert dialects.spell(key, Dialect.MODERN) == key


@pytest.mark.parametrize("dialect", OLD)
def test_profiles_and_everything_else_are_spelt_alike(dialect):
    """Only policies changed."""
    for key in (f"{POLICY}profile/kns.a%2fb/rules", "/calico/v1/Ready", "/calico/v1/netset/a"):
        assert dialects.spell(key, dialect) == key


@pytest.mark.golden
@pytest.mark.parametrize(
    "vector",
    [v for v in golden_data.vectors("keys-parse") if "upgraded" in v],
    ids=lambda v: v["path"],
)
def test_a_modern_client_reads_our_old_spelling_back_as_the_modern_key(vector):
    """The recorded upgrades, backwards; cluster policies have no spelling of ours."""
    if "KubernetesClusterNetworkPolicy" in vector["upgraded"]:
        assert dialects.spell(vector["upgraded"], Dialect.V3_30) is None
    else:
        assert dialects.spell(vector["upgraded"], Dialect.V3_30) == vector["path"]


def test_only_the_policys_own_selector_is_followed_by_the_addition():
    """An annotation of a rule may be called selector, and a selector may hold quotes."""
    value = (
        rb'{"namespace":"n","inbound_rules":[{"metadata":{"annotations":{"selector":"x"}}}],'
        rb'"selector":"a == \"}\" \\","types":["ingress"]}'
    )
    old = dialects.value_for(f"{POLICY}NetworkPolicy/n/p", value, Dialect.LEGACY)
    assert json.loads(old) == {**json.loads(value), "apply_on_forward": True}
    assert dialects.value_for(f"{POLICY}NetworkPolicy/n/p", value, Dialect.V3_29) == value
    assert dialects.value_for(f"{POLICY}GlobalNetworkPolicy//p", value, Dialect.LEGACY) == value
