"""What the specs of those resources hold that are stored as Calico's own in etcd alone.

Where Kubernetes is the datastore they are made from its objects.  Members are in the order of the
original's structs; workload endpoints have a module of their own.
"""

from typing import Final

from typha.model import ports, typed
from typha.model.typed import always, if_given, unless_empty


def _protocol(text: str) -> int | str:
    """Read a protocol as it is shown: its name as it is written."""
    found = ports.protocol(text)
    return found if isinstance(found, int) else text


# ---- Node

_BGP: Final = typed.struct(
    if_given("asNumber", typed.AS_NUMBER),
    unless_empty("ipv4Address", typed.STRING),
    unless_empty("ipv6Address", typed.STRING),
    unless_empty("ipv4IPIPTunnelAddr", typed.STRING),
    unless_empty("routeReflectorClusterID", typed.STRING),
)
_ORCHESTRATOR: Final = typed.struct(
    unless_empty("nodeName", typed.STRING), always("orchestrator", typed.STRING)
)
_WIREGUARD: Final = typed.struct(
    unless_empty("interfaceIPv4Address", typed.STRING),
    unless_empty("interfaceIPv6Address", typed.STRING),
)
_ADDRESS: Final = typed.struct(always("address", typed.STRING), unless_empty("type", typed.STRING))
_INTERFACE: Final = typed.struct(
    unless_empty("name", typed.STRING), unless_empty("addresses", typed.STRINGS)
)

NODE: Final = typed.struct(
    if_given("bgp", _BGP),
    unless_empty("ipv4VXLANTunnelAddr", typed.STRING),
    unless_empty("vxlanTunnelMACAddr", typed.STRING),
    unless_empty("ipv6VXLANTunnelAddr", typed.STRING),
    unless_empty("vxlanTunnelMACAddrV6", typed.STRING),
    unless_empty("orchRefs", typed.list_of(_ORCHESTRATOR)),
    if_given("wireguard", _WIREGUARD),
    unless_empty("addresses", typed.list_of(_ADDRESS)),
    unless_empty("interfaces", typed.list_of(_INTERFACE)),
)

NODE_STATUS: Final = typed.struct(
    unless_empty("wireguardPublicKey", typed.STRING),
    unless_empty("wireguardPublicKeyV6", typed.STRING),
    unless_empty("podCIDRs", typed.STRINGS),
)

# ---- Profile

_PROTOCOL: Final = typed.number_or(typed.parsed(_protocol, 0), typed.UINT8)
_ICMP: Final = typed.struct(if_given("type", typed.INT), if_given("code", typed.INT))
_ENTITY: Final = typed.struct(
    unless_empty("nets", typed.STRINGS),
    unless_empty("selector", typed.STRING),
    unless_empty("namespaceSelector", typed.STRING),
    if_given(
        "services",
        typed.struct(unless_empty("name", typed.STRING), unless_empty("namespace", typed.STRING)),
    ),
    unless_empty("ports", ports.PORTS),
    unless_empty("notNets", typed.STRINGS),
    unless_empty("notSelector", typed.STRING),
    unless_empty("notPorts", ports.PORTS),
    if_given(
        "serviceAccounts",
        typed.struct(unless_empty("names", typed.STRINGS), unless_empty("selector", typed.STRING)),
    ),
)
_HTTP_PATH: Final = typed.struct(
    unless_empty("exact", typed.STRING), unless_empty("prefix", typed.STRING)
)
_HTTP: Final = typed.struct(
    unless_empty("methods", typed.STRINGS), unless_empty("paths", typed.list_of(_HTTP_PATH))
)
_RULE: Final = typed.struct(
    always("action", typed.STRING),
    if_given("ipVersion", typed.INT),
    if_given("protocol", _PROTOCOL),
    if_given("icmp", _ICMP),
    if_given("notProtocol", _PROTOCOL),
    if_given("notICMP", _ICMP),
    always("source", _ENTITY),
    always("destination", _ENTITY),
    if_given("http", _HTTP),
    if_given("metadata", typed.struct(unless_empty("annotations", typed.STRING_MAP))),
)

PROFILE: Final = typed.struct(
    unless_empty("ingress", typed.list_of(_RULE)),
    unless_empty("egress", typed.list_of(_RULE)),
    unless_empty("labelsToApply", typed.STRING_MAP),
)

# ---- LiveMigration

_WORKLOAD: Final = (
    unless_empty("hostname", typed.STRING),
    unless_empty("orchestratorID", typed.STRING),
    unless_empty("workloadID", typed.STRING),
)
_ENDPOINT: Final = typed.struct(*_WORKLOAD, unless_empty("endpointID", typed.STRING))

LIVE_MIGRATION: Final = typed.struct(
    if_given(
        "source",
        typed.struct(
            if_given("workload", typed.struct(*_WORKLOAD)), if_given("workloadEndpoint", _ENDPOINT)
        ),
    ),
    if_given(
        "target",
        typed.struct(if_given("selector", typed.STRING), if_given("workloadEndpoint", _ENDPOINT)),
    ),
)

# ---- IPAM block, in its v1 form

_ATTRIBUTES: Final = typed.list_of(
    typed.struct(
        if_given("handle_id", typed.STRING),
        unless_empty("secondary", typed.STRING_MAP),
        unless_empty("alternateOwnerAttrs", typed.STRING_MAP),
    )
)

BLOCK: Final = typed.struct(
    always("cidr", typed.STRING),
    always("affinity", typed.nullable(typed.STRING)),
    if_given("affinity_claim_time", typed.TIME),
    always("allocations", typed.list_of(typed.nullable(typed.INT))),
    always("unallocated", typed.list_of(typed.INT)),
    always("attributes", _ATTRIBUTES),
    always("sequenceNumber", typed.UINT64),
    always("sequenceNumberForAllocation", typed.map_of(typed.UINT64)),
    always("deleted", typed.BOOL),
    if_given("hostAffinity", typed.STRING),
)
