"""Real Go servers and clients, as recorded on the wire between them.

`tests/data/wire/recordings.tar.xz` holds both directions of 131 plaintext connections of releases
v3.8.9 to v3.32.1, raw and as decoded by Go itself; the vectors beside it are Go's gob and snappy
for single values.
"""

import base64
import datetime as dt
import gzip
import io
import json
import lzma
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from typha.syncproto.messages import (
    ZERO_TIME,
    Ack,
    ClientHello,
    DecoderRestart,
    KVs,
    Message,
    Ping,
    Pong,
    SerializedUpdate,
    ServerHello,
    SyncStatusMessage,
)

DATA = Path(__file__).parent / "data" / "wire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One connection; `path` names its scenario and the releases of both ends."""

    path: str
    client: str
    server: str
    description: str
    closed_first_by: str

    @property
    def sent_by_client(self) -> bytes:
        """Every byte from client to server."""
        return _files()[f"{self.path}.c2s.bin"]

    @property
    def sent_by_server(self) -> bytes:
        """Every byte from server to client."""
        return _files()[f"{self.path}.s2c.bin"]

    def messages_of_client(self) -> list[Message | None]:
        """Return what Go decoded of the client's bytes; None is an empty envelope."""
        return _messages(f"{self.path}.c2s.json")

    def messages_of_server(self) -> list[Message | None]:
        """Return what Go decoded of the server's bytes, over all its gob streams."""
        return _messages(f"{self.path}.s2c.json")


@cache
def all_of_them() -> tuple[Recording, ...]:
    """Return every recording."""
    return tuple(Recording(**entry) for entry in json.loads(_files()["index.json"]))


def named(path: str) -> Recording:
    """Return one recording."""
    return next(recording for recording in all_of_them() if recording.path == path)


@cache
def gob_vectors() -> dict[str, Any]:
    """Return Go's encodings of single values; three toolchains agreed on all of them."""
    return json.loads(gzip.decompress((DATA / "gob-vectors.json.gz").read_bytes()))


@cache
def snappy_vectors() -> list[dict[str, Any]]:
    """Return what Go's snappy writer made of some writes."""
    return json.loads(gzip.decompress((DATA / "snappy-vectors.json.gz").read_bytes()))


def update_from(fields: dict[str, Any]) -> SerializedUpdate:
    """Return an update from its JSON form."""
    revision = fields["Revision"]
    return SerializedUpdate(
        key=fields["Key"],
        value=bytes_from(fields["Value"]) or None,
        revision=None if revision is None else str(revision["value"]),
        v3_resource_version=fields["V3ResourceVersion"],
        ttl_nanoseconds=fields["TTL"],
        update_type=fields["UpdateType"],
    )


def bytes_from(value: dict[str, str] | None) -> bytes:
    """Return bytes from their JSON form."""
    return base64.b64decode(value["b64"]) if value else b""


@cache
def _files() -> dict[str, bytes]:
    archive = lzma.decompress((DATA / "recordings.tar.xz").read_bytes())
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        return {file.name: files.extractfile(file).read() for file in files}


def _messages(name: str) -> list[Message | None]:
    return [
        message_from(message["name"], message["fields"])
        for stream in json.loads(_files()[name])["streams"]
        for message in stream["messages"]
    ]


def message_from(name: str, fields: dict[str, Any] | None) -> Message | None:
    """Return a message from its JSON form."""
    fields = fields or {}
    match name:
        case "MsgClientHello":
            return ClientHello(
                hostname=fields["Hostname"],
                info=fields["Info"],
                version=fields["Version"],
                syncer_type=fields["SyncerType"],
                supports_decoder_restart=fields["SupportsDecoderRestart"],
                compression_algorithms=tuple(fields["SupportedCompressionAlgorithms"] or ()),
                supports_modern_policy_keys=fields["SupportsModernPolicyKeys"],
                connection_id=fields["ClientConnID"],
            )
        case "MsgServerHello":
            return ServerHello(
                version=fields["Version"],
                syncer_type=fields["SyncerType"],
                supports_node_resource_updates=fields["SupportsNodeResourceUpdates"],
                connection_id=fields["ServerConnID"],
            )
        case "MsgDecoderRestart":
            return DecoderRestart(
                message=fields["Message"], compression_algorithm=fields["CompressionAlgorithm"]
            )
        case "MsgKVs":
            return KVs(updates=tuple(map(update_from, fields["KVs"] or ())))
        case _:
            return _small_message_from(name, fields)


def _small_message_from(name: str, fields: dict[str, Any]) -> Message | None:
    match name:
        case "MsgSyncStatus":
            return SyncStatusMessage(status=fields["SyncStatus"])
        case "MsgPing":
            return Ping(unix_nanoseconds=_nanoseconds(fields["Timestamp"]))
        case "MsgPong":
            return Pong(
                ping_unix_nanoseconds=_nanoseconds(fields["PingTimestamp"]),
                pong_unix_nanoseconds=_nanoseconds(fields["PongTimestamp"]),
            )
        case "MsgACK":
            return Ack()
        case "<nil>":
            return None
        case _:
            raise AssertionError(name)


def _nanoseconds(text: str) -> int:
    """Read RFC 3339 in UTC with up to nine decimals."""
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    if seconds == "0001-01-01T00:00:00":
        return ZERO_TIME
    moment = dt.datetime.fromisoformat(seconds).replace(tzinfo=dt.UTC)
    return int(moment.timestamp()) * 10**9 + int(fraction.ljust(9, "0"))
