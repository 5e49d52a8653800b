"""The messages that server and client exchange, as values.

Field order and names are those of the reference's protocol package; bytes are made elsewhere.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class SyncerType(StrEnum):
    """The four streams a client may ask for."""

    FELIX = "felix"
    BGP = "bgp"
    TUNNEL_IP_ALLOCATION = "tunnel-ip-allocation"
    NODE_STATUS = "node-status"


class SyncStatus(IntEnum):
    """How complete what the client has been told is."""

    WAIT_FOR_READY = 0
    RESYNC = 1
    IN_SYNC = 2


class UpdateType(IntEnum):
    """What happened to a key."""

    UNKNOWN = 0
    NEW = 1
    UPDATED = 2
    DELETED = 3


class Codec(StrEnum):
    """How the server's stream is compressed."""

    PLAIN = ""
    SNAPPY = "snappy"


class Dialect(StrEnum):
    """Which spelling of policy keys a client understands (oldest release that does)."""

    MODERN = "v3.32"
    V3_30 = "v3.30"
    V3_29 = "v3.29"
    LEGACY = "v3.8"


@dataclass(frozen=True, slots=True, kw_only=True)
class SerializedUpdate:
    """One element of MsgKVs.  `value` None (or empty) means that the key is absent."""

    key: str
    value: bytes | None = None
    revision: str | None = None
    v3_resource_version: str = ""
    ttl_nanoseconds: int = 0
    update_type: int = UpdateType.UNKNOWN
