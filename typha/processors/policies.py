"""Policies of every kind, from Calico's v3 form to the v1 form that clients read.

All kinds end as one: the tier is in the value, the kind in the key.  A staged policy converts as
the enforced kind does; Kubernetes policies arrive here as Calico's already, save the staged ones.
"""

from typing import Final, NamedTuple

from typha.model import kubernetes_policies, paths
from typha.model.resources import KV, JsonObject, Resource
from typha.processors import rules, selectors, specs

DEFAULT_TIER: Final = "default"


class _Kind(NamedTuple):
    everywhere: bool = False  # applies wherever its selectors say, not in one namespace
    staged: bool = False
    kubernetes: bool = False  # its spec is a Kubernetes NetworkPolicy's


_KINDS: Final = {
    "NetworkPolicy": _Kind(),
    "KubernetesNetworkPolicy": _Kind(),
    "StagedNetworkPolicy": _Kind(staged=True),
    "StagedKubernetesNetworkPolicy": _Kind(staged=True, kubernetes=True),
    "GlobalNetworkPolicy": _Kind(everywhere=True),
    "KubernetesClusterNetworkPolicy": _Kind(everywhere=True),
    "StagedGlobalNetworkPolicy": _Kind(everywhere=True, staged=True),
}
# Members only global policies have -> their v1 names.
_FLAGS: Final = (
    ("doNotTrack", "untracked"),
    ("preDNAT", "pre_dnat"),
    ("applyOnForward", "apply_on_forward"),
)
_FLAGGED: Final = frozenset(member for member, _ in _FLAGS)
_DELETE: Final = "Delete"  # the staged action that has no value


def process(resource: Resource) -> list[KV]:
    """Return the policy's key and value; nothing for one that is staged for deletion.

    Raises ConversionError for what Calico's types cannot hold.
    """
    kind = _KINDS[resource.kind]
    key = paths.policy(resource.kind, resource.namespace, resource.name)
    spec = specs.of(resource)
    action = specs.text(spec, "stagedAction") if kind.staged else ""
    if action == _DELETE:
        return []
    if kind.kubernetes:
        spec = kubernetes_policies.spec(spec, strict=True)  # one bad rule ends it all
    value = _value(spec, "" if kind.everywhere else resource.namespace)
    if action:
        value["staged_action"] = action
    return [KV(key, value, resource.revision)]


def _value(spec: JsonObject, namespace: str) -> JsonObject:
    value: JsonObject = {}
    if namespace:
        value["namespace"] = namespace
    value["tier"] = specs.text(spec, "tier") or DEFAULT_TIER
    order = specs.order(spec)
    if order is not None:
        value["order"] = order
    inbound = rules.convert(spec.get("ingress"), namespace, "spec.ingress")
    if inbound:
        value["inbound_rules"] = inbound
    outbound = rules.convert(spec.get("egress"), namespace, "spec.egress")
    if outbound:
        value["outbound_rules"] = outbound
    value["selector"] = _selector(spec, namespace)
    if not namespace and not _FLAGGED.isdisjoint(spec):
        value.update({name: True for member, name in _FLAGS if specs.flag(spec, member)})
    types = specs.texts(spec, "types")
    if types:
        value["types"] = [each.lower() for each in types]
    hints = specs.texts(spec, "performanceHints")
    if hints:
        value["performance_hints"] = hints
    return value


def _selector(spec: JsonObject, namespace: str) -> str:
    selector = specs.text(spec, "selector")
    accounts = specs.text(spec, "serviceAccountSelector")
    if namespace:
        return selectors.of_namespaced_policy(selector, accounts, namespace)
    return selectors.of_global_policy(selector, accounts, specs.text(spec, "namespaceSelector"))
