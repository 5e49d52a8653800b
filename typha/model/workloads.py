"""Calico's v3 WorkloadEndpoint: what its spec holds, and how its name is made of its parts.

A name is `<node>-<orchestrator>-<workload>-<endpoint>`, each part with its dashes doubled.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from typha.model import macs, nets, ports, qos, typed
from typha.model.resources import ConversionError
from typha.model.typed import always, if_given, unless_empty

KIND: Final = "WorkloadEndpoint"
ORCHESTRATOR: Final = "k8s"  # of every pod
ENDPOINT: Final = "eth0"  # of every pod


class Parts(NamedTuple):
    """What a name consists of."""

    node: str
    orchestrator: str
    workload: str  # a pod's name, without its namespace
    endpoint: str


def name(parts: Parts) -> str:
    """Return the name of an endpoint.

    Raises ConversionError for a part that is empty or has a dash at either end.
    """
    for part in parts:
        if not part or part[0] == "-" or part[-1] == "-":
            raise ConversionError(
                f"{part!r}, in an endpoint's name, is empty, or has a dash at an end"
            )
    return "-".join([part.replace("-", "--") for part in parts])


def parts_of(endpoint_name: str) -> Parts:
    """Return what a name consists of.  Raises ConversionError if it is not an endpoint's."""
    found = endpoint_name.replace("--", "\0").split("-")
    if len(found) != len(Parts._fields) or "" in found:
        raise ConversionError(
            f"{endpoint_name!r} is not <node>-<orchestrator>-<workload>-<endpoint>"
        )
    return Parts._make([part.replace("\0", "-") for part in found])


def _net(text: str) -> str:
    net = nets.parse_net(text)
    if net is None:
        raise ValueError(f"{text!r} is neither an address nor a network")
    return net


def _nets(value: Any) -> list[str]:
    """Return networks; null among them is the empty text, which is none."""
    found: list[str] = _NET_LIST.convert(value)
    if "" in found:
        raise typed.MemberError("null is neither an address nor a network")
    return found


def _address(text: str) -> str:
    net = nets.parse(text)
    if net is None:
        raise ValueError(f"{text!r} is neither an address nor a network")
    return net.address_text()


def _mac(text: str) -> str:
    mac = macs.parse(text)
    if mac is None:
        raise ValueError(f"{text!r} is not a hardware address such as 66:aa:bb:cc:dd:01")
    return mac


def _unless_empty(parse: Callable[[str], str]) -> Callable[[str], str]:
    """Return a parser that takes the empty text for none at all."""
    return lambda text: text and parse(text)


_PORT: Final = typed.struct(
    unless_empty("name", typed.STRING),
    always("protocol", ports.PROTOCOL),
    always("port", typed.UINT16),
    unless_empty("hostPort", typed.UINT16),
    unless_empty("hostIP", typed.STRING),
)
_NAT: Final = typed.struct(
    unless_empty("internalIP", typed.STRING), unless_empty("externalIP", typed.STRING)
)
_NET_LIST: Final = typed.list_of(typed.parsed(_net, ""))
_NETS: Final = typed.Type(_nets, _NET_LIST.zero)
_QOS: Final = typed.struct(
    *(
        unless_empty(f"{direction}{limit}", typed.INT)
        for direction in ("ingress", "egress")
        for limit in ("Bandwidth", "Burst", "Peakrate", "Minburst")
    ),
    *(
        unless_empty(f"{direction}{limit}", typed.INT)
        for direction in ("ingress", "egress")
        for limit in ("PacketRate", "PacketBurst")
    ),
    unless_empty("ingressMaxConnections", typed.INT),
    unless_empty("egressMaxConnections", typed.INT),
    if_given("dscp", qos.DSCP),
)
SPEC: Final = typed.struct(
    unless_empty("orchestrator", typed.STRING),
    unless_empty("workload", typed.STRING),
    unless_empty("node", typed.STRING),
    unless_empty("containerID", typed.STRING),
    unless_empty("pod", typed.STRING),
    unless_empty("endpoint", typed.STRING),
    unless_empty("serviceAccountName", typed.STRING),
    unless_empty("ipNetworks", _NETS),
    unless_empty("ipNATs", typed.list_of(_NAT)),
    unless_empty("ipv4Gateway", typed.parsed(_unless_empty(_address), "")),
    unless_empty("ipv6Gateway", typed.parsed(_unless_empty(_address), "")),
    if_given("profiles", typed.STRINGS),
    unless_empty("interfaceName", typed.STRING),
    unless_empty("mac", typed.parsed(_unless_empty(_mac), "")),
    unless_empty("ports", typed.list_of(_PORT)),
    unless_empty("allowSpoofedSourcePrefixes", _NETS),
    if_given("qosControls", _QOS),
)
