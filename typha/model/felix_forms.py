"""The forms that fields of a FelixConfiguration have: their types, and the text of their settings.

The texts are those of the original's v1 configuration; Felix parses them with rules of its own.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from typha.model import durations, ports, qos, typed
from typha.model.typed import Member, always, if_given, unless_empty

_PROTO_PORT: Final = typed.struct(
    unless_empty("protocol", typed.STRING),
    always("port", typed.UINT16),
    unless_empty("net", typed.STRING),
)
_ID_RANGE: Final = typed.struct(always("min", typed.INT), always("max", typed.INT))
_HEALTH_TIMEOUT: Final = typed.struct(
    always("name", typed.STRING), always("timeout", typed.DURATION)
)
_CONNTRACK_TIMEOUTS: Final = {  # member -> as the setting spells it
    "creationGracePeriod": "CreationGracePeriod",
    "tcpSynSent": "TCPSynSent",
    "tcpEstablished": "TCPEstablished",
    "tcpFinsSeen": "TCPFinsSeen",
    "tcpResetSeen": "TCPResetSeen",
    "udpTimeout": "UDPTimeout",
    "genericTimeout": "GenericTimeout",
    "icmpTimeout": "ICMPTimeout",
}


def _flag(value: bool) -> str:  # noqa: FBT001 - it is the value to print
    return "true" if value else "false"


def _seconds(value: str) -> str:
    return durations.seconds_text(durations.parse(value))


def _milliseconds(value: str) -> str:
    return durations.milliseconds_text(durations.parse(value))


def _pairs(value: dict[str, str]) -> str:
    """Return `key=value,` for each pair, sorted; the original's order is random."""
    return "".join(f"{key}={each}," for key, each in value.items())


def _slice(value: list[Any]) -> str:
    """Return a list as Go prints it."""
    return f"[{' '.join(map(str, value))}]"


def _proto_port(value: dict[str, Any]) -> str:
    parts = [value.get("protocol", "").lower(), str(value["port"])]
    net = value.get("net", "")
    if net:
        parts.insert(1, f"[{net}]" if ":" in net else net)
    return ":".join(parts)


def _proto_ports(value: list[dict[str, Any]]) -> str:
    return ",".join(map(_proto_port, value)) or "none"


def _range(value: dict[str, int]) -> str:
    return f"{value['min']}-{value['max']}"


def _ranges(value: list[dict[str, int]]) -> str:
    return ",".join(map(_range, value))


def _health_timeouts(value: list[dict[str, str]]) -> str:
    return ",".join(f"{each['name']}={each['timeout']}" for each in value)


def _conntrack_timeouts(value: dict[str, str]) -> str:
    return ",".join(f"{_CONNTRACK_TIMEOUTS[member]}={each}" for member, each in value.items())


class Form(NamedTuple):
    """How a field is typed, when it is there at all, and what its setting says."""

    declare: Callable[[str, typed.Type], Member]
    type: typed.Type
    text: Callable[[Any], str]


STR: Final = Form(unless_empty, typed.STRING, str)
PSTR: Final = Form(if_given, typed.STRING, str)  # may be given as the empty text
BOOL: Final = Form(if_given, typed.BOOL, _flag)
INT: Final = Form(if_given, typed.INT, str)
UINT32: Final = Form(if_given, typed.UINT32, str)
SECS: Final = Form(if_given, typed.DURATION, _seconds)
MS: Final = Form(if_given, typed.DURATION, _milliseconds)
PORT: Final = Form(if_given, ports.PORT, str)
DSCP: Final = Form(if_given, qos.DSCP, str)
CSV: Final = Form(if_given, typed.STRINGS, ",".join)
MAP: Final = Form(if_given, typed.STRING_MAP, _pairs)
GOSLICE: Final = Form(if_given, ports.PORTS, _slice)
PORTS: Final = Form(if_given, typed.list_of(_PROTO_PORT), _proto_ports)
RANGE: Final = Form(if_given, _ID_RANGE, _range)
RANGES: Final = Form(if_given, typed.list_of(_ID_RANGE), _ranges)
HTO: Final = Form(unless_empty, typed.list_of(_HEALTH_TIMEOUT), _health_timeouts)
CTT: Final = Form(
    if_given,
    typed.struct(*(if_given(member, typed.STRING) for member in _CONNTRACK_TIMEOUTS)),
    _conntrack_timeouts,
)
