"""Objects with anything in place of any member: nothing but refusals may come of them."""

import contextlib
import copy

from hypothesis import strategies as st

from typha import validation
from typha.model import encoding
from typha.model.resources import ApiGroup, ConversionError, Reading

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "-", "[", "{}", "[null]", "10.0.0.0/8", "::1", "0", "\0", "%"])
    | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
READINGS = [
    Reading(api_group=group, use_pod_cidr=pod_cidr, live=pod_cidr)
    for group in (ApiGroup.CRD, ApiGroup.V3)
    for pod_cidr in (False, True)
]


@st.composite
def anywhere(draw, example):
    """Return a copy of an object in which one or two members, at any depth, hold anything."""
    obj = copy.deepcopy(example)
    for _ in range(draw(st.integers(1, 2))):
        holder, member = draw(st.sampled_from(places(obj)))
        holder[member] = draw(ANYTHING)
    return obj


def survives(read, process, obj):
    """Take an object all the way to bytes; anything but a ConversionError fails the test."""
    for reading in READINGS:
        with contextlib.suppress(ConversionError):
            resource = read(copy.deepcopy(obj), reading)
            for kv in process(resource) if resource is not None else ():
                validation.reason_unfit(kv.key, kv.value)
                if not isinstance(kv.value, bytes):
                    encoding.encode(kv.value)


def places(holder):
    """List every member of every object and list, with what holds it."""
    members = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
    found = [(holder, member) for member in members]
    for member in members:
        if isinstance(holder[member], dict | list):
            found += places(holder[member])
    return found
