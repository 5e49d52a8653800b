"""Rules of policies, from Calico's v3 form to the v1 form that clients read.

A net that cannot be read never widens what is allowed, which it does in the original: an Allow or
Pass rule that would match more without it is left out, any other keeps its other criteria.
"""

from typing import Any, Final, NamedTuple

from typha.model import nets, ports, typed
from typha.model.resources import JsonObject
from typha.model.typed import MemberError, always, unless_empty
from typha.processors import selectors

# Without a net of theirs these match more packets, and allow none of them.
_SAFE_WIDENED: Final = frozenset({"Deny", "Log"})

_ICMP_MEMBERS: Final = (("type", "icmp_type"), ("code", "icmp_code"))
_SERVICE: Final = typed.struct(always("name", typed.STRING), always("namespace", typed.STRING))
_ACCOUNTS: Final = typed.struct(always("names", typed.STRINGS), always("selector", typed.STRING))
_HTTP: Final = typed.struct(
    unless_empty("methods", typed.STRINGS),
    unless_empty(
        "paths",
        typed.list_of(
            typed.struct(unless_empty("exact", typed.STRING), unless_empty("prefix", typed.STRING))
        ),
    ),
)
_METADATA: Final = typed.struct(typed.if_given("annotations", typed.STRING_MAP))


class _Side(NamedTuple):
    """What the members of one side of a rule are called."""

    nets: str
    selector: str
    ports: str
    service: str
    service_namespace: str
    not_nets: str
    not_selector: str
    not_ports: str
    original_selector: str
    original_namespace_selector: str
    original_not_selector: str
    original_accounts: str
    original_account_selector: str


def _side(name: str) -> _Side:
    return _Side(
        nets=f"{name}_nets",
        selector=f"{name}_selector",
        ports=f"{name}_ports",
        service=f"{name}_service",
        service_namespace=f"{name}_service_ns",
        not_nets=f"!{name}_nets",
        not_selector=f"!{name}_selector",
        not_ports=f"!{name}_ports",
        original_selector=f"orig_{name}_selector",
        original_namespace_selector=f"orig_{name}_namespace_selector",
        original_not_selector=f"!orig_{name}_selector",
        original_accounts=f"orig_{name}_service_acct_names",
        original_account_selector=f"orig_{name}_service_acct_selector",
    )


_SOURCE: Final = _side("src")
_DESTINATION: Final = _side("dst")
_ORDER: Final = (
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
            converted = _rule({} if rule is None else rule, namespace)
        except MemberError as error:
            raise error.within(f"{where}[{index}]") from None
        if converted is not None:
            result.append(converted)
    return result


def _rule(rule: Any, namespace: str) -> JsonObject | None:
    """Return one v1 rule; None if it is left out."""
    if type(rule) is not dict:
        raise typed.misfit(rule, "an object")
    given = rule.get
    action = _text(rule, "action")
    result: JsonObject = {}
    if action:
        result["action"] = "next-tier" if action == "Pass" else action.lower()
    if len(rule) > 1 or not action:
        _match_packet(rule, result)
        sides: JsonObject = {}
        for side, entity in ((_SOURCE, given("source")), (_DESTINATION, given("destination"))):
            if not entity and type(entity) in (dict, type(None)):
                continue
            if not _match_side(entity, side, namespace, sides) and action not in _SAFE_WIDENED:
                return None
        if sides:
            result.update({name: sides[name] for name in _ORDER if name in sides})
        _add_rest(rule, result)
    return result


def _match_packet(rule: JsonObject, result: JsonObject) -> None:
    """Add IP version, protocols and ICMP."""
    for member, name, member_type in (
        ("ipVersion", "ip_version", typed.INT),
        ("protocol", "protocol", ports.PROTOCOL),
        ("notProtocol", "!protocol", ports.PROTOCOL),
    ):
        value = rule.get(member)
        if value is not None:
            result[name] = typed.retype(member_type, value, member)
    for member, negation in (("icmp", ""), ("notICMP", "!")):
        icmp = rule.get(member)
        if icmp is not None:
            _match_icmp(icmp, member, negation, result)


def _match_icmp(icmp: Any, member: str, negation: str, result: JsonObject) -> None:
    if type(icmp) is not dict:
        raise typed.misfit(icmp, "an object").within(member)
    for part, name in _ICMP_MEMBERS:
        if icmp.get(part) is not None:
            result[negation + name] = typed.retype(typed.INT, icmp[part], f"{member}.{part}")


def _match_side(entity: Any, side: _Side, namespace: str, result: JsonObject) -> bool:
    """Add what source or destination says; False if a net that limits the rule is lost."""
    where = "source" if side is _SOURCE else "destination"
    if type(entity) is not dict:
        raise typed.misfit(entity, "an object").within(where)
    try:
        said = _entity(entity)
        result[side.original_selector] = said.selector
        result[side.original_namespace_selector] = said.namespace_selector
        result[side.not_selector] = result[side.original_not_selector] = said.not_selector
        result[side.original_accounts] = said.account_names
        result[side.original_account_selector] = said.account_selector
        result[side.selector] = selectors.of_rule(said, namespace)
        if entity.get("services") is not None:
            service = typed.retype(_SERVICE, entity["services"], "services")
            result[side.service] = service["name"]
            result[side.service_namespace] = service["namespace"]
        result[side.ports] = _list(entity, "ports", ports.PORTS)
        result[side.not_ports] = _list(entity, "notPorts", ports.PORTS)
        limited = _match_nets(entity, side, result)
    except MemberError as error:
        raise error.within(where) from None
    _drop_empty(result, side)
    return limited


def _match_nets(entity: JsonObject, side: _Side, result: JsonObject) -> bool:
    """Add the nets that can be read; False if those that cannot would have limited the rule."""
    wanted = _list(entity, "nets", typed.STRINGS)
    unwanted = _list(entity, "notNets", typed.STRINGS)
    result[side.nets] = _readable(wanted)
    result[side.not_nets] = _readable(unwanted)
    if wanted and not result[side.nets]:
        return False
    return len(result[side.not_nets]) == len(unwanted)


def _readable(texts: list[str]) -> list[str]:
    return [net for net in map(nets.parse_net, texts) if net is not None]


def _entity(entity: JsonObject) -> selectors.Entity:
    names: list[str] = []
    account_selector = ""
    if entity.get("serviceAccounts") is not None:
        accounts = typed.retype(_ACCOUNTS, entity["serviceAccounts"], "serviceAccounts")
        names, account_selector = accounts["names"] or [], accounts["selector"]
    return selectors.Entity(
        _text(entity, "selector"),
        _text(entity, "notSelector"),
        _text(entity, "namespaceSelector"),
        names,
        account_selector,
    )


def _add_rest(rule: JsonObject, result: JsonObject) -> None:
    """Add HTTP matches and the rule's annotations."""
    if rule.get("http") is not None:
        result["http"] = typed.retype(_HTTP, rule["http"], "http")
    if rule.get("metadata") is not None:
        metadata = typed.retype(_METADATA, rule["metadata"], "metadata")
        if metadata:
            result["metadata"] = metadata


def _drop_empty(result: JsonObject, side: _Side) -> None:
    for name in side:
        if name in result and not result[name]:
            del result[name]


def _list(holder: JsonObject, member: str, member_type: typed.Type) -> list[Any]:
    value = holder.get(member)
    return [] if value is None else typed.retype(member_type, value, member)


def _text(holder: JsonObject, member: str) -> str:
    value = holder.get(member)
    if type(value) is str:
        return value
    if value is None:
        return ""
    raise typed.misfit(value, "a text").within(member)
