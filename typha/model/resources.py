"""What a datastore's object becomes on its way to a client, as values.

`Resource` is a Calico v3 object (or a Kubernetes one that is passed through); `KV` is a key and a
value of the v1 model that clients read.  Knows no datastore, no syncer and no wire.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

JsonObject = dict[str, Any]


class ApiGroup:
    """The two groups that Calico's own resources are stored in."""

    CRD = "crd.projectcalico.org/v1"
    V3 = "projectcalico.org/v3"


class ConversionError(Exception):
    """One object cannot be converted; the text says which member and why.

    The object's keys are then sent as absent; nothing else is touched.
    """


class Resource(NamedTuple):
    """One object as a datastore's reader delivers it.

    `value` holds the members in the original's order, typed as it types them, without
    `metadata.resourceVersion`, which is carried in `v3_resource_version`.
    `revision` is the text sent as the revision of every key made from it.
    """

    kind: str
    namespace: str
    name: str
    revision: str
    value: JsonObject
    v3_resource_version: str = ""


class KV(NamedTuple):
    """One key with its value.

    `value` is `bytes` for what is sent raw (config, addresses, the ready flag), otherwise a JSON
    value whose members are in the order in which they are sent.
    """

    key: str
    value: bytes | JsonObject
    revision: str
    v3_resource_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reader may know of the circumstances besides the object itself."""

    api_group: str = ApiGroup.CRD  # of Calico's own objects that do not name theirs
    interface_prefix: str = "cali"
    use_pod_cidr: bool = False
    live: bool = False  # from a watch event, not from a list


# Raises ConversionError; None means that this object is of no interest.
Reader = Callable[[JsonObject, Reading], Resource | None]
# Raises ConversionError; an empty list means that the object has no keys.
Processor = Callable[[Resource], list[KV]]
