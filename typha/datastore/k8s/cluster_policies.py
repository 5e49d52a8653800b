"""ClusterNetworkPolicy of policy.networking.k8s.io, as Calico policies of two tiers.

Rules: Calico's libcalico-go, package conversion.  A rule that cannot be converted fails closed: a
Deny or Pass becomes a bare Deny, an Accept vanishes.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from typha.model import kubernetes_policies, metadata, nets, ports, typed
from typha.model.kubernetes_policies import LABEL_SELECTOR, PortsByProtocol, RuleError
from typha.model.resources import JsonObject, Reading, Resource
from typha.model.typed import always, if_given, unless_empty

KIND: Final = "KubernetesClusterNetworkPolicy"

_TIERS: Final = {"Admin": "kube-admin", "Baseline": "kube-baseline"}
_ACTIONS: Final = {"Accept": "Allow", "Deny": "Deny", "Pass": "Pass"}
_RULE_NAME: Final = "name"  # the annotation that carries a rule's name

_PODS: Final = typed.struct(
    always("namespaceSelector", LABEL_SELECTOR), always("podSelector", LABEL_SELECTOR)
)
_PORT: Final = typed.struct(
    always("number", typed.INT32),
    if_given("range", typed.struct(always("start", typed.INT32), always("end", typed.INT32))),
)
_PROTOCOL: Final = typed.struct(
    *(
        if_given(name, typed.struct(if_given("destinationPort", _PORT)))
        for name in ("tcp", "udp", "sctp")
    ),
    unless_empty("destinationNamedPort", typed.STRING),
)
_PEER: Final = typed.struct(
    if_given("namespaces", LABEL_SELECTOR),
    if_given("pods", _PODS),
    unless_empty("networks", typed.STRINGS),
)


def _rule_type(peers: str) -> typed.Type:
    return typed.list_of(
        typed.struct(
            always("name", typed.STRING),
            always("action", typed.STRING),
            unless_empty(peers, typed.list_of(_PEER)),
            unless_empty("protocols", typed.list_of(_PROTOCOL)),
        )
    )


_SPEC: Final = typed.struct(
    always("tier", typed.STRING),
    always("priority", typed.INT32),
    always(
        "subject",
        typed.struct(if_given("namespaces", LABEL_SELECTOR), if_given("pods", _PODS)),
    ),
    unless_empty("ingress", _rule_type("from")),
    unless_empty("egress", _rule_type("to")),
)


def read(obj: JsonObject, reading: Reading) -> Resource | None:
    """Return the policy; None if it is in no tier known, or for nobody.

    Raises ConversionError for what Kubernetes' types cannot hold.
    """
    del reading
    meta = metadata.of(obj)
    uid = metadata.text(meta, "uid")
    if uid:
        metadata.convert_uid(uid)
    given = typed.retype(_SPEC, obj.get("spec"), "spec")
    tier = _TIERS.get(given["tier"])
    subject = _subject(given["subject"])
    if tier is None or subject is None:
        return None
    ingress = _rules(given.get("ingress", ()), _ingress)
    egress = _rules(given.get("egress", ()), _egress)
    spec = {
        "tier": tier,
        "order": given["priority"],
        "ingress": ingress,
        "egress": egress,
        **subject,
        "types": [name for name, rules in (("Ingress", ingress), ("Egress", egress)) if rules],
    }
    revision = metadata.text(meta, "resourceVersion")
    return Resource(KIND, "", metadata.text(meta, "name"), revision, {"spec": spec})


def _subject(subject: JsonObject) -> JsonObject | None:
    """Return the selectors of whom the policy is for."""
    if "namespaces" in subject:
        chosen = kubernetes_policies.namespaces(subject["namespaces"])
        return {"selector": kubernetes_policies.pods(None), "namespaceSelector": chosen}
    return _pods(subject["pods"]) if "pods" in subject else None


def _pods(chosen: JsonObject) -> JsonObject:
    return {
        "selector": kubernetes_policies.pods(chosen["podSelector"]),
        "namespaceSelector": kubernetes_policies.namespaces(chosen["namespaceSelector"]),
    }


def _rules(
    rules: Iterable[JsonObject], convert: Callable[[JsonObject, JsonObject], list[JsonObject]]
) -> list[JsonObject]:
    converted: list[JsonObject] = []
    for rule in rules:
        try:
            converted.extend(convert(rule, _common(rule)))
        except RuleError:
            if rule["action"] in ("Deny", "Pass"):
                converted.append({"action": "Deny"})
    return converted


def _common(rule: JsonObject) -> JsonObject:
    """Return what all rules made from one have in common."""
    action = _ACTIONS.get(rule["action"])
    if action is None:
        raise RuleError(f"no action {rule['action']!r}")
    if not rule["name"]:
        return {"action": action}
    return {"action": action, "metadata": {"annotations": {_RULE_NAME: rule["name"]}}}


def _ingress(rule: JsonObject, common: JsonObject) -> list[JsonObject]:
    return [
        {**common, **_protocol(protocol), "source": _peer(peer), "destination": {"ports": numbers}}
        for protocol, numbers in kubernetes_policies.simplified(_ports(rule))
        for peer in rule.get("from", ())
    ]


def _egress(rule: JsonObject, common: JsonObject) -> list[JsonObject]:
    return [
        {**common, **_protocol(protocol), "destination": {"ports": numbers, **_target(peer)}}
        for protocol, numbers in kubernetes_policies.simplified(_ports(rule))
        for peer in rule.get("to", ())
    ]


def _protocol(name: str) -> JsonObject:
    return {"protocol": name} if name else {}


def _peer(peer: JsonObject) -> JsonObject:
    """Return the selectors of a peer; the last of those it sets counts."""
    if "pods" in peer:
        return _pods(peer["pods"])
    if "namespaces" in peer:
        return {"namespaceSelector": kubernetes_policies.namespaces(peer["namespaces"])}
    raise RuleError("a peer names neither namespaces nor pods")


def _target(peer: JsonObject) -> JsonObject:
    """Return what an egress peer matches, which may be networks."""
    networks = peer.get("networks")
    if not networks:
        return _peer(peer)
    readable = [nets.parse_cidr(each) for each in networks]
    if None in readable:
        raise RuleError(f"not every one of {networks} is a network")
    matched: dict[str, Any] = {"nets": readable}
    return {**_peer(peer), **matched} if "pods" in peer or "namespaces" in peer else matched


def _ports(rule: JsonObject) -> PortsByProtocol:
    """Collect the ports of each protocol; none at all are the protocol without a name."""
    by_protocol: PortsByProtocol = {}
    for entry in rule.get("protocols", ({},)):
        if not entry:
            return {"": []}
        protocol, port = _port(entry)
        kubernetes_policies.add_port(by_protocol, protocol, port)
    return by_protocol


def _port(entry: JsonObject) -> tuple[str, ports.Port | None]:
    try:
        for name in ("tcp", "udp", "sctp"):
            if name in entry:
                return name.upper(), _numbers(entry[name].get("destinationPort"))
        return "", ports.port(entry["destinationNamedPort"])
    except ValueError as error:
        raise RuleError(str(error)) from None


def _numbers(port: JsonObject | None) -> ports.Port | None:
    if port is None:
        return None
    if port["number"]:
        return ports.port(str(port["number"]))
    return ports.port("{start}:{end}".format(**port["range"])) if "range" in port else None
