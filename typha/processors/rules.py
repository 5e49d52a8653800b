"""Rules of policies, from Calico's v3 form to the v1 form that clients read.

A net that cannot be read never widens what is allowed, which it does in the original: an Allow or
Pass rule that would match more without it is left out, any other keeps its other criteria.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from typha.model import nets, ports, typed
from typha.model.resources import JsonObject
from typha.model.typed import MemberError, always, unless_empty
from typha.processors import selectors

# Without a net of theirs these match more packets, and allow none of them.
_SAFE_WIDENED: Final = frozenset({"Deny", "Log"})

_HTTP_PATH: Final = typed.struct(
    unless_empty("exact", typed.STRING), unless_empty("prefix", typed.STRING)
)
_HTTP: Final = typed.struct(
    unless_empty("methods", typed.STRINGS), unless_empty("paths", typed.list_of(_HTTP_PATH))
)
_METADATA: Final = typed.struct(typed.if_given("annotations", typed.STRING_MAP))
_ICMP: Final = typed.struct(typed.if_given("type", typed.INT), typed.if_given("code", typed.INT))
_SERVICE: Final = typed.struct(always("name", typed.STRING), always("namespace", typed.STRING))
_ACCOUNTS: Final = typed.struct(always("names", typed.STRINGS), always("selector", typed.STRING))


class _Side(NamedTuple):
    """One side of a rule, and what is made of its members."""

    where: str
    copies: Mapping[str, tuple[str, ...]]  # v3 member -> what it is called in v1
    nets: str
    not_nets: str
    selector: str
    service: str
    service_namespace: str
    account_names: str
    account_selector: str


def _side(where: str, name: str) -> _Side:
    return _Side(
        where,
        copies={
            "ports": (f"{name}_ports",),
            "notSelector": (f"!{name}_selector", f"!orig_{name}_selector"),
            "notPorts": (f"!{name}_ports",),
            "selector": (f"orig_{name}_selector",),
            "namespaceSelector": (f"orig_{name}_namespace_selector",),
        },
        nets=f"{name}_nets",
        not_nets=f"!{name}_nets",
        selector=f"{name}_selector",
        service=f"{name}_service",
        service_namespace=f"{name}_service_ns",
        account_names=f"orig_{name}_service_acct_names",
        account_selector=f"orig_{name}_service_acct_selector",
    )


_SIDES: Final = (_side("source", "src"), _side("destination", "dst"))
_PLACES: Final = {
    name: place
    for place, name in enumerate(
        (
            *("src_nets", "src_selector", "src_ports", "src_service", "src_service_ns"),
            *("dst_selector", "dst_nets", "dst_ports", "dst_service", "dst_service_ns"),
            *("!src_nets", "!src_selector", "!src_ports"),
            *("!dst_selector", "!dst_nets", "!dst_ports"),
            *("orig_src_selector", "orig_src_namespace_selector"),
            *("orig_dst_selector", "orig_dst_namespace_selector"),
            *("!orig_src_selector", "!orig_dst_selector"),
            *("orig_src_service_acct_names", "orig_src_service_acct_selector"),
            *("orig_dst_service_acct_names", "orig_dst_service_acct_selector"),
        )
    )
}


def convert(rules: Any, namespace: str, where: str) -> list[JsonObject]:
    """Return v1 rules in the same order, without those that a bad net would widen.

    `namespace` is the policy's, empty for a global one.  Raises ConversionError, naming the member
    below `where`, for what Calico's types cannot hold.
    """
    if rules is None:
        return []
    if type(rules) is not list:
        raise typed.misfit(rules, "a list").within(where)
    result = []
    for index, rule in enumerate(rules):
        try:
            converted = _rule(_given({} if rule is None else rule, _RULE), namespace)
        except MemberError as error:
            raise error.within(f"{where}[{index}]") from None
        if converted is not None:
            result.append(converted)
    return result


def _rule(rule: JsonObject, namespace: str) -> JsonObject | None:
    """Return one v1 rule; None if it is left out."""
    action = rule.get("action", "")
    result: JsonObject = {}
    if action:
        result["action"] = "next-tier" if action == "Pass" else action.lower()
    if not _OF_PACKETS.isdisjoint(rule):
        _match_packet(rule, result)
    sides: JsonObject = {}
    for side in _SIDES:
        said = rule.get(side.where)
        if said and not _match(said, side, namespace, sides) and action not in _SAFE_WIDENED:
            return None
    for name in sorted(sides, key=_PLACES.__getitem__):
        result[name] = sides[name]
    if "http" in rule:
        result["http"] = rule["http"]
    annotations = rule.get("metadata", {}).get("annotations")
    if annotations is not None:
        result["metadata"] = {"annotations": annotations} if annotations else {}
    return result


def _match_packet(rule: JsonObject, result: JsonObject) -> None:
    """Add IP version, protocols and ICMP."""
    for member, name in _PACKET:
        if member in rule:
            result[name] = rule[member]
    result.update(rule.get("icmp", ()))
    result.update({f"!{name}": code for name, code in rule.get("notICMP", {}).items()})


def _match(said: JsonObject, side: _Side, namespace: str, result: JsonObject) -> bool:
    """Add what one side says; False if a net that limits the rule is lost."""
    for member, value in said.items():
        if value:
            for name in side.copies.get(member, ()):
                result[name] = value
    if not _OF_ENDPOINTS.isdisjoint(said):
        _match_endpoints(said, side, namespace, result)
    if "services" in said:
        service = said["services"]
        if service["name"]:
            result[side.service] = service["name"]
        if service["namespace"]:
            result[side.service_namespace] = service["namespace"]
    return _match_nets(said, side, result)


def _match_endpoints(said: JsonObject, side: _Side, namespace: str, result: JsonObject) -> None:
    accounts = said.get("serviceAccounts", _NO_ACCOUNTS)
    names, account_selector = accounts["names"], accounts["selector"]
    entity = selectors.Entity(
        said.get("selector", ""),
        said.get("notSelector", ""),
        said.get("namespaceSelector", ""),
        names,
        account_selector,
    )
    selector = selectors.of_rule(entity, namespace)
    if selector:
        result[side.selector] = selector
    if names:
        result[side.account_names] = names
    if account_selector:
        result[side.account_selector] = account_selector


def _match_nets(said: JsonObject, side: _Side, result: JsonObject) -> bool:
    """Add the nets that can be read; False if those that cannot would have limited the rule."""
    wanted, unwanted = said.get("nets", ()), said.get("notNets", ())
    if not wanted and not unwanted:
        return True
    readable = [net for net in map(_net, wanted) if net is not None]
    if readable:
        result[side.nets] = readable
    excluded = [net for net in map(_net, unwanted) if net is not None]
    if excluded:
        result[side.not_nets] = excluded
    return bool(readable or not wanted) and len(excluded) == len(unwanted)


_remembered_net = lru_cache(maxsize=8192)(nets.parse_net)
_LONGEST_NET: Final = 64  # characters, of those remembered; any net is shorter


def _net(text: str) -> str | None:
    """Read a net; policies tend to name the same ones."""
    return _remembered_net(text) if len(text) <= _LONGEST_NET else nets.parse_net(text)


Converters = Mapping[str, Callable[[Any], Any]]


def _given(value: Any, converters: Converters) -> JsonObject:
    """Return the members that are given, typed; in the order of the object."""
    if type(value) is not dict:
        raise typed.misfit(value, "an object")
    result: JsonObject = {}
    for name, member in value.items():
        convert_member = converters.get(name)
        if convert_member is None or member is None:
            continue
        try:
            result[name] = convert_member(member)
        except MemberError as error:
            raise error.within(name) from None
    return result


def _icmp(value: Any) -> JsonObject:
    codes = _ICMP.convert(value)
    return {f"icmp_{name}": codes[name] for name in codes}


_ENTITY: Final[Converters] = {
    "selector": typed.STRING.convert,
    "notSelector": typed.STRING.convert,
    "namespaceSelector": typed.STRING.convert,
    "nets": typed.STRINGS.convert,
    "notNets": typed.STRINGS.convert,
    "ports": ports.PORTS.convert,
    "notPorts": ports.PORTS.convert,
    "services": _SERVICE.convert,
    "serviceAccounts": _ACCOUNTS.convert,
}
_RULE: Final[Converters] = {
    "action": typed.STRING.convert,
    "ipVersion": typed.INT.convert,
    "protocol": ports.PROTOCOL.convert,
    "notProtocol": ports.PROTOCOL.convert,
    "icmp": _icmp,
    "notICMP": _icmp,
    "source": lambda value: _given(value, _ENTITY),
    "destination": lambda value: _given(value, _ENTITY),
    "http": _HTTP.convert,
    "metadata": _METADATA.convert,
}
_PACKET: Final = (
    ("ipVersion", "ip_version"),
    ("protocol", "protocol"),
    ("notProtocol", "!protocol"),
)
_OF_PACKETS: Final = frozenset({"ipVersion", "protocol", "notProtocol", "icmp", "notICMP"})
_NO_ACCOUNTS: Final = _ACCOUNTS.zero()
_OF_ENDPOINTS: Final = frozenset(
    {"selector", "notSelector", "namespaceSelector", "serviceAccounts"}
)
