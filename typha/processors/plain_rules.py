"""The rules that nearly all policies are made of, converted in a third of the steps.

Plain is a rule of an action, a protocol by its name, nets, selectors, ports and annotations, all
of them as they should be.  Any other is left to `rules`, which says the same of a plain one.
"""

from typing import Any, Final

from typha.model import nets, ports, typed
from typha.model.familiar import Familiar
from typha.model.resources import JsonObject
from typha.processors import selectors

_ACTIONS: Final = {"Allow": "allow", "Deny": "deny", "Log": "log", "Pass": "next-tier"}
_MEMBERS: Final = frozenset({"action", "protocol", "source", "destination", "metadata"})
_OF_SIDE: Final = frozenset({"nets", "selector", "namespaceSelector", "ports"})
_NOTHING: Final[JsonObject] = {}
_FAMILIAR_NETS: Final = Familiar()  # texts, and short ones


class _OddError(Exception):
    """The rule is not plain."""


_ODD: Final = (_OddError, KeyError, TypeError, typed.MemberError)


def convert(rule: JsonObject, namespace: str) -> JsonObject | None:
    """Return the v1 rule; None if it is not plain.

    `namespace` is the policy's, empty for a global one.
    """
    if not _MEMBERS.issuperset(rule):
        return None
    try:
        return _convert(rule, namespace)
    except _ODD:
        return None


def _convert(rule: JsonObject, namespace: str) -> JsonObject:
    result: JsonObject = {"action": _ACTIONS[rule["action"]]}
    if "protocol" in rule:
        result["protocol"] = ports.USUAL_PROTOCOLS[rule["protocol"]]
    source, destination = _NOTHING, _NOTHING
    if "source" in rule:
        source = _side(rule["source"])
        _match_source(source, namespace, result)
    if "destination" in rule:
        destination = _side(rule["destination"])
        _match_destination(destination, namespace, result)
    _keep_originals(source, destination, result)
    if "metadata" in rule:
        result["metadata"] = _metadata(rule["metadata"])
    return result


def _match_source(said: JsonObject, namespace: str, result: JsonObject) -> None:
    if "nets" in said:
        result["src_nets"] = _nets(said["nets"])
    if "selector" in said or "namespaceSelector" in said:
        result["src_selector"] = _selector(said, namespace)
    if "ports" in said:
        result["src_ports"] = _ports(said["ports"])


def _match_destination(said: JsonObject, namespace: str, result: JsonObject) -> None:
    if "selector" in said or "namespaceSelector" in said:
        result["dst_selector"] = _selector(said, namespace)
    if "nets" in said:
        result["dst_nets"] = _nets(said["nets"])
    if "ports" in said:
        result["dst_ports"] = _ports(said["ports"])


def _keep_originals(source: JsonObject, destination: JsonObject, result: JsonObject) -> None:
    """Add what the selectors were before they were made one."""
    if "selector" in source:
        result["orig_src_selector"] = source["selector"]
    if "namespaceSelector" in source:
        result["orig_src_namespace_selector"] = source["namespaceSelector"]
    if "selector" in destination:
        result["orig_dst_selector"] = destination["selector"]
    if "namespaceSelector" in destination:
        result["orig_dst_namespace_selector"] = destination["namespaceSelector"]


def _side(said: Any) -> JsonObject:
    if type(said) is not dict or not _OF_SIDE.issuperset(said):
        raise _OddError
    return said


def _nets(given: Any) -> list[str]:
    if type(given) is not list or not given:
        raise _OddError
    if not _FAMILIAR_NETS.has_all(given):
        if not all(map(nets.is_plain_net, given)):
            raise _OddError
        _FAMILIAR_NETS.learn(given)
    return given


def _ports(given: Any) -> list[ports.Port]:
    read: list[ports.Port] = ports.PORTS.convert(given)
    if not read:
        raise _OddError
    return read


def _selector(said: JsonObject, namespace: str) -> str:
    """Return the selector of a side that says something of endpoints."""
    selector = _text(said["selector"]) if "selector" in said else ""
    if "namespaceSelector" not in said and not namespace:
        return selector
    elsewhere = _text(said["namespaceSelector"]) if "namespaceSelector" in said else ""
    whole = selectors.of_rule(selectors.Entity(selector, "", elsewhere), namespace)
    if not whole:
        raise _OddError
    return whole


def _text(given: Any) -> str:
    if type(given) is not str or not given:
        raise _OddError
    return given


def _metadata(given: Any) -> JsonObject:
    if type(given) is not dict or "annotations" not in given:
        raise _OddError
    annotations = typed.STRING_MAP.convert(given["annotations"])
    return {"annotations": annotations} if annotations else {}
