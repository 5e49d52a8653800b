"""Protocol buffers' wire format, as far as etcd's messages need it.  Knows no message.

https://protobuf.dev/programming-guides/encoding: a message is a run of fields, each a tag
(number << 3 | wire type) and a value.  Fields that hold their zero value are not written.
"""

from typing import Final, NamedTuple

VARINT: Final = 0
LENGTH: Final = 2

_FIXED_SIZES: Final = {1: 8, 5: 4}  # wire type -> bytes

_MASK_64: Final = (1 << 64) - 1
_SIGN_64: Final = 1 << 63
_CONTINUED: Final = 0x80  # set in every byte of a varint but the last
_LONGEST_VARINT: Final = 10  # bytes, for 64 bits of 7 each


class ProtobufError(Exception):
    """The peer's bytes are not a message; the text says at which byte."""


def varint(value: int) -> bytes:
    """Encode an integer of 64 bits; a negative one takes ten bytes, as int64 does."""
    value &= _MASK_64
    encoded = bytearray()
    while value >= _CONTINUED:
        encoded.append(value & 0x7F | _CONTINUED)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def field(number: int, value: bytes | int) -> bytes:
    """Encode one field; nothing for a zero or empty value."""
    if not value:
        return b""
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(value)
    return message(number, value)


def message(number: int, body: bytes) -> bytes:
    """Encode one embedded message, which is written even when it is empty."""
    return varint(number << 3 | LENGTH) + varint(len(body)) + body


class Message(NamedTuple):
    """The fields of one message by number; of a field given twice the last one counts.

    `repeated` holds every occurrence of the one field that was asked for as repeated.
    """

    numbers: dict[int, int]
    bodies: dict[int, bytes]
    repeated: list[bytes]

    def signed(self, number: int) -> int:
        """Return an int64 field."""
        value = self.numbers.get(number, 0)
        return value - (1 << 64) if value & _SIGN_64 else value

    def text(self, number: int) -> str:
        """Return a string field; what is not UTF-8 is replaced."""
        return self.bodies.get(number, b"").decode(errors="replace")


def parse(data: bytes, repeated: int = 0) -> Message:
    """Take one message apart; `repeated` names the embedded field that may come many times.

    Fixed-width values are skipped: no message of etcd's has one.
    Raises ProtobufError where the bytes end too early or a wire type is unknown.
    """
    numbers: dict[int, int] = {}
    bodies: dict[int, bytes] = {}
    occurrences: list[bytes] = []
    at, end = 0, len(data)
    while at < end:
        tag, at = _read_varint(data, at)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == VARINT:
            numbers[number], at = _read_varint(data, at)
            continue
        start, at = _value_bounds(data, at, wire_type)
        if at > end:
            raise ProtobufError(f"field {number} goes {at - end} bytes beyond its message")
        if wire_type != LENGTH:
            continue
        if number == repeated:
            occurrences.append(data[start:at])
        else:
            bodies[number] = data[start:at]
    return Message(numbers, bodies, occurrences)


def _value_bounds(data: bytes, at: int, wire_type: int) -> tuple[int, int]:
    """Return where the value of a field begins and ends."""
    if wire_type == LENGTH:
        size, start = _read_varint(data, at)
        return start, start + size
    if wire_type not in _FIXED_SIZES:
        raise ProtobufError(f"unknown wire type {wire_type} before byte {at}")
    return at, at + _FIXED_SIZES[wire_type]


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the value that begins at `at` and the index after it."""
    try:
        byte = data[at]
        if byte < _CONTINUED:
            return byte, at + 1
        value, shift = byte & 0x7F, 7
        for index in range(at + 1, at + _LONGEST_VARINT):
            byte = data[index]
            value |= (byte & 0x7F) << shift
            if byte < _CONTINUED:
                return value & _MASK_64, index + 1
            shift += 7
    except IndexError:
        raise ProtobufError(f"a number is cut off at byte {len(data)}") from None
    raise ProtobufError(f"a number at byte {at} is longer than {_LONGEST_VARINT} bytes")
