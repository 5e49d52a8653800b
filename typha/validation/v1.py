"""Rules for values of the v1 model: policies, rules, endpoints and network sets.

What is not looked at here is not looked at by the original either: actions, nets, labels, services
and HTTP matches may be anything that could be converted.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from typha.model import selectors
from typha.model.resources import JsonObject
from typha.validation import primitives

_NAME: Final = re.compile("[a-zA-Z0-9_.-]{1,128}")
_INTERFACE: Final = re.compile(r"\*|[a-zA-Z0-9_.-]{1,15}")
_HINTS: Final = frozenset({"AssumeNeededOnEveryNode"})

_PROTOCOLS: Final = frozenset({"tcp", "udp", "icmp", "icmpv6", "sctp", "udplite"})
_WITH_PORTS: Final = frozenset({"tcp", "udp", "sctp", 6, 17, 132})
_FEW_PORTS: Final = 16  # in a list that is remembered
_ENDPOINT_PROTOCOLS: Final = frozenset({"tcp", "udp", "sctp"})
_LAST_PROTOCOL: Final = 255
_IP_VERSIONS: Final = (4, 6)

_PORT_LISTS: Final = ("src_ports", "dst_ports", "!src_ports", "!dst_ports")
_SELECTORS: Final = (
    *("src_selector", "dst_selector", "!src_selector", "!dst_selector"),
    *("orig_src_selector", "orig_src_namespace_selector"),
    *("orig_dst_selector", "orig_dst_namespace_selector"),
    *("!orig_src_selector", "!orig_dst_selector"),
    *("orig_src_service_acct_selector", "orig_dst_service_acct_selector"),
)
_ICMP_LIMITS: Final = {"icmp_type": 254, "!icmp_type": 254, "icmp_code": 255, "!icmp_code": 255}

_POLICY: Final = "/calico/v1/policy/"
_HOST: Final = "/calico/v1/host/"
_NETWORK_SET: Final = "/calico/v1/netset/"


def reason_unfit(key: str, value: JsonObject) -> str | None:
    """Tell why a value must not be sent under its key; None if it may be."""
    check = _check_for(key)
    return None if check is None else check(value)


def _check_for(key: str) -> Callable[[JsonObject], str | None] | None:
    if key.startswith(_POLICY):
        rest = key[len(_POLICY) :]
        if rest.startswith("profile/"):
            return _rules if rest.endswith("/rules") else None
        return None if rest.startswith("tier/") else _policy
    if key.startswith(_HOST):
        _, _, rest = key[len(_HOST) :].partition("/")
        if rest.startswith("workload/"):
            return _workload_endpoint
        return _host_endpoint if rest.startswith("endpoint/") else None
    return _network_set if key.startswith(_NETWORK_SET) else None


def _policy(value: JsonObject) -> str | None:
    if not selectors.is_selector(value["selector"]):
        return f"selector: {value['selector']!r} is not a selector"
    if "performance_hints" in value:
        hints = value["performance_hints"]
        if len(set(hints)) != len(hints):
            return "performance_hints: one is there twice"
        for hint in hints:
            if hint not in _HINTS:
                return f"performance_hints: {hint!r} is none of {', '.join(_HINTS)}"
    return _rules(value)


def _rules(value: JsonObject) -> str | None:
    """Check a policy's or a profile's rules."""
    for direction in ("inbound_rules", "outbound_rules"):
        for index, rule in enumerate(value.get(direction, ())):
            reason = _rule(rule)
            if reason is not None:
                return f"{direction}[{index}].{reason}"
    return None


def _rule(rule: JsonObject) -> str | None:
    for member, value in rule.items():
        if member in _CHECKS:
            reason = _CHECKS[member](rule, member, value)
            if reason is not None:
                return reason
    return None


def _ip_version(_: JsonObject, member: str, version: int) -> str | None:
    return None if version in _IP_VERSIONS else f"{member}: {version} is neither 4 nor 6"


def _icmp(_: JsonObject, member: str, number: int) -> str | None:
    greatest = _ICMP_LIMITS[member]
    if 0 <= number <= greatest:
        return None
    return f"{member}: {number} is not between 0 and {greatest}"


def _protocol(_: JsonObject, member: str, protocol: int | str) -> str | None:
    if isinstance(protocol, int):
        is_known = 1 <= protocol <= _LAST_PROTOCOL
    else:
        is_known = protocol in _PROTOCOLS
    return None if is_known else f"{member}: {protocol!r} is no protocol"


def _selector(_: JsonObject, member: str, selector: str) -> str | None:
    if selectors.is_selector(selector):
        return None
    return f"{member}: {selector!r} is not a selector"


def _ports(rule: JsonObject, member: str, ports: list[int | str]) -> str | None:
    given = rule.get("protocol"), tuple(ports)
    reason = _known_ports(*given) if len(ports) <= _FEW_PORTS else _reason_no_ports(*given)
    return None if reason is None else f"{member}: {reason}"


def _reason_no_ports(protocol: int | str | None, ports: tuple[int | str, ...]) -> str | None:
    if ports and protocol is not None and protocol not in _WITH_PORTS:
        return f"protocol {protocol!r} has no ports"
    for port in ports:
        if not _is_port(port):
            return f"{port!r} is no port"
        if protocol is None and not _is_named(port):
            return f"{port!r} needs a protocol"
    return None


_known_ports = lru_cache(maxsize=2048)(_reason_no_ports)  # policies tend to name the same ones


_CHECKS: Final[Mapping[str, Callable[[JsonObject, str, Any], str | None]]] = {
    "ip_version": _ip_version,
    "protocol": _protocol,
    "!protocol": _protocol,
    **dict.fromkeys(_ICMP_LIMITS, _icmp),
    **dict.fromkeys(_PORT_LISTS, _ports),
    **dict.fromkeys(_SELECTORS, _selector),
}


def _is_port(port: int | str) -> bool:
    if isinstance(port, int):
        return port >= 1
    first, colon, last = port.partition(":")
    return 1 <= int(first) <= int(last) if colon else primitives.is_port_name(port)


def _is_named(port: int | str) -> bool:
    return isinstance(port, str) and ":" not in port


def _workload_endpoint(value: JsonObject) -> str | None:
    if not value["name"]:
        return "name: the endpoint has no interface"
    return _endpoint_ports(value.get("ports", ()))


def _host_endpoint(value: JsonObject) -> str | None:
    name = value.get("name", "")
    if name and not _INTERFACE.fullmatch(name):
        return f"name: {name!r} is no interface"
    return _profile_ids(value) or _endpoint_ports(value.get("ports", ()))


def _network_set(value: JsonObject) -> str | None:
    return _profile_ids(value)


def _profile_ids(value: JsonObject) -> str | None:
    for profile in value.get("profile_ids", ()):
        if not _NAME.fullmatch(profile):
            return f"profile_ids: {profile!r} is no name"
    return None


def _endpoint_ports(ports: Iterable[dict[str, Any]]) -> str | None:
    for index, port in enumerate(ports):
        if not _NAME.fullmatch(port["name"]):
            return f"ports[{index}].name: {port['name']!r} is no name"
        if port["port"] < 1:
            return f"ports[{index}].port: 0 is no port"
        if port["protocol"] not in _ENDPOINT_PROTOCOLS:
            return f"ports[{index}].protocol: {port['protocol']!r} is none of tcp, udp, sctp"
    return None
