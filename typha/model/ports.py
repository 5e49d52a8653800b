"""Ports and protocols as policies give them: numbers, numeric text, ranges and names.

Rules: Calico's numorstring package.  A port is kept as it is printed: a number, `"low:high"`, or a
name; a protocol as a number or its lower-case name.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from typha.model import typed
from typha.model.familiar import Familiar

Port = int | str

_LAST_PORT: Final = 65535
_LAST_PROTOCOL: Final = 255
_NUMBER: Final = re.compile("[0-9]+", re.ASCII)
_RANGE: Final = re.compile("([0-9]+):([0-9]+)", re.ASCII)
_NAME: Final = re.compile("[a-zA-Z0-9_.-]{1,128}")
_OF_PORTS: Final = frozenset({int, str})
_FAMILIAR: Final = Familiar()
_LONGEST_REMEMBERED: Final = 128  # characters; no name is longer
_LONGEST: Final = 20  # digits; enough to tell, and no more are made a number
# The names Kubernetes policies may spell in any case -> as Calico spells them.
_CANONICAL: Final = {
    name.lower(): name for name in ("UDP", "TCP", "ICMP", "ICMPv6", "SCTP", "UDPLite", "any")
}
USUAL_PROTOCOLS: Final = {name: name.lower() for name in _CANONICAL.values()}


def port(text: str) -> Port:
    """Read a port given as text.

    Raises ValueError for a number out of range, a range the wrong way round and a bad name.
    """
    if _NUMBER.fullmatch(text):
        return _number(text)
    found = _RANGE.fullmatch(text)
    if found:
        return span(_number(found[1]), _number(found[2]))
    if not _NAME.fullmatch(text):
        raise ValueError(f"{text[:200]!r} is no port: not a number, a range or a name")
    return text


def span(first: int, last: int) -> Port:
    """Return the ports from `first` to `last`.  Raises ValueError if there are none."""
    if first > last:
        raise ValueError(f"port range {first}:{last} is the wrong way round")
    return first if first == last else f"{first}:{last}"


def protocol(text: str) -> int | str:
    """Read a protocol given as text: a number up to 255, or a name, whatever it says."""
    if _NUMBER.fullmatch(text):
        number = int(text[-_LONGEST:]) if not text[:-_LONGEST].strip("0") else _LAST_PROTOCOL + 1
        if number <= _LAST_PROTOCOL:
            return number
    return text.lower()


def canonical_protocol(name: str) -> str:
    """Return a protocol's name as Calico spells it, or unchanged if it is none."""
    return _CANONICAL.get(name.lower(), name)


def simplified(ports: list[Port]) -> list[Port]:
    """Return the same ports with the numbers merged into as few ranges as can be.

    Names come first.  With at most one number among them, the list is left as it is.
    """
    numbers: list[tuple[int, int]] = []
    names: list[Port] = []
    for each in ports:
        bounds = _bounds(each)
        if bounds is None:
            names.append(each)
        else:
            numbers.append(bounds)
    if len(ports) <= 1 or sum(last - first + 1 for first, last in numbers) <= 1:
        return ports
    return names + [span(first, last) for first, last in _merged(sorted(numbers))]


def _merged(numbers: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Merge sorted ranges that overlap or touch."""
    ranges: list[tuple[int, int]] = []
    for first, last in numbers:
        if ranges and first <= ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], max(ranges[-1][1], last))
        else:
            ranges.append((first, last))
    return ranges


def _bounds(each: Port) -> tuple[int, int] | None:
    if isinstance(each, int):
        return each, each
    first, colon, last = each.partition(":")
    return (int(first), int(last)) if colon else None


def _number(digits: str) -> int:
    number = int(digits[-_LONGEST:])
    if digits[:-_LONGEST].strip("0") or number > _LAST_PORT:
        raise ValueError(f"{digits[:200]} is no port: the last one is {_LAST_PORT}")
    return number


def _ports(value: Any) -> list[Port]:
    """Read a list of ports; nearly all stay as they are."""
    if type(value) is not list:
        raise typed.misfit(value, "a list")
    # Types first: true and 1.0 equal a number, but are no ports.
    if _OF_PORTS.issuperset(map(type, value)) and _FAMILIAR.has_all(value):
        return value
    ports: list[Port] = _ANY_PORTS.convert(value)
    if ports == value:
        _FAMILIAR.learn(ports)  # whose texts are short then
    return ports


def _protocol(value: Any) -> int | str:
    """Read a protocol; nearly all have one of a few names."""
    if type(value) is str and value in USUAL_PROTOCOLS:
        return USUAL_PROTOCOLS[value]
    number_or_name: int | str = _ANY_PROTOCOL.convert(value)
    return number_or_name


_remembered = lru_cache(maxsize=4096)(port)


def _known(text: str) -> Port:
    """Read a port given as text; policies tend to name the same ones."""
    return _remembered(text) if len(text) <= _LONGEST_REMEMBERED else port(text)


PORT: Final = typed.number_or(typed.parsed(_known, 0), typed.UINT16)
_ANY_PORTS: Final = typed.list_of(PORT)
PORTS: Final = typed.Type(_ports, _ANY_PORTS.zero)
_ANY_PROTOCOL: Final = typed.number_or(typed.parsed(protocol, 0), typed.UINT8)
PROTOCOL: Final = typed.Type(_protocol, _ANY_PROTOCOL.zero)
