"""How clients older than v3.32 are told the same things: policy keys spelt as they read them.

| dialect | policy path | left out |
|---|---|---|
| v3.30 | `/calico/v1/policy/tier/<tier>/policy/<name>`, tier from the name | cluster policies |
| v3.29 | the same | staged policies too |
| v3.8 | the same, tier always `default` | staged policies and tiers too |

A name is `<namespace>/<name>` or `<name>`, escaped; a Kubernetes policy's begins with
`knp.default.`, a staged one's with `staged:`.  To a client that does not know staged policies such
a name is an ordinary policy's, so it must not get there.  Live migrations, which no old client can
read, are left out of all three.

Values are the modern ones, but up to v3.28 namespaced policies said that they apply to forwarded
traffic, and that is kept.  Left different from what v3.28.5 sent, as its decoder takes both alike
or drops what it does not know: `tier` of policies; `null` for labels where there are none; empty
`secondary` of allocation blocks; members that came later (`assignment_mode` and `allowed_uses` of
pools, `qosControls` and init containers' `ports` of endpoints, `interfaces` of nodes,
`serviceLoadBalancerAggregation`, `affinity_claim_time`); settings that came later, which it logs
and ignores; resources that Felix came to be sent later (BGP peers, Felix configurations for
selected nodes).
"""

import re
from typing import Final

from typha.model import paths
from typha.syncproto.messages import Dialect

_POLICY: Final = "/calico/v1/policy/"
_TIER: Final = "/calico/v1/policy/tier/"
_PROFILE: Final = "/calico/v1/policy/profile/"
_UNREADABLE: Final = f"{paths.RESOURCES}livemigrations/"
_DEFAULT_TIER: Final = "default"
_KUBERNETES: Final = "knp.default."
_STAGED: Final = "staged:"

# Kind -> what its name begins with.
_ENFORCED: Final = {
    "NetworkPolicy": "",
    "GlobalNetworkPolicy": "",
    "KubernetesNetworkPolicy": _KUBERNETES,
}
_ALL: Final = {
    **_ENFORCED,
    "StagedNetworkPolicy": _STAGED,
    "StagedGlobalNetworkPolicy": _STAGED,
    "StagedKubernetesNetworkPolicy": _STAGED + _KUBERNETES,
}
_BEGINNINGS: Final = {
    Dialect.V3_30: _ALL,
    Dialect.V3_29: _ENFORCED,
    Dialect.LEGACY: _ENFORCED,
}
# Names whose tier is not what stands before the first dot.
_FIXED_TIERS: Final = {
    _KUBERNETES: _DEFAULT_TIER,
    "ossg.": _DEFAULT_TIER,
    "kanp.adminnetworkpolicy.": "adminnetworkpolicy",
    "kbanp.baselineadminnetworkpolicy.": "baselineadminnetworkpolicy",
}
_NAMESPACED: Final = (f"{_POLICY}NetworkPolicy/", f"{_POLICY}KubernetesNetworkPolicy/")
# A policy's own selector is its last member but for short lists that hold no such text.
_SELECTOR: Final = b'"selector":'
_TEXT: Final = re.compile(rb'"(?:[^"\\]|\\.)*"')


def spell(key: str, dialect: Dialect) -> str | None:
    """Return the path under which clients of a dialect know a modern key; None if they do not."""
    if dialect is Dialect.MODERN:
        return key
    if key.startswith(_POLICY):
        if key.startswith(_TIER):
            return None if dialect is Dialect.LEGACY else key
        return key if key.startswith(_PROFILE) else _policy(key, dialect)
    return None if key.startswith(_UNREADABLE) else key


def value_for(key: str, value: bytes, dialect: Dialect) -> bytes:
    """Return the value as clients of a dialect expect it; `key` is the modern one."""
    if dialect is not Dialect.LEGACY or not key.startswith(_NAMESPACED):
        return value
    selector = _TEXT.match(value, value.rindex(_SELECTOR) + len(_SELECTOR))
    assert selector is not None, "every policy has a selector"
    return value[: selector.end()] + b',"apply_on_forward":true' + value[selector.end() :]


def _policy(key: str, dialect: Dialect) -> str | None:
    kind, namespace, name = key[len(_POLICY) :].split("/", 2)
    beginning = _BEGINNINGS[dialect].get(kind)
    if beginning is None:
        return None
    full_name = f"{namespace}/{beginning}{name}" if namespace else beginning + name
    tier = _DEFAULT_TIER if dialect is Dialect.LEGACY else _tier(kind, name)
    return f"{_TIER}{tier}/policy/{paths.esc(full_name)}"


def _tier(kind: str, name: str) -> str:
    """Return the tier that a policy's name says it is in."""
    if "Kubernetes" in kind:
        return _DEFAULT_TIER
    for beginning, tier in _FIXED_TIERS.items():
        if name.startswith(beginning):
            return tier
    first, dot, _ = name.partition(".")
    return first if dot else _DEFAULT_TIER
