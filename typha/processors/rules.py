"""Rules of policies, from Calico's v3 form to the v1 form that clients read.

A net that cannot be read never widens what is allowed, which it does in the original: an Allow or
Pass rule that would match more without it is left out, any other keeps its other criteria.  All
that is known of rules is here; `plain_rules` is a short cut for most of them.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

from typha.model import nets, ports, typed
from typha.model.resources import JsonObject
from typha.model.typed import MemberError, always, unless_empty
from typha.processors import plain_rules, selectors

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
    copies: Mapping[str, str]  # v3 member -> what it is called in v1
    nets: str
    not_nets: str
    selector: str
    not_selector: str
    service: str
    service_namespace: str
    account_names: str
    account_selector: str


def _side(where: str, name: str) -> _Side:
    return _Side(
        where,
        copies={
            "ports": f"{name}_ports",
            "notPorts": f"!{name}_ports",
            "selector": f"orig_{name}_selector",
            "notSelector": f"!orig_{name}_selector",
            "namespaceSelector": f"orig_{name}_namespace_selector",
        },
        nets=f"{name}_nets",
        not_nets=f"!{name}_nets",
        selector=f"{name}_selector",
        not_selector=f"!{name}_selector",
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

_PLACE_OF: Final = _PLACES.__getitem__


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
        converted = plain_rules.convert(rule, namespace) if type(rule) is dict else None
        if converted is None:
            try:
                converted = convert_any({} if rule is None else rule, namespace)
            except MemberError as error:
                raise error.within(f"{where}[{index}]") from None
        if converted is not None:
            result.append(converted)
    return result


def convert_any(given: Any, namespace: str) -> JsonObject | None:
    """Return one v1 rule, whatever it says; None if it is left out.

    Raises MemberError for what Calico's types cannot hold.
    """
    rule = _given(given, _RULE)
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
    for name in sorted(sides, key=_PLACE_OF):
        result[name] = sides[name]
    if "http" in rule:
        result["http"] = rule["http"]
    annotations = rule["metadata"].get("annotations") if "metadata" in rule else None
    if annotations is not None:
        result["metadata"] = {"annotations": annotations} if annotations else {}
    return result


def _match_packet(rule: JsonObject, result: JsonObject) -> None:
    """Add IP version, protocols and ICMP."""
    for member, name in _PACKET:
        if member in rule:
            result[name] = rule[member]
    if "icmp" in rule:
        result.update(rule["icmp"])
    if "notICMP" in rule:
        result.update({f"!{name}": code for name, code in rule["notICMP"].items()})


def _match(said: JsonObject, side: _Side, namespace: str, result: JsonObject) -> bool:
    """Add what one side says; False if a net that limits the rule is lost."""
    copies = side.copies
    for member, value in said.items():
        if value and member in copies:
            result[copies[member]] = value
    if not _OF_ENDPOINTS.isdisjoint(said):
        _match_endpoints(said, side, namespace, result)
    if "services" in said:
        service = said["services"]
        if service["name"]:
            result[side.service] = service["name"]
        if service["namespace"]:
            result[side.service_namespace] = service["namespace"]
    if "nets" in said or "notNets" in said:
        return _match_nets(said, side, result)
    return True


def _match_endpoints(said: JsonObject, side: _Side, namespace: str, result: JsonObject) -> None:
    if not namespace and _OF_MORE.isdisjoint(said):  # as nearly all do in global policies
        if said["selector"]:
            result[side.selector] = said["selector"]
        return
    if said.get("notSelector"):
        result[side.not_selector] = said["notSelector"]
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
    wanted, unwanted = said.get("nets") or (), said.get("notNets") or ()
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


Converters = Mapping[str, tuple[type | None, Callable[[Any], Any]]]  # plain, convert: `Type`


def _given(value: Any, converters: Converters) -> JsonObject:
    """Return the members that are given, typed; in the order of the object."""
    if type(value) is not dict:
        raise typed.misfit(value, "an object")
    result: JsonObject = {}
    for name, member in value.items():
        wanted = converters.get(name)
        if wanted is None or member is None:
            continue
        plain, convert_member = wanted
        if type(member) is plain:
            result[name] = member
            continue
        try:
            result[name] = convert_member(member)
        except MemberError as error:
            raise error.within(name) from None
    return result


def _icmp(value: Any) -> JsonObject:
    codes = _ICMP.convert(value)
    return {f"icmp_{name}": codes[name] for name in codes}


def _converters(**types: typed.Type) -> Converters:
    return {name: (wanted.plain, wanted.convert) for name, wanted in types.items()}


_ICMP_CODES: Final = typed.Type(_icmp, dict)
_ENTITY: Final = _converters(
    selector=typed.STRING,
    notSelector=typed.STRING,
    namespaceSelector=typed.STRING,
    nets=typed.STRINGS,
    notNets=typed.STRINGS,
    ports=ports.PORTS,
    notPorts=ports.PORTS,
    services=_SERVICE,
    serviceAccounts=_ACCOUNTS,
)
_SIDE: Final = typed.Type(partial(_given, converters=_ENTITY), dict)
_RULE: Final = _converters(
    action=typed.STRING,
    ipVersion=typed.INT,
    protocol=ports.PROTOCOL,
    notProtocol=ports.PROTOCOL,
    icmp=_ICMP_CODES,
    notICMP=_ICMP_CODES,
    source=_SIDE,
    destination=_SIDE,
    http=_HTTP,
    metadata=_METADATA,
)
_PACKET: Final = (
    ("ipVersion", "ip_version"),
    ("protocol", "protocol"),
    ("notProtocol", "!protocol"),
)
_OF_PACKETS: Final = frozenset({"ipVersion", "protocol", "notProtocol", "icmp", "notICMP"})
_NO_ACCOUNTS: Final = _ACCOUNTS.zero()
_OF_MORE: Final = frozenset({"notSelector", "namespaceSelector", "serviceAccounts"})
_OF_ENDPOINTS: Final = _OF_MORE | {"selector"}
