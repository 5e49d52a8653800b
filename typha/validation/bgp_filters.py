"""Rules for BGPFilter."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from typha.model import nets
from typha.model.resources import JsonObject

_OPERATORS: Final = frozenset({"Equal", "In", "NotEqual", "NotIn"})
_PRIORITIES: Final = range(1, 2147483647)
_INTERFACE: Final = re.compile("[a-zA-Z0-9_.*-]{1,15}")
# Direction -> version of IP, and the prefix lengths it has.
_RULES: Final = {
    "exportV4": (4, range(33)),
    "importV4": (4, range(33)),
    "exportV6": (6, range(129)),
    "importV6": (6, range(129)),
}
_SINGLE: Final[Mapping[str, Callable[[Any], bool]]] = {
    "source": frozenset({"RemotePeers"}).__contains__,
    "peerType": frozenset({"eBGP", "iBGP"}).__contains__,
    "matchOperator": _OPERATORS.__contains__,
    "interface": lambda text: _INTERFACE.fullmatch(text) is not None,
    "priority": _PRIORITIES.__contains__,
    "action": frozenset({"Accept", "Reject"}).__contains__,
    "communities": lambda match: match["values"] is not None,
}
# The one member of each operation, which must not be null.
_OPERANDS: Final = {"addCommunity": "value", "prependASPath": "prefix", "setPriority": "value"}


def reasons(value: JsonObject) -> Iterator[str]:
    """Give the reasons why a BGPFilter is unfit."""
    for direction, (version, lengths) in _RULES.items():
        for rule in value["spec"].get(direction, ()):
            for problem in _rule(rule, version, lengths):
                yield f"spec.{direction}: {problem}"


def _rule(rule: JsonObject, version: int, lengths: range) -> Iterator[str]:
    for member, check in _SINGLE.items():
        if member in rule and not check(rule[member]):
            yield f"{member}: {rule[member]!r} is not among what is accepted"
    if ("cidr" in rule) != ("matchOperator" in rule):
        yield "cidr and matchOperator go together"
    yield from _network(rule, version, lengths)
    for operation in rule.get("operations", ()):
        yield from _operation(operation)


def _network(rule: JsonObject, version: int, lengths: range) -> Iterator[str]:
    net = nets.parse(rule["cidr"]) if "cidr" in rule else None
    if "cidr" in rule and (net is None or net.version != version or net.address != net.network):
        yield f"cidr: {rule['cidr']!r} is not a network of IPv{version} without host bits"
    if "prefixLength" in rule and "cidr" not in rule:
        yield "prefixLength needs cidr"
    for bound, length in rule.get("prefixLength", {}).items():
        if length not in lengths:
            yield f"prefixLength.{bound}: {length} is not from 0 to {lengths[-1]}"


def _operation(operation: JsonObject) -> Iterator[str]:
    if len(operation) != 1:
        yield "operations: each must have exactly one member"
    for name, operand in operation.items():
        if operand[_OPERANDS[name]] is None:
            yield f"operations: {name} has no {_OPERANDS[name]}"
    priority = operation.get("setPriority")
    if priority and priority["value"] is not None and priority["value"] not in _PRIORITIES:
        yield f"operations: {priority['value']} is no priority"
