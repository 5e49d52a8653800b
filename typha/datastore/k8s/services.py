"""Service and EndpointSlice, passed through whole.

They are typed as the original's client types what it reads as protobuf, which knows no empty list:
one that must be printed is null.  Kind and apiVersion it does not print.
"""

from collections.abc import Callable
from typing import Final

from typha.model import metadata, typed
from typha.model.resources import JsonObject, Reader, Reading, Resource
from typha.model.typed import Member, always, if_given, unless_empty

_TEXTS: Final = typed.repeated(typed.STRING)
_SERVICE_PORT: Final = typed.struct(
    unless_empty("name", typed.STRING),
    unless_empty("protocol", typed.STRING),
    if_given("appProtocol", typed.STRING),
    always("port", typed.INT32),
    always("targetPort", typed.INT_OR_STRING),
    unless_empty("nodePort", typed.INT32),
)
_SESSION_AFFINITY: Final = typed.struct(
    if_given("clientIP", typed.struct(if_given("timeoutSeconds", typed.INT32)))
)
_SERVICE_SPEC: Final = typed.struct(
    unless_empty("ports", typed.repeated(_SERVICE_PORT)),
    unless_empty("selector", typed.STRING_MAP),
    unless_empty("clusterIP", typed.STRING),
    unless_empty("clusterIPs", _TEXTS),
    unless_empty("type", typed.STRING),
    unless_empty("externalIPs", _TEXTS),
    unless_empty("sessionAffinity", typed.STRING),
    unless_empty("loadBalancerIP", typed.STRING),
    unless_empty("loadBalancerSourceRanges", _TEXTS),
    unless_empty("externalName", typed.STRING),
    unless_empty("externalTrafficPolicy", typed.STRING),
    unless_empty("healthCheckNodePort", typed.INT32),
    unless_empty("publishNotReadyAddresses", typed.BOOL),
    if_given("sessionAffinityConfig", _SESSION_AFFINITY),
    unless_empty("ipFamilies", _TEXTS),
    if_given("ipFamilyPolicy", typed.STRING),
    if_given("allocateLoadBalancerNodePorts", typed.BOOL),
    if_given("loadBalancerClass", typed.STRING),
    if_given("internalTrafficPolicy", typed.STRING),
    if_given("trafficDistribution", typed.STRING),
)
_PORT_STATUS: Final = typed.struct(
    always("port", typed.INT32),
    always("protocol", typed.STRING),
    if_given("error", typed.STRING),
)
_INGRESS: Final = typed.struct(
    unless_empty("ip", typed.STRING),
    unless_empty("hostname", typed.STRING),
    if_given("ipMode", typed.STRING),
    unless_empty("ports", typed.repeated(_PORT_STATUS)),
)
_CONDITION: Final = typed.struct(
    always("type", typed.STRING),
    always("status", typed.STRING),
    unless_empty("observedGeneration", typed.INT),
    always("lastTransitionTime", typed.TIME),
    always("reason", typed.STRING),
    always("message", typed.STRING),
)
_SERVICE_STATUS: Final = typed.struct(
    always("loadBalancer", typed.struct(unless_empty("ingress", typed.repeated(_INGRESS)))),
    unless_empty("conditions", typed.repeated(_CONDITION)),
)

_REFERENCE: Final = typed.struct(
    *(
        unless_empty(member, typed.STRING)
        for member in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion")
    ),
    unless_empty("fieldPath", typed.STRING),
)
_NAMED: Final = typed.repeated(typed.struct(always("name", typed.STRING)))
_CONDITIONS: Final = typed.struct(
    *(if_given(member, typed.BOOL) for member in ("ready", "serving", "terminating"))
)
_ENDPOINT: Final = typed.struct(
    always("addresses", _TEXTS),
    always("conditions", _CONDITIONS),
    if_given("hostname", typed.STRING),
    if_given("targetRef", _REFERENCE),
    unless_empty("deprecatedTopology", typed.STRING_MAP),
    if_given("nodeName", typed.STRING),
    if_given("zone", typed.STRING),
    if_given(
        "hints", typed.struct(unless_empty("forZones", _NAMED), unless_empty("forNodes", _NAMED))
    ),
)
_ENDPOINT_PORT: Final = typed.struct(
    if_given("name", typed.STRING),
    if_given("protocol", typed.STRING),
    if_given("port", typed.INT32),
    if_given("appProtocol", typed.STRING),
)


def _reader(kind: str, *members: Member) -> Reader:
    convert: Callable[[JsonObject], JsonObject] = typed.struct(
        always("metadata", metadata.OBJECT_META), *members
    ).convert

    def read(obj: JsonObject, reading: Reading) -> Resource:
        del reading
        meta = metadata.of(obj)
        name, namespace = metadata.text(meta, "name"), metadata.text(meta, "namespace")
        revision = metadata.text(meta, "resourceVersion")
        return Resource(kind, namespace, name, revision, convert(obj), revision)

    return read


read_service: Final = _reader(
    "KubernetesService", always("spec", _SERVICE_SPEC), always("status", _SERVICE_STATUS)
)
read_endpoint_slice: Final = _reader(
    "KubernetesEndpointSlice",
    always("addressType", typed.STRING),
    always("endpoints", typed.repeated(_ENDPOINT)),
    always("ports", typed.repeated(_ENDPOINT_PORT)),
)
