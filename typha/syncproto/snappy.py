"""snappy's framing format: chunks that each stand alone behind one stream identifier.

A chunk has no memory of the ones before it, so compressed bytes can be shared by streams that
began at different times; only the identifier, once per stream, must come first.
"""

from collections.abc import Iterator
from typing import Final

import cramjam

from typha.syncproto.errors import UndecodableError

STREAM_IDENTIFIER: Final = b"\xff\x06\x00\x00sNaPpY"
MAX_CHUNK_BYTES: Final = 76_494  # checksum and the most that 64 KiB can become; Go's limit
_HEADER_BYTES: Final = 4
_IDENTIFIER: Final = 0xFF
_DATA: Final = frozenset({0x00, 0x01})  # compressed, stored
_SKIPPABLE: Final = range(0x80, 0xFF)


def compress(data: bytes) -> bytes:
    """Return the chunks that hold `data`, at most 64 KiB of it each, without the identifier.

    The last chunk ends with the data.  What compression does not shrink by an eighth is stored.
    """
    return bytes(memoryview(cramjam.snappy.compress(data))[len(STREAM_IDENTIFIER) :])


class Reader:
    """Takes a framed stream as it comes and gives back the data, holding at most one chunk of it.

    Checks every checksum.  Raises UndecodableError for what Go's reader would refuse; nothing more
    can be read after that.
    """

    __slots__ = ("_buffer", "_identified")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._identified = False

    @property
    def buffered(self) -> int:
        """How many bytes have been fed whose data were not returned."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Take bytes as they came."""
        self._buffer += data

    def take_rest(self) -> bytes:
        """Give back what was fed and not used, for whatever replaces this stream."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def chunks(self) -> Iterator[bytes]:
        """Yield the data of every chunk that is complete."""
        while (chunk := self._next_chunk()) is not None:
            kind = chunk[0]
            if kind == _IDENTIFIER:
                self._identified = True
                if chunk != STREAM_IDENTIFIER:
                    raise UndecodableError("a false snappy stream identifier")
            elif not self._identified:
                raise UndecodableError("no snappy stream identifier")
            elif kind in _DATA:
                yield _data(chunk)
            elif kind not in _SKIPPABLE:
                raise UndecodableError(f"a snappy chunk of the reserved kind {kind:#04x}")

    def _next_chunk(self) -> bytes | None:
        buffer = self._buffer
        if len(buffer) < _HEADER_BYTES:
            return None
        length = int.from_bytes(buffer[1:_HEADER_BYTES], "little")
        if length > MAX_CHUNK_BYTES:
            raise UndecodableError(f"a snappy chunk of {length} bytes")
        end = _HEADER_BYTES + length
        if len(buffer) < end:
            return None
        chunk = bytes(buffer[:end])
        del buffer[:end]
        return chunk


def _data(chunk: bytes) -> bytes:
    try:
        # It refuses more than 64 KiB of data before allocating, and compares the checksum.
        return bytes(cramjam.snappy.decompress(STREAM_IDENTIFIER + chunk))
    except cramjam.DecompressionError as error:
        raise UndecodableError(f"a broken snappy chunk: {error}") from error
