"""The messages that server and client exchange, as values.

Field order and names are those of the reference's protocol package; bytes are made elsewhere.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

# Go's zero time, 1 January of the year 1, as nanoseconds since 1970.
ZERO_TIME: Final = -62_135_596_800 * 10**9


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientHello:
    """Who the client is and what it can do.  Older clients leave out the fields they do not know.

    `syncer_type` and `compression_algorithms` are what the client wrote, known to us or not.
    """

    hostname: str = ""
    info: str = ""
    version: str = ""
    syncer_type: str = ""
    supports_decoder_restart: bool = False
    compression_algorithms: tuple[str, ...] = ()
    supports_modern_policy_keys: bool = False
    connection_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerHello:
    """The server's answer to an accepted hello."""

    version: str = ""
    syncer_type: str = ""
    supports_node_resource_updates: bool = False
    connection_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderRestart:
    """The last message of a gob stream; a fresh one follows once the client has acknowledged."""

    message: str = ""
    compression_algorithm: str = ""


@dataclass(frozen=True, slots=True)
class Ack:
    """The client has put a fresh decoder in place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncStatusMessage:
    """How complete the stream is; a number unknown to SyncStatus is passed through."""

    status: int = SyncStatus.WAIT_FOR_READY


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """The server wants to see a pong; the time is the server's, in nanoseconds since 1970."""

    unix_nanoseconds: int = ZERO_TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """The client's answer, which repeats the ping's time.  Real clients never set their own."""

    ping_unix_nanoseconds: int = ZERO_TIME
    pong_unix_nanoseconds: int = ZERO_TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class KVs:
    """Keys and values, in the order in which they are to be applied."""

    updates: tuple[SerializedUpdate, ...] = ()


Message = ClientHello | ServerHello | DecoderRestart | Ack | SyncStatusMessage | Ping | Pong | KVs
