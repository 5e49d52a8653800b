"""What the specs of Calico's BGP resources hold, in the order of the original's structs."""

from typing import Any, Final

from typha.model import typed
from typha.model.typed import always, if_given, unless_empty

_PASSWORD: Final = typed.struct(
    if_given(
        "secretKeyRef",
        typed.struct(
            unless_empty("name", typed.STRING),
            always("key", typed.STRING),
            if_given("optional", typed.BOOL),
        ),
    )
)
_CIDRS: Final = typed.list_of(typed.struct(unless_empty("cidr", typed.STRING)))
_COMMUNITIES: Final = typed.list_of(
    typed.struct(unless_empty("name", typed.STRING), unless_empty("value", typed.STRING))
)
_ADVERTISEMENT: Final = typed.struct(
    unless_empty("cidr", typed.STRING), unless_empty("communities", typed.STRINGS)
)


def _advertisement(value: Any) -> Any:
    """Type an advertisement; one without communities is unfit, while an empty list is not.

    It is decided here because afterwards nobody can tell the two apart.
    """
    advertisement = _ADVERTISEMENT.convert(value)
    if value.get("communities") is None:
        raise typed.MemberError("a list is needed, if an empty one", "communities")
    return advertisement


_ADVERTISEMENTS: Final = typed.list_of(typed.Type(_advertisement, dict))

CONFIGURATION: Final = typed.struct(
    unless_empty("logSeverityScreen", typed.STRING),
    if_given("nodeToNodeMeshEnabled", typed.BOOL),
    if_given("asNumber", typed.AS_NUMBER),
    unless_empty("serviceLoadBalancerIPs", _CIDRS),
    unless_empty("serviceExternalIPs", _CIDRS),
    unless_empty("serviceClusterIPs", _CIDRS),
    if_given("serviceLoadBalancerAggregation", typed.STRING),
    unless_empty("communities", _COMMUNITIES),
    unless_empty("prefixAdvertisements", _ADVERTISEMENTS),
    unless_empty("listenPort", typed.UINT16),
    if_given("nodeMeshPassword", _PASSWORD),
    if_given("nodeMeshMaxRestartTime", typed.DURATION),
    if_given("bindMode", typed.STRING),
    unless_empty("ignoredInterfaces", typed.STRINGS),
    unless_empty("localWorkloadPeeringIPV4", typed.STRING),
    unless_empty("localWorkloadPeeringIPV6", typed.STRING),
    if_given("programClusterRoutes", typed.STRING),
    if_given("ipv4NormalRoutePriority", typed.INT),
    if_given("ipv6NormalRoutePriority", typed.INT),
)

PEER: Final = typed.struct(
    unless_empty("node", typed.STRING),
    unless_empty("nodeSelector", typed.STRING),
    unless_empty("peerIP", typed.STRING),
    unless_empty("asNumber", typed.AS_NUMBER),
    if_given("localASNumber", typed.AS_NUMBER),
    unless_empty("peerSelector", typed.STRING),
    unless_empty("keepOriginalNextHop", typed.BOOL),
    if_given("nextHopMode", typed.STRING),
    if_given("password", _PASSWORD),
    unless_empty("sourceAddress", typed.STRING),
    if_given("maxRestartTime", typed.DURATION),
    if_given("keepaliveTime", typed.DURATION),
    if_given("numAllowedLocalASNumbers", typed.INT32),
    if_given("ttlSecurity", typed.UINT8),
    unless_empty("reachableBy", typed.STRING),
    unless_empty("filters", typed.STRINGS),
    unless_empty("localWorkloadSelector", typed.STRING),
    if_given("reversePeering", typed.STRING),
)

_PREFIX_LENGTH: Final = typed.struct(if_given("min", typed.INT32), if_given("max", typed.INT32))
_OPERATION: Final = typed.struct(
    if_given("addCommunity", typed.struct(always("value", typed.nullable(typed.STRING)))),
    if_given("prependASPath", typed.struct(always("prefix", typed.list_of(typed.AS_NUMBER)))),
    if_given("setPriority", typed.struct(always("value", typed.nullable(typed.INT)))),
)
_FILTER_RULES: Final = typed.list_of(
    typed.struct(
        unless_empty("cidr", typed.STRING),
        if_given("prefixLength", _PREFIX_LENGTH),
        unless_empty("source", typed.STRING),
        unless_empty("interface", typed.STRING),
        unless_empty("matchOperator", typed.STRING),
        unless_empty("peerType", typed.STRING),
        if_given("communities", typed.struct(always("values", typed.STRINGS))),
        unless_empty("asPathPrefix", typed.list_of(typed.AS_NUMBER)),
        if_given("priority", typed.INT),
        always("action", typed.STRING),
        unless_empty("operations", typed.list_of(_OPERATION)),
    )
)

FILTER: Final = typed.struct(
    unless_empty("exportV4", _FILTER_RULES),
    unless_empty("importV4", _FILTER_RULES),
    unless_empty("exportV6", _FILTER_RULES),
    unless_empty("importV6", _FILTER_RULES),
)
