r"""Values as the bytes Go's JSON writer makes of them.

Clients keep a value only when its bytes differ from the last ones, so the same object must always
give the same bytes, and the same ones as the original.  Rules: members in the order of the dict
(Go's struct order; use `sorted_map` where Go has a map), `<`, `>`, `&` and the two Unicode line
separators escaped, control characters as `\u00xx` save `\n \r \t`, floats without a needless
fraction.  Knows no key and no kind.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

import orjson

V = TypeVar("V")

_ESCAPE = re.compile(rb'\\(?:u....|["\\/bfnrt])', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()
_GO_CONTROLS = {rb"\b": rb"\u0008", rb"\f": rb"\u000c"}
_AMPERSAND, _LESS, _GREATER, _BACKSLASH = b"&<>\\"
_SEPARATORS = 0xE2  # the first byte of U+2028 and U+2029 (and of other characters)
_PLAIN_INTEGERS = 2**53  # up to here every integer is exact as a float
# Between these orjson, Python and Go all write a fraction the same way.
_PLAIN_FROM, _PLAIN_BELOW = 1e-4, 1e16
# From here down, and from there up, Go writes an exponent (two digits at least, as Python does).
_TINY, _HUGE = 1e-6, 1e21


def encode(value: Any) -> bytes:
    r"""Return a JSON value as Go writes it.

    Floats must have come through `number`.  A lone surrogate, which no Go string can hold, becomes
    `\ufffd` as an invalid byte does there.
    """
    try:
        text = orjson.dumps(value)
    except TypeError:
        text = orjson.dumps(_without_surrogates(value)).replace(_REPLACEMENT, rb"\ufffd")
    # A number in bytes is looked for by memchr, several times faster than bytes in bytes.
    if _BACKSLASH in text and (rb"\b" in text or rb"\f" in text):  # before any is added
        text = _ESCAPE.sub(lambda found: _GO_CONTROLS.get(found[0], found[0]), text)
    if _AMPERSAND in text:
        text = text.replace(b"&", rb"\u0026")
    if _LESS in text:
        text = text.replace(b"<", rb"\u003c")
    if _GREATER in text:
        text = text.replace(b">", rb"\u003e")
    if _SEPARATORS in text:
        text = text.replace(b"\xe2\x80\xa8", rb"\u2028").replace(b"\xe2\x80\xa9", rb"\u2029")
    return text


def number(value: float) -> Any:
    """Return what `encode` writes as Go writes this finite number held in a float64."""
    if isinstance(value, int):
        if -_PLAIN_INTEGERS <= value <= _PLAIN_INTEGERS:
            return value
        value = float(value)
    size = abs(value)
    if size < _PLAIN_BELOW and value.is_integer() and str(value) != "-0.0":
        return int(value)
    if _PLAIN_FROM <= size < _PLAIN_BELOW:
        return value
    if size == 0:
        return orjson.Fragment(b"-0")
    shortest = repr(value)
    if _TINY <= size < _HUGE:
        shortest = f"{Decimal(shortest):f}"
    return orjson.Fragment(shortest.encode())


def sorted_map(members: Mapping[str, V]) -> dict[str, V]:
    """Return the members as Go writes a map: sorted by the bytes of their names."""
    return dict(sorted(members.items()))  # code points sort as their UTF-8 does


def whole_characters(text: str) -> str:
    """Return a text with the replacement character for each half of a character in it."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return whole_characters(value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {
            _without_surrogates(name): _without_surrogates(member)
            for name, member in value.items()
        }
    return value
