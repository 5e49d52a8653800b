"""Batches as ready-to-send bytes, and the name of the stream that each belongs to.

A frame is encoded and compressed once; everybody behind it moves the same bytes object.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from typha.syncproto import schema, snappy
from typha.syncproto.messages import Codec, Dialect, SyncerType, SyncStatus

LARGEST_BATCH: Final = 1000  # KVs in a message; the reference's own number for snapshots
END: Final = b"|"  # closes a topic, so that none is the beginning of another
RESTART_TEXT: Final = "End of compressed snapshot."


class Topic(NamedTuple):
    """One stream of bytes: all its clients get the same ones."""

    syncer: SyncerType
    dialect: Dialect
    codec: Codec

    def to_bytes(self) -> bytes:
        """Spell the topic as subscriptions do."""
        codec = self.codec.value or "plain"
        return f"{self.syncer.value}/{self.dialect.value}/{codec}".encode() + END

    @classmethod
    def from_bytes(cls, text: bytes) -> "Topic":
        """Read a topic; raises ValueError for anything that is not one."""
        syncer, dialect, codec = text.removesuffix(END).decode().split("/")
        return cls(SyncerType(syncer), Dialect(dialect), Codec("" if codec == "plain" else codec))

    @classmethod
    def serving(cls, syncer: SyncerType, dialect: Dialect, codec: Codec) -> "Topic":
        """Choose the stream for a client: only felix has keys that dialects spell differently."""
        return cls(syncer, dialect if syncer is SyncerType.FELIX else Dialect.MODERN, codec)


class Frame(NamedTuple):
    """What changed from sequence number `first` to `last`, as bytes for clients.

    `born` is the time.monotonic() of the datastore's oldest event in it (0: unknown); `status` is
    the syncer's status after the frame.
    """

    epoch: int
    first: int
    last: int
    kvs: int
    born: float
    status: SyncStatus
    payload: bytes


def deltas(
    elements: Sequence[bytes],
    status: SyncStatus | None,
    codec: Codec,
    largest_batch: int = LARGEST_BATCH,
) -> bytes:
    """Make the bytes of a batch: messages of at most `largest_batch` KVs, then the status."""
    parts = [
        schema.kvs(elements[start : start + largest_batch])
        for start in range(0, len(elements), largest_batch)
    ]
    if status is not None:
        parts.append(schema.status(status))
    plain = parts[0] if len(parts) == 1 else b"".join(parts)
    return snappy.compress(plain) if codec is Codec.SNAPPY else plain


@lru_cache
def status_alone(status: SyncStatus, codec: Codec) -> bytes:
    """Make the bytes of a status that comes without a batch; every newcomer is sent these."""
    return deltas([], status, codec)


@lru_cache
def opening(codec: Codec) -> bytes:
    """Make what opens a stream of a codec: for snappy a new gob stream in new framing."""
    if codec is Codec.SNAPPY:
        return snappy.STREAM_IDENTIFIER + snappy.compress(schema.PREAMBLE)
    return b""  # a plain stream goes on where the server hello opened it


def snapshot_end(codec: Codec) -> bytes:
    """Make what ends a snapshot: compressed ones end with a decoder restart."""
    if codec is Codec.SNAPPY:
        return snappy.compress(schema.decoder_restart(RESTART_TEXT, Codec.SNAPPY))
    return b""
