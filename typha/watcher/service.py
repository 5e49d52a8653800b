"""The Typhas behind a Service, as its EndpointSlices tell.  Pure."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from typha.dialing import Address
from typha.model.resources import JsonObject


class Found(NamedTuple):
    """What a poll came to.

    `typhas` counts distinct addresses, ready or not, as the reference does; `ready` are those that
    clients choose from.
    """

    typhas: int
    ready: frozenset[Address]


class Unknown(NamedTuple):
    """A poll that failed, and why."""

    error: str


def read(slices: Any, port_name: str) -> Found:
    """Look for Typhas in a list of EndpointSlices: with a port of that name every address is one.

    What is not as the API has it is left out.
    """
    addresses: set[str] = set()
    ready: set[Address] = set()
    for each in _objects(slices, "items"):
        named = [port for port in _objects(each, "ports") if port.get("name") == port_name]
        for endpoint in _objects(each, "endpoints") if named else ():
            found = [one for one in _members(endpoint, "addresses") if isinstance(one, str)]
            addresses.update(found)
            port = named[0].get("port")
            if isinstance(port, int) and _is_ready(endpoint):
                ready.update(Address(one, port) for one in found)
    return Found(len(addresses), frozenset(ready))


def _objects(parent: Any, member: str) -> Iterator[JsonObject]:
    yield from (each for each in _members(parent, member) if isinstance(each, dict))


def _members(parent: Any, name: str) -> list[Any]:
    """Give a list that may be missing, null or something else."""
    listed = parent.get(name) if isinstance(parent, dict) else None
    return listed if isinstance(listed, list) else []


def _is_ready(endpoint: JsonObject) -> bool:
    """Tell whether clients choose it: a condition that is not there is met."""
    conditions = endpoint.get("conditions")
    return not (isinstance(conditions, dict) and conditions.get("ready") is False)
