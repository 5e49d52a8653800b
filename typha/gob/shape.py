"""Messages told by their bytes, without decoding them, once one like them was decoded.

A decoder skips what is opaque, whatever it holds, and a type is never defined twice in a stream.
So a message that equals an earlier one outside its opaque values means the same but for these.
Knows no types.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from typha.gob import varint

REMEMBERED_SHAPES: Final = 256  # all clients of a release send the same one


class Shape:
    """What messages with the same bytes outside their opaque values have in common."""

    __slots__ = ("_match",)

    def __init__(self, message: bytes, opaque: Iterable[tuple[int, bytes]]) -> None:
        """Take a message without its length, and its opaque values with where each starts."""
        at, fixed, sizes = 0, [varint.encode_uint(len(message))], []
        for start, value in opaque:
            fixed[-1] += message[at:start]
            fixed.append(b"")
            sizes.append(len(value))
            at = start + len(value)
        fixed[-1] += message[at:]
        self._match = _pattern(tuple(fixed), tuple(sizes)).fullmatch

    def values_in(self, data: bytes) -> tuple[bytes, ...] | None:
        """Give the opaque values of a message, in their order; None if it has another shape."""
        match = self._match(data)
        return match.groups() if match else None


@lru_cache(maxsize=REMEMBERED_SHAPES)
def _pattern(fixed: tuple[bytes, ...], sizes: tuple[int, ...]) -> re.Pattern[bytes]:
    texts = [re.escape(fixed[0])]
    for size, after in zip(sizes, fixed[1:], strict=True):
        texts += [b"(.{%d})" % size, re.escape(after)]
    return re.compile(b"".join(texts), re.DOTALL)
