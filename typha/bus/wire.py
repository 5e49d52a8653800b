"""The ZeroMQ messages between watcher and workers, as values and as parts.  No sockets here.

Published (PUB to SUB): frames under their topic, and once a second a tick that says up to where
everybody should have come.  Asked (DEALER to ROUTER): for a snapshot, or for what changed since a
sequence number; `token` comes back unchanged.
"""

import struct
from typing import Final, NamedTuple

import orjson

from typha.syncproto.frames import Frame
from typha.syncproto.messages import SyncStatus

TICK: Final = b"tick|"
_HEADER: Final = struct.Struct("<QQQIdB")
Parts = list[bytes]


class Tick(NamedTuple):
    """Where the watcher is: epoch, and per syncer the last published sequence number."""

    epoch: int
    published: dict[str, int]


class SnapshotWanted(NamedTuple):
    """A worker's question for a snapshot of a topic."""

    topic: bytes
    token: int


class ChangesWanted(NamedTuple):
    """A worker's question for what changed after a sequence number."""

    topic: bytes
    since: int
    epoch: int
    token: int


class SnapshotReady(NamedTuple):
    """Where a snapshot lies and what it holds; what was published since is to be asked for."""

    topic: bytes
    token: int
    epoch: int
    sequence: int
    published: int
    status: SyncStatus
    keys: int
    path: str
    size: int


class Changes(NamedTuple):
    """One piece of what changed; `more` says that another question is worth while."""

    topic: bytes
    token: int
    more: bool
    frame: Frame


class HistoryLost(NamedTuple):
    """The answer to a question about a past that nobody remembers."""

    topic: bytes
    token: int


Question = SnapshotWanted | ChangesWanted
Answer = SnapshotReady | Changes | HistoryLost


class WireError(ValueError):
    """Parts that no process of this version sends."""


def encode_frame(topic: bytes, frame: Frame) -> Parts:
    """Make the parts of a frame; the payload is not copied."""
    return [topic, _HEADER.pack(*frame[:6]), frame.payload]


def decode_frame(parts: Parts) -> Frame:
    """Read a frame's parts; raises WireError."""
    try:
        _, header, payload = parts
        epoch, first, last, kvs, born, status = _HEADER.unpack(header)
        return Frame(epoch, first, last, kvs, born, SyncStatus(status), payload)
    except (ValueError, struct.error) as error:
        raise WireError(f"not a frame: {len(parts)} parts: {error}") from error


def encode_tick(tick: Tick) -> Parts:
    """Make the parts of a tick."""
    return [TICK, orjson.dumps([*tick])]


def decode_tick(parts: Parts) -> Tick:
    """Read a tick's parts; raises WireError."""
    try:
        epoch, published = orjson.loads(parts[1])
        return Tick(int(epoch), dict(published))
    except (ValueError, IndexError, TypeError) as error:
        raise WireError(f"not a tick: {error}") from error


def encode_question(question: Question) -> Parts:
    """Make the parts of a worker's question."""
    if isinstance(question, SnapshotWanted):
        return [b"snapshot?", question.topic, orjson.dumps([question.token])]
    numbers = [question.since, question.epoch, question.token]
    return [b"changes?", question.topic, orjson.dumps(numbers)]


def decode_question(parts: Parts) -> Question:
    """Read a worker's question; raises WireError."""
    try:
        kind, topic, numbers = parts
        values = orjson.loads(numbers)
        if kind == b"snapshot?":
            return SnapshotWanted(topic, *values)
        if kind == b"changes?":
            return ChangesWanted(topic, *values)
    except (ValueError, TypeError) as error:
        raise WireError(f"not a question: {error}") from error
    raise WireError(f"unknown question {kind!r}")


def encode_answer(answer: Answer) -> Parts:
    """Make the parts of an answer; a payload is not copied."""
    if isinstance(answer, SnapshotReady):
        return [b"snapshot", answer.topic, orjson.dumps(answer[1:])]
    if isinstance(answer, HistoryLost):
        return [b"lost", answer.topic, orjson.dumps([answer.token])]
    about = orjson.dumps([answer.token, answer.more])
    return [b"changes", about, *encode_frame(answer.topic, answer.frame)]


def decode_answer(parts: Parts) -> Answer:
    """Read an answer; raises WireError."""
    try:
        kind = parts[0]
        if kind == b"changes":
            token, more = orjson.loads(parts[1])
            return Changes(parts[2], token, more, decode_frame(parts[2:]))
        values = orjson.loads(parts[2])
        if kind == b"lost":
            return HistoryLost(parts[1], *values)
        if kind == b"snapshot":
            token, epoch, sequence, published, status, keys, path, size = values
            return SnapshotReady(
                parts[1],
                token,
                epoch,
                sequence,
                published,
                SyncStatus(status),
                keys,
                path,
                size,
            )
    except (ValueError, IndexError, TypeError) as error:
        raise WireError(f"not an answer: {error}") from error
    raise WireError(f"unknown answer {kind!r}")


def is_tick(parts: Parts) -> bool:
    """Tell a tick from a frame."""
    return parts[0] == TICK
