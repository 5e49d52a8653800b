"""What a CalicoNodeStatus holds, in the order of the original's structs."""

from typing import Any, Final

from typha.model import typed
from typha.model.typed import always, if_given, unless_empty

_SPEC: Final = typed.struct(
    unless_empty("node", typed.STRING),
    unless_empty("classes", typed.STRINGS),
    if_given("updatePeriodSeconds", typed.UINT32),
)


def _spec(value: Any) -> Any:
    """Type a spec; one without classes is unfit, while an empty list of them is not.

    It is decided here because afterwards nobody can tell the two apart.
    """
    spec = _SPEC.convert(value)
    if value.get("classes") is None:
        raise typed.MemberError("a list is needed, if an empty one", "classes")
    return spec


SPEC: Final = typed.Type(_spec, lambda: _spec({}))

_DAEMON: Final = typed.struct(
    unless_empty("state", typed.STRING),
    unless_empty("version", typed.STRING),
    unless_empty("routerID", typed.STRING),
    unless_empty("lastBootTime", typed.STRING),
    unless_empty("lastReconfigurationTime", typed.STRING),
)
_PEERS: Final = typed.list_of(
    typed.struct(
        unless_empty("peerIP", typed.STRING),
        unless_empty("type", typed.STRING),
        unless_empty("state", typed.STRING),
        unless_empty("since", typed.STRING),
    )
)
_LEARNED_FROM: Final = typed.struct(
    unless_empty("sourceType", typed.STRING), unless_empty("peerIP", typed.STRING)
)
_ROUTES: Final = typed.list_of(
    typed.struct(
        unless_empty("type", typed.STRING),
        unless_empty("destination", typed.STRING),
        unless_empty("gateway", typed.STRING),
        unless_empty("interface", typed.STRING),
        always("learnedFrom", _LEARNED_FROM),
    )
)

STATUS: Final = typed.struct(
    always("lastUpdated", typed.TIME),
    always("agent", typed.struct(always("birdV4", _DAEMON), always("birdV6", _DAEMON))),
    always(
        "bgp",
        typed.struct(
            always("numberEstablishedV4", typed.INT),
            always("numberNotEstablishedV4", typed.INT),
            always("numberEstablishedV6", typed.INT),
            always("numberNotEstablishedV6", typed.INT),
            unless_empty("peersV4", _PEERS),
            unless_empty("peersV6", _PEERS),
        ),
    ),
    always(
        "routes",
        typed.struct(unless_empty("routesV4", _ROUTES), unless_empty("routesV6", _ROUTES)),
    ),
)
