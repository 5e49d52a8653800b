"""Quality of service as pods and host endpoints ask for it, in annotations.

What cannot be used is left out or moved to the nearest limit, as in the original: the annotation
of one pod is no reason to keep its endpoint from Felix.
"""

from collections.abc import Mapping
from typing import Final

from typha.model import quantities, typed

DSCP_ANNOTATION: Final = "qos.projectcalico.org/dscp"

_PREFIX: Final = "qos.projectcalico.org/"
_KUBERNETES: Final = {
    "kubernetes.io/ingress-bandwidth": "ingressBandwidth",
    "kubernetes.io/egress-bandwidth": "egressBandwidth",
}
_LIMITS: Final = {  # smallest and greatest value; bits, packets or connections
    "Bandwidth": (1_000, 10**15),
    "Burst": (1_000, 34_359_738_360),
    "Peakrate": (1_010, 1_010_000_000_000_000),
    "Minburst": (1_000, 100_000_000),
    "PacketRate": (1, 10_000),
    "PacketBurst": (1, 10_000),
    "MaxConnections": (1, 4_294_967_295),
}
_BURST: Final = 4_294_967_296  # of a bandwidth that names none
_PACKET_BURST: Final = 5  # of a packet rate that names none
_ORDER: Final = (
    *(f"ingress{each}" for each in ("Bandwidth", "Burst", "Peakrate", "Minburst")),
    *(f"egress{each}" for each in ("Bandwidth", "Burst", "Peakrate", "Minburst")),
    *(f"ingress{each}" for each in ("PacketRate", "PacketBurst")),
    *(f"egress{each}" for each in ("PacketRate", "PacketBurst")),
    *("ingressMaxConnections", "egressMaxConnections"),
)
# Annotation -> member; where both name one member, the later one wins.
_MEMBERS: Final = {**_KUBERNETES, **{_PREFIX + member: member for member in _ORDER}}
ANNOTATIONS: Final = frozenset({*_MEMBERS, DSCP_ANNOTATION})

_MAX_DSCP: Final = 63
_MAX_STORED: Final = 255  # of a number that a field holds, whatever sense it makes
_DSCP_DIGITS: Final = 2
_DSCP_NAMES: Final = frozenset(
    {"DF", "EF"}
    | {f"AF{group}{drop}" for group in range(1, 5) for drop in range(1, 4)}
    | {f"CS{group}" for group in range(7)}
)


def _stored(text: str) -> int | str:
    """Return what a text stands for in a DSCP's field: digits are a number, if it is small."""
    digits = text.lstrip("0") or text[:1]
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= len(str(_MAX_STORED))
    return int(digits) if is_number and int(digits) <= _MAX_STORED else text


DSCP: Final = typed.number_or(typed.parsed(_stored, ""), typed.UINT8)


def dscp(text: str) -> int | str | None:
    """Return a DSCP as it is sent: a number, or a name; None if it is neither."""
    if text.isascii() and text.isdigit():
        digits = text.lstrip("0") or "0"
        return int(digits) if len(digits) <= _DSCP_DIGITS and int(digits) <= _MAX_DSCP else None
    if text.upper() in _DSCP_NAMES:
        return text.upper()
    return text if text.strip().upper() in _DSCP_NAMES else None


def controls(annotations: Mapping[str, str]) -> dict[str, int | str]:
    """Return what a pod asks for in its annotations, in the order sent; {} for nothing."""
    if ANNOTATIONS.isdisjoint(annotations):
        return {}
    asked = dict.fromkeys(_ORDER, 0)
    for annotation, member in _MEMBERS.items():
        text = annotations.get(annotation)
        if text is not None:
            asked[member] = _within_limits(text, member)
    for direction in ("ingress", "egress"):
        _settle(asked, direction)
    result: dict[str, int | str] = {member: value for member, value in asked.items() if value}
    marking = dscp(annotations.get(DSCP_ANNOTATION, ""))
    if marking is not None:
        result["dscp"] = marking
    return result


def _within_limits(text: str, member: str) -> int:
    low, high = _LIMITS[member.removeprefix("ingress").removeprefix("egress")]
    try:
        return min(max(quantities.whole(text), low), high)
    except ValueError:
        return 0


def _settle(asked: dict[str, int], direction: str) -> None:
    """Drop what makes no sense without its companion, and set the bursts that are missing."""
    bandwidth, peak_rate = f"{direction}Bandwidth", f"{direction}Peakrate"
    burst, packet_burst = f"{direction}Burst", f"{direction}PacketBurst"
    if not asked[bandwidth]:
        asked[burst] = 0
    if asked[peak_rate] <= asked[bandwidth] or not asked[bandwidth]:
        asked[peak_rate] = 0
    if not asked[peak_rate]:
        asked[f"{direction}Minburst"] = 0
    if asked[bandwidth]:
        asked[burst] = asked[burst] or _BURST
    if asked[f"{direction}PacketRate"]:
        asked[packet_burst] = asked[packet_burst] or _PACKET_BURST
    else:
        asked[packet_burst] = 0
