"""gob's integers: the unsigned one, and the signed one folded into it.  Knows no types.

Up to 127 the byte itself; above, a byte holding 256 - n and then n bytes, most significant first.
Writers use the smallest n, readers must not insist on it.
"""

from typing import Final

from typha.gob.errors import DecodeError, EncodeError, TruncatedError

MAX_UINT: Final = 2**64 - 1
_ONE_BYTE: Final = 0x80
_MAX_BYTES: Final = 8


def encode_uint(value: int) -> bytes:
    """Encode 0 … 2^64-1; raise EncodeError for anything else."""
    if 0 <= value < _ONE_BYTE:
        return value.to_bytes(1, "big")
    if not 0 <= value <= MAX_UINT:
        raise EncodeError(f"{value} does not fit an unsigned 64-bit integer")
    size = (value.bit_length() + 7) // 8
    return (256 - size).to_bytes(1, "big") + value.to_bytes(size, "big")


def encode_int(value: int) -> bytes:
    """Encode -2^63 … 2^63-1; raise EncodeError for anything else."""
    return encode_uint(~value << 1 | 1 if value < 0 else value << 1)


def decode_uint(data: bytes | bytearray, offset: int) -> tuple[int, int]:
    """Return the integer at `offset` and the offset behind it.

    Raises TruncatedError when the data end before it does, DecodeError when it is too long.
    """
    if offset >= len(data):
        raise TruncatedError("the data end where an integer should be")
    first = data[offset]
    offset += 1
    if first < _ONE_BYTE:
        return first, offset
    size = 256 - first
    if size > _MAX_BYTES:
        raise DecodeError(f"an integer of {size} bytes")
    end = offset + size
    if end > len(data):
        raise TruncatedError("the data end inside an integer")
    return int.from_bytes(data[offset:end], "big"), end


def unfold(value: int) -> int:
    """Return the signed integer that an unsigned one stands for."""
    return ~(value >> 1) if value & 1 else value >> 1


def decode_int(data: bytes | bytearray, offset: int) -> tuple[int, int]:
    """Like decode_uint, for the signed form."""
    value, offset = decode_uint(data, offset)
    return unfold(value), offset
