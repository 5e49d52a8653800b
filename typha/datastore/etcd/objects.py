"""What is stored in etcd, read as the resources that processors know.

The key says which object it is, the value all else: neither is checked against the other, as in
the original.  An object is an envelope as `kinds` makes them.
"""

from collections.abc import Callable
from typing import Any, Final

from typha.datastore.k8s import affinities, custom, namespaces
from typha.model import metadata, nets, stored, typed
from typha.model.resources import (
    ApiGroup,
    ConversionError,
    JsonObject,
    Reader,
    Reading,
    Resource,
)

# Stored objects are in the form of this group: nothing about them is to be rewritten.
_AS_STORED: Final = Reading(api_group=ApiGroup.V3)
_BUILT_IN: Final = namespaces.DEFAULT_ALLOW.name

_AFFINITY: Final = typed.struct(
    typed.always("state", typed.STRING), typed.always("deleted", typed.BOOL)
)


def passed_through(kind: str, **members: typed.Type) -> Reader:
    """Return the reader of a kind that clients get whole; `members` types spec and status.

    Kind and API version are shown as they are stored.
    """
    read = custom.passed_through(kind, **members)

    def read_whole(value: JsonObject) -> Resource:
        resource = read({**value, "apiVersion": ApiGroup.V3}, _AS_STORED)
        assert resource is not None
        said = {member: metadata.text(value, member, "") for member in ("kind", "apiVersion")}
        shown = {member: text for member, text in said.items() if text}
        rest = {member: each for member, each in resource.value.items() if member not in said}
        return resource._replace(value={**shown, **rest})

    return _of_envelopes(read_whole)


def processed(kind: str) -> Reader:
    """Return the reader of a kind that a processor takes apart; nothing is filled in."""
    read = custom.processed(kind)

    def read_parts(value: JsonObject) -> Resource:
        resource = read({**value, "apiVersion": ApiGroup.V3}, _AS_STORED)
        assert resource is not None
        return resource

    return _of_envelopes(read_parts)


def profile() -> Reader:
    """Return the reader of profiles; the one that is built in counts, not one stored as it."""
    read = passed_through("Profile", spec=stored.PROFILE)

    def read_profile(obj: JsonObject, reading: Reading) -> Resource | None:
        return None if obj["metadata"]["name"] == _BUILT_IN else read(obj, reading)

    return read_profile


def read_block(obj: JsonObject, reading: Reading) -> Resource:
    """Return an IPAM block in its v1 form, named by the network in its key.

    Raises ConversionError.
    """
    del reading
    name = _network(_path(obj)[-1])
    value: JsonObject = typed.retype(stored.BLOCK, obj["etcd"], "")
    net = nets.parse(value["cidr"])
    if net is None:
        raise ConversionError(f"cidr: {value['cidr']!r} is not a network")
    value["cidr"] = f"{net.address_text()}/{net.prefix}"
    return Resource("IPAMBlock", "", name, obj["metadata"]["resourceVersion"], value)


def read_affinity(obj: JsonObject, reading: Reading) -> Resource:
    """Return a block affinity; host and network are those of its key.  Raises ConversionError."""
    del reading
    host, _, _, network = _path(obj)
    said = typed.retype(_AFFINITY, obj["etcd"], "")
    value = {**said, "type": affinities.HOST, "node": host, "cidr": _network(network)}
    meta = obj["metadata"]
    return Resource(affinities.KIND, "", meta["name"], meta["resourceVersion"], value)


def _of_envelopes(read: Callable[[JsonObject], Resource]) -> Reader:
    """Return the reader of envelopes that hold what `read` reads."""

    def read_envelope(obj: JsonObject, reading: Reading) -> Resource:
        del reading
        key, value = obj["metadata"], obj["etcd"]
        resource = read(_named(value, key["name"]))
        return resource._replace(
            namespace=key["namespace"], name=key["name"], revision=key["resourceVersion"]
        )

    return read_envelope


def _named(value: Any, name: str) -> JsonObject:
    """Return an object that has a name, the key's if it does not say its own."""
    if not isinstance(value, dict):
        raise typed.misfit(value, "an object")
    meta = metadata.child(value, "metadata")
    return value if meta.get("name") else {**value, "metadata": {**meta, "name": name}}


def _path(obj: JsonObject) -> list[str]:
    """Return the segments of a key after its prefix."""
    name: str = obj["metadata"]["name"]
    return name.split("/")


def _network(segment: str) -> str:
    network = nets.parse_cidr(segment.replace("-", "/", 1))
    if network is None:
        raise ConversionError(f"{segment!r}, in the key, is not a network such as 10.0.0.0-26")
    return network
