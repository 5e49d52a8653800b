"""gob bytes to values, sans-IO: bytes go in as they come, values come out.  Knows no message.

The sender is taken for hostile: lengths are checked before anything is allocated, and depth,
number of values and type definitions are bounded.

A value may take several messages, with definitions between them.  Where one takes a single short
message without any, others of its shape can be told by their bytes.
"""

from collections.abc import Iterator
from typing import Any, Final

from typha.gob import values, varint
from typha.gob.errors import LimitError, TruncatedError
from typha.gob.shape import Shape
from typha.gob.values import DEFAULT_LIMITS, NO_VALUE, NOTHING_KNOWN, Known, Limits, Outcome

SHAPED_BYTES: Final = 512  # of a message that may have a shape: what is longer is no routine


class Decoder:
    """One gob stream.  After a DecodeError nothing more can be read from it."""

    __slots__ = ("_allowance", "_begun", "_buffer", "_known", "_limits", "_newest", "_values")

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._allowance = self._limits.message_bytes
        self._values = self._limits.values
        self._buffer = bytearray()
        self._begun = b""  # a value that is not complete
        self._newest: tuple[bytes, Outcome] | None = None
        self._known = NOTHING_KNOWN

    @property
    def buffered(self) -> int:
        """How many bytes have been fed that belong to no returned value, without definitions."""
        return len(self._buffer) + len(self._begun)

    @property
    def is_between_values(self) -> bool:
        """Whether the next byte begins a message, and that begins a value."""
        return not self._buffer and not self._begun

    @property
    def known(self) -> Known:
        """What types the stream has defined: the same object where other streams did it alike."""
        return self._known

    def feed(self, data: bytes) -> None:
        """Take bytes as they came."""
        self._buffer += data

    def shape(self) -> Shape | None:
        """Return the shape of the message that the newest value came in.

        Whatever has it can be read without this decoder, whose state it would not change; and as
        long as no type is defined that is true of all streams where the same is `known`.  None
        for a value that brought definitions along, took several messages, or is long.
        """
        return Shape(self._newest[0], self._newest[1].opaque) if self._newest else None

    @property
    def opaque(self) -> list[bytes]:
        """The opaque values in the newest value, in their order: the very objects that it has.

        None are told of a value that has no shape.
        """
        return [value for _, value in self._newest[1].opaque] if self._newest else []

    def take_rest(self) -> bytes:
        """Give back what was fed and not used, for whatever replaces this stream."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def values(self) -> Iterator[Any]:
        """Yield every value that is complete; raise DecodeError for what Go would not take."""
        while (message := self._pull()) is not None:
            before, begun = self._known, self._begun
            outcome = values.read(before, begun, message, self._limits)
            self._known, self._begun = outcome.known, outcome.begun
            self._values -= outcome.values
            if self._values < 0:
                raise LimitError("too many values in the messages of one")
            if outcome.begun:
                continue
            self._values = self._limits.values
            self._allowance = self._limits.message_bytes
            is_alone = outcome.known is before and not begun and len(message) <= SHAPED_BYTES
            self._newest = (message, outcome) if is_alone else None
            if outcome.value is not NO_VALUE:
                yield outcome.value

    def _pull(self) -> bytes | None:
        """Take a message that has arrived; None when there is none."""
        buffer = self._buffer
        if not buffer:
            return None
        try:
            size, start = varint.decode_uint(buffer, 0)
        except TruncatedError:
            return None
        if size > self._allowance:
            raise LimitError(f"a message of {size} bytes where {self._allowance} are allowed")
        end = start + size
        if end > len(buffer):
            return None
        message = bytes(buffer[start:end])
        del buffer[:end]
        self._allowance -= size
        return message
