"""gob bytes to values, sans-IO: bytes go in as they come, values come out.  Knows no message.

The sender is taken for hostile: lengths are checked before anything is allocated, and depth,
number of values and type definitions are bounded.

A value may take several messages, with definitions between them.  Where one takes a single short
message without any, others of its shape can be told by their bytes.
"""

from collections.abc import Iterator
from typing import Any, Final

from typha.gob import varint
from typha.gob.errors import LimitError, TruncatedError
from typha.gob.shape import Shape
from typha.gob.values import DEFINITION, Limits, MoreMessagesNeededError, Values

SHAPED_BYTES: Final = 512  # of a message that may have a shape: what is longer is no routine


class Decoder:
    """One gob stream.  After a DecodeError nothing more can be read from it."""

    __slots__ = ("_allowance", "_buffer", "_limits", "_messages", "_newest", "_values")

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._allowance = self._limits.message_bytes
        self._buffer = bytearray()
        self._messages: list[bytes] = []  # of a value that is not complete
        self._newest = b""  # message, if it may have a shape
        self._values = Values(self._limits)

    @property
    def buffered(self) -> int:
        """How many bytes have been fed that belong to no returned value."""
        return len(self._buffer) + sum(map(len, self._messages))

    @property
    def is_between_values(self) -> bool:
        """Whether the next byte begins a message, and that begins a value."""
        return not self._buffer and not self._messages

    def feed(self, data: bytes) -> None:
        """Take bytes as they came."""
        self._buffer += data

    def shape(self) -> Shape | None:
        """Return, once, the shape of the message that the newest value came in.

        Whatever has it can be read without this decoder, whose state it would not change.  None
        for a value that brought definitions along, took several messages, or is long.
        """
        newest, self._newest = self._newest, b""
        return Shape(newest, self._values.opaque) if newest else None

    @property
    def opaque(self) -> list[bytes]:
        """The opaque values in the newest value, in their order: the very objects that it has."""
        return [value for _, value in self._values.opaque]

    def take_rest(self) -> bytes:
        """Give back what was fed and not used, for whatever replaces this stream."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def values(self) -> Iterator[Any]:
        """Yield every value that is complete; raise DecodeError for what Go would not take."""
        while self._pull() is not None:
            try:
                value = self._values.read(self._messages, self._pull)
            except MoreMessagesNeededError:
                return
            self._newest = self._shaped()
            self._messages.clear()
            self._allowance = self._limits.message_bytes
            if value is not DEFINITION:
                yield value

    def _shaped(self) -> bytes:
        """Give the message of a value if another like it would be read alike."""
        message = self._messages[0]
        is_alone = len(self._messages) == 1 and not self._values.has_defined
        return message if is_alone and len(message) <= SHAPED_BYTES else b""

    def _pull(self) -> bytes | None:
        """Take a message that has arrived to those of the value; None when there is none."""
        if not self._buffer:
            return None
        try:
            size, start = varint.decode_uint(self._buffer, 0)
        except TruncatedError:
            return None
        if size > self._allowance:
            raise LimitError(f"a message of {size} bytes where {self._allowance} are allowed")
        end = start + size
        if end > len(self._buffer):
            return None
        message = bytes(self._buffer[start:end])
        del self._buffer[:end]
        self._allowance -= size
        self._messages.append(message)
        return message
