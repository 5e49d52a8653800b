"""A place in one gob message, and how much may still be spent on it.  Knows no types."""

import struct

from typha.gob import varint
from typha.gob.errors import DecodeError, LimitError, TruncatedError


class Cursor:
    """Reads primitives one after the other.

    Every value read costs one of `values`, and every `enter` one of `depth` until `leave`, so that
    a small hostile message cannot ask for much work.
    """

    __slots__ = ("data", "depth", "offset", "values")

    def __init__(self, depth: int, values: int) -> None:
        self.data = b""
        self.offset = 0
        self.depth = depth
        self.values = values

    def open(self, message: bytes) -> None:
        """Go on at the start of another message."""
        self.data = message
        self.offset = 0

    def cut(self, start: int) -> None:
        """Take out what has been read since `start`, and be there again."""
        self.data = self.data[:start] + self.data[self.offset :]
        self.offset = start

    @property
    def remaining(self) -> int:
        """How many bytes of the message are left."""
        return len(self.data) - self.offset

    def enter(self) -> None:
        """Go one level deeper; raise LimitError where that is too deep."""
        self.depth -= 1
        if self.depth < 0:
            raise LimitError("values are nested too deeply")

    def leave(self) -> None:
        """Come back from one level."""
        self.depth += 1

    def spend(self, values: int) -> None:
        """Account for so many values; raise LimitError when there are too many."""
        self.values -= values
        if self.values < 0:
            raise LimitError("too many values in one message")

    def read_uint(self) -> int:
        """Read an unsigned integer."""
        offset = self.offset
        data = self.data
        if offset < len(data) and data[offset] < 0x80:  # noqa: PLR2004 - one byte, by far the most
            self.offset = offset + 1
            return data[offset]
        value, self.offset = varint.decode_uint(data, offset)
        return value

    def read_int(self) -> int:
        """Read a signed integer."""
        return varint.unfold(self.read_uint())

    def read_bool(self) -> bool:
        """Read a boolean."""
        return self.read_uint() != 0

    def read_bytes(self) -> bytes:
        """Read a counted run of bytes."""
        size = self.read_uint()
        start = self.offset
        end = start + size
        if end > len(self.data):
            raise TruncatedError(f"{size} bytes announced, {self.remaining} left")
        self.offset = end
        return self.data[start:end]

    def read_text(self) -> str:
        """Read a string; what is not UTF-8 in it becomes surrogates, as Go does not mind it."""
        return self.read_bytes().decode(errors="surrogateescape")

    def read_float(self) -> float:
        """Read a float."""
        bits = self.read_uint().to_bytes(8, "big")
        value: float = struct.unpack("<d", bits)[0]
        return value

    def read_complex(self) -> complex:
        """Read a complex number."""
        real = self.read_float()
        return complex(real, self.read_float())

    def read_count(self, size: int = 1) -> int:
        """Read how many elements follow, each at least `size` bytes long, and account for them."""
        count = self.read_uint()
        if count * size > self.remaining:
            raise TruncatedError(f"{count} elements announced, {self.remaining} bytes left")
        self.spend(count)
        return count

    def read_zero(self) -> None:
        """Read the zero that stands before a lone value which is no struct."""
        if self.read_uint():
            raise DecodeError("no zero before a value that is no struct")
