"""What a scalar of YAML means, as the YAML library of kubectl decides it.

Not YAML 1.1: there are no times, and no numbers to the base 60 (`10:20` is a range of ports).
"""

import math
import re
from typing import Final

Scalar = str | int | float | bool | None

_NULLS: Final = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE: Final = ("true", "yes", "on")
_FALSE: Final = ("false", "no", "off")
_BOOLS: Final = {
    spelling: word in _TRUE
    for word in (*_TRUE, *_FALSE)
    for spelling in (word, word.title(), word.upper())
}
_OCTAL: Final = re.compile(r"([-+]?)0([0-7]+)")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NUMERIC: Final = frozenset("0123456789+-.")
_NOT_JSON: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_CORE: Final = "tag:yaml.org,2002:"
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "null": (type(None),),
}


def resolve(text: str, tag: str | None, *, plain: bool) -> Scalar:
    """Give the value of a scalar; `plain` is one without quotes.

    Raises ValueError for a tag or a number that JSON has no place for.
    """
    if tag is None:
        return _plain(text) if plain else text
    if tag in ("!", _CORE + "str"):
        return text
    value = _plain(text)
    if not isinstance(value, _TYPES.get(tag.removeprefix(_CORE), ())):
        raise ValueError(f"tag {tag} is not supported here")  # noqa: TRY004 - the document's value
    return value


def _plain(text: str) -> Scalar:
    if text in _NULLS:
        return None
    if (truth := _BOOLS.get(text)) is not None:
        return truth
    if text[0] not in _NUMERIC or not text.isascii():
        return text
    if _NOT_JSON.fullmatch(text):
        raise ValueError(f"{text} is no number that JSON has")
    return _number(text)


def _number(text: str) -> int | float | str:
    """Read a number as Go does with base 0; what is none stays text."""
    digits = text.replace("_", "")
    if octal := _OCTAL.fullmatch(digits):
        digits = f"{octal[1]}0o{octal[2]}"
    try:
        number = int(digits, 0)
    except ValueError:
        return _float(digits) if _FLOAT.fullmatch(digits) else text
    return number if -(2**63) <= number < 2**64 else _float(digits)


def _float(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits
