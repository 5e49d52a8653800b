"""Kubernetes' own network policies, as the spec of a Calico policy.

Rules: Calico's libcalico-go, package conversion.  A bad net never widens what is allowed: the peer
that holds it is left out.  Knows no metadata and no keys.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from typha.model import nets, ports, typed
from typha.model.resources import ConversionError, JsonObject
from typha.model.typed import always, if_given, unless_empty

ORDER: Final = 1000
IS_POD: Final = "projectcalico.org/orchestrator == 'k8s'"

PortsByProtocol = dict[str, list[ports.Port]]  # an empty list means all ports of it

LABEL_SELECTOR: Final = typed.struct(
    unless_empty("matchLabels", typed.STRING_MAP),
    unless_empty(
        "matchExpressions",
        typed.list_of(
            typed.struct(
                always("key", typed.STRING),
                always("operator", typed.STRING),
                unless_empty("values", typed.STRINGS),
            )
        ),
    ),
)
_PORTS: Final = typed.list_of(
    typed.struct(
        if_given("protocol", typed.STRING),
        if_given("port", typed.INT_OR_STRING),
        if_given("endPort", typed.INT32),
    )
)
_PEERS: Final = typed.list_of(
    typed.struct(
        if_given("podSelector", LABEL_SELECTOR),
        if_given("namespaceSelector", LABEL_SELECTOR),
        if_given(
            "ipBlock",
            typed.struct(always("cidr", typed.STRING), unless_empty("except", typed.STRINGS)),
        ),
    )
)
_SPEC: Final = typed.struct(
    always("podSelector", LABEL_SELECTOR),
    unless_empty(
        "ingress",
        typed.list_of(typed.struct(unless_empty("ports", _PORTS), unless_empty("from", _PEERS))),
    ),
    unless_empty(
        "egress",
        typed.list_of(typed.struct(unless_empty("ports", _PORTS), unless_empty("to", _PEERS))),
    ),
    unless_empty("policyTypes", typed.STRINGS),
)
_TYPES: Final = ("Ingress", "Egress")


class RuleError(Exception):
    """One rule of a policy cannot be converted; says why."""


def spec(kubernetes: Any, *, strict: bool = False) -> JsonObject:
    """Return the spec of the Calico policy that does what this NetworkPolicy spec says.

    A rule that cannot be converted is left out, unless `strict`.  Raises ConversionError for what
    Kubernetes' types cannot hold, and for such a rule if `strict`.
    """
    given = typed.retype(_SPEC, kubernetes, "spec")
    types = [each for each in _TYPES if each in given.get("policyTypes", ())]
    return {
        "tier": "default",
        "order": ORDER,
        "ingress": _rules(given.get("ingress", ()), _ingress, strict=strict),
        "egress": _rules(given.get("egress", ()), _egress, strict=strict),
        "selector": pods(given["podSelector"]),
        "types": types or ["Ingress"],
    }


def pods(selector: JsonObject | None) -> str:
    """Return the Calico selector of the pods that a label selector selects."""
    return " && ".join([IS_POD, *_terms(selector)])


def namespaces(selector: JsonObject | None) -> str:
    """Return the Calico selector of the namespaces that a label selector selects.

    No selector gives the empty text, an empty one `all()`.
    """
    if selector is None:
        return ""
    return " && ".join(_terms(selector)) if selector else "all()"


def simplified(by_protocol: PortsByProtocol) -> list[tuple[str, list[ports.Port]]]:
    """Return protocols in the order of their rules, each with as few ports as will do."""
    return [(name, ports.simplified(by_protocol[name])) for name in sorted(by_protocol)]


def add_port(by_protocol: PortsByProtocol, protocol: str, port: ports.Port | None) -> None:
    """Add a port, or all ports of a protocol, which nothing takes away again."""
    if port is None:
        by_protocol[protocol] = []
    elif by_protocol.get(protocol) != []:
        by_protocol.setdefault(protocol, []).append(port)


def _terms(selector: JsonObject | None) -> list[str]:
    if not selector:
        return []
    terms = [f"{key} == '{value}'" for key, value in selector.get("matchLabels", {}).items()]
    terms.extend(filter(None, map(_expression, selector.get("matchExpressions", ()))))
    return terms


def _expression(expression: JsonObject) -> str:
    key = expression["key"]
    values = "', '".join(expression.get("values", ()))
    match expression["operator"]:
        case "In":
            return f"{key} in {{ '{values}' }}"
        case "NotIn":
            return f"{key} not in {{ '{values}' }}"
        case "Exists":
            return f"has({key})"
        case "DoesNotExist":
            return f"! has({key})"
    return ""


def _rules(
    rules: Iterable[JsonObject], convert: Callable[[JsonObject], list[JsonObject]], *, strict: bool
) -> list[JsonObject]:
    converted: list[JsonObject] = []
    for rule in rules:
        try:
            converted.extend(convert(rule))
        except RuleError as error:
            if strict:
                raise ConversionError(f"spec: {error}") from None
    return converted


def _ingress(rule: JsonObject) -> list[JsonObject]:
    return [
        _allow(protocol, peer, {**_listed(numbers)})
        for protocol, numbers in simplified(_ports(rule))
        for peer in _peers(rule, "from")
    ]


def _egress(rule: JsonObject) -> list[JsonObject]:
    return [
        _allow(protocol, {}, {**_listed(numbers), **peer})
        for protocol, numbers in simplified(_ports(rule))
        for peer in _peers(rule, "to")
    ]


def _allow(protocol: str, source: JsonObject, destination: JsonObject) -> JsonObject:
    rule: JsonObject = {"action": "Allow", "source": source, "destination": destination}
    if protocol:
        rule["protocol"] = protocol
    return rule


def _listed(numbers: list[ports.Port]) -> JsonObject:
    return {"ports": numbers} if numbers else {}


def _ports(rule: JsonObject) -> PortsByProtocol:
    """Collect the ports of each protocol; no ports at all are the protocol without a name."""
    given = rule.get("ports")
    if not given:
        return {"": []}
    by_protocol: PortsByProtocol = {}
    for entry in given:
        protocol = ports.canonical_protocol(entry.get("protocol", "TCP"))
        add_port(by_protocol, protocol, _port(entry))
    return by_protocol


def _port(entry: JsonObject) -> ports.Port | None:
    if "port" not in entry:
        return None
    text = str(entry["port"])
    try:
        return ports.port(f"{text}:{entry['endPort']}" if "endPort" in entry else text)
    except ValueError as error:
        raise RuleError(str(error)) from None


def _peers(rule: JsonObject, member: str) -> list[JsonObject]:
    """Return what each peer matches; nothing for one whose net cannot be read."""
    given = rule.get(member)
    if not given:
        return [{}]
    return [matched for matched in map(_peer, given) if matched is not None]


def _peer(peer: JsonObject) -> JsonObject | None:
    if "ipBlock" in peer:
        return _ip_block(peer["ipBlock"])
    matched = {"selector": pods(peer.get("podSelector"))}
    where = namespaces(peer.get("namespaceSelector"))
    return {**matched, "namespaceSelector": where} if where else matched


def _ip_block(block: JsonObject) -> JsonObject | None:
    included = nets.parse_cidr(block["cidr"])
    excluded = [nets.parse_cidr(each) for each in block.get("except", ())]
    if included is None or None in excluded:
        return None
    return {"nets": [included], "notNets": excluded} if excluded else {"nets": [included]}
