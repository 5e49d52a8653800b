"""Streams that many simulated clients share, so that each piece of one is read once.

A server sends the same bytes to all its clients.  A `Position` is a place in a stream together
with the pieces that have been seen to follow it; a client that receives a piece seen before only
looks it up, by the eight bytes that head a snappy chunk (kind, length, checksum) or, in a plain
stream, by the piece itself.  That costs a fraction of a microsecond.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import cramjam

from benchmarks import gobheads, objects

HEADER_BYTES: Final = 8
COMPRESSED, STORED, FIRST_SKIPPABLE = 0x00, 0x01, 0x80
REMEMBERED: Final = 20_000  # pieces that are looked up; beyond it the memory starts anew
ANSWERED: Final = frozenset({"MsgServerHello", "MsgDecoderRestart", "MsgPing", "MsgSyncStatus"})
START: Final = gobheads.Place()


class Piece:
    """A part of a stream: what it says, and the position behind it."""

    __slots__ = (
        *("after", "answered", "compressed", "kvs", "messages", "newest", "partial", "raw"),
        *("size", "stamps", "updates"),
    )

    def __init__(
        self, raw: bytes, before: "Position", after: "Position", found: list[gobheads.Message]
    ) -> None:
        counts = [gobheads.kvs(message.body) for message in found if message.name == "MsgKVs"]
        self.raw: Final = raw
        self.size: Final = len(raw)
        self.after: Final = after
        self.compressed: Final = after.streams.compressed
        self.kvs: Final = sum(counts)
        self.messages: Final = len(counts)
        self.answered: Final = tuple(message for message in found if message.name in ANSWERED)
        self.partial: Final = not (before is after is after.streams.start)
        self.stamps: tuple[int, ...] = ()
        self.newest = 0  # of the stamps
        self.updates: list[gobheads.Update] | None = None  # of a whole piece, once decoded


class Position:
    """A place in streams of one codec; clients at the same place share it."""

    __slots__ = ("known", "place", "streams")

    def __init__(self, streams: "Streams", place: gobheads.Place) -> None:
        self.known: Final[dict[bytes, Piece]] = {}
        self.place: Final = place
        self.streams: Final = streams

    def learn(self, raw: bytes) -> Piece:
        """Read a piece that has not been seen here: a whole chunk, or plain bytes as they came."""
        text = unpacked(raw) if self.streams.compressed else raw
        place, found = gobheads.walk(self.place, text)
        piece = Piece(raw, self, self.streams.at(place), found)
        piece.stamps = objects.stamps(text)
        piece.newest = max(piece.stamps, default=0)
        if len(self.known) >= REMEMBERED:
            self.known.clear()
        self.known[raw[:HEADER_BYTES] if self.streams.compressed else raw] = piece
        return piece


class Streams:
    """All the positions in streams of one codec."""

    def __init__(self, *, compressed: bool) -> None:
        self.compressed: Final = compressed
        self._idle: Final = Position(self, START)
        self._inside: dict[gobheads.Place, Position] = {}

    @property
    def start(self) -> Position:
        """Where every stream begins, and is between two messages."""
        return self._idle

    def at(self, place: gobheads.Place) -> Position:
        """Find the position of a place."""
        if place == START:
            return self._idle
        if len(self._inside) >= REMEMBERED:
            self._inside.clear()
        return self._inside.setdefault(place, Position(self, place))


def chunk_size(header: bytes) -> int:
    """Tell how long the chunk is, header included, that begins so."""
    return 4 + int.from_bytes(header[1:4], "little")


def unpacked(chunk: bytes) -> bytes:
    """Return what a snappy chunk holds.  Its checksum is left to the samplers."""
    if chunk[0] == COMPRESSED:
        return bytes(cramjam.snappy.decompress_raw(chunk[HEADER_BYTES:]))
    if chunk[0] == STORED:
        return chunk[HEADER_BYTES:]
    if chunk[0] < FIRST_SKIPPABLE:
        raise gobheads.StreamError(f"a snappy chunk of the reserved kind {chunk[0]:#x}")
    return b""  # a stream identifier, or padding


def decoded(pieces: Iterable[Piece]) -> Iterator[gobheads.Update]:
    """Decode every update in a run of pieces that begins and ends between two messages."""
    run: list[bytes] = []
    for piece in pieces:
        if not piece.partial:
            if piece.updates is None:
                piece.updates = decode(text_of(piece))
            yield from piece.updates
            continue
        run.append(text_of(piece))
        if piece.after is piece.after.streams.start:
            yield from decode(b"".join(run))
            run.clear()
    if run:
        raise gobheads.StreamError("the stream ends in the middle of a message")


def text_of(piece: Piece) -> bytes:
    """Return what a piece says, unpacked."""
    return unpacked(piece.raw) if piece.compressed else piece.raw


def decode(text: bytes) -> list[gobheads.Update]:
    """Decode every update in whole messages."""
    _, found = gobheads.walk(START, text, len(text))
    return [update for m in found if m.name == "MsgKVs" for update in gobheads.updates(m.body)]
