"""What a server's session tells the process around it."""

from dataclasses import dataclass

from typha.syncproto.messages import ClientHello, Codec, Dialect, SyncerType


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloAccepted:
    """The client is served from now on: this stream, compressed so, with keys spelt so."""

    hello: ClientHello
    syncer: SyncerType
    codec: Codec
    dialect: Dialect

    @property
    def restarts(self) -> bool:
        """Whether the client acknowledges a decoder restart before and after its snapshot."""
        return self.codec is Codec.SNAPPY


@dataclass(frozen=True, slots=True)
class SnapshotWanted:
    """Send the snapshot, then call `snapshot_sent`."""


@dataclass(frozen=True, slots=True)
class Streaming:
    """The snapshot has arrived; what changes may be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ponged:
    """The client has processed everything up to the ping sent at this time."""

    unix_nanoseconds: int


Event = HelloAccepted | SnapshotWanted | Streaming | Ponged
