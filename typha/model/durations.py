"""Go's durations: their text, and the numbers Felix's configuration is sent in.

A duration is held in nanoseconds, in 64 bits, as Go holds it.  Knows no member and no resource.
"""

import re
from decimal import Decimal
from typing import Final

NANOSECONDS: Final = {
    "ns": 1,
    "us": 1_000,
    "\N{MICRO SIGN}s": 1_000,
    "\N{GREEK SMALL LETTER MU}s": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_SECOND: Final = NANOSECONDS["s"]
_BELOW_A_SECOND: Final = ((1, "ns"), (1_000, "\N{MICRO SIGN}s"), (1_000_000, "ms"))
_MAX: Final = (1 << 63) - 1
_TERM: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]+)", re.ASCII)


def parse(text: str) -> int:
    """Return the nanoseconds of a text such as `1h30m` or `-1.5s`, as time.ParseDuration reads it.

    Raises ValueError, saying what is accepted.
    """
    negative = text.startswith("-")
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    total = 0
    position = 0
    while position < len(rest) or not rest:
        term = _TERM.match(rest, position)
        if term is None or not (term[1] or term[2]) or term[3] not in NANOSECONDS:
            message = f"{text!r} is not a duration; accepted: numbers with ns, us, ms, s, m or h"
            raise ValueError(message)
        total += _amount(term[1], term[2] or "", NANOSECONDS[term[3]])
        position = term.end()
    if total > _MAX + negative:
        raise ValueError(f"{text!r} is longer than a duration can be (about 292 years)")
    return -total if negative else total


def _amount(whole: str, fraction: str, unit: int) -> int:
    """Return one term in nanoseconds; a fraction is rounded the way Go rounds it."""
    digits = fraction[:18]  # 19 digits may overflow Go's accumulator, which then ignores the rest
    parts = int(float(int(digits)) * (float(unit) / 10.0 ** len(digits))) if digits else 0
    return int(whole or "0") * unit + parts


def text(nanoseconds: int) -> str:
    """Return a duration as Go prints it: `1h30m0s`, `1.5s`, `500ms`, `0s`."""
    if nanoseconds == 0:
        return "0s"
    sign, size = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    for unit, name in _BELOW_A_SECOND:
        if size < unit * 1000:
            return f"{sign}{_decimal(size, unit)}{name}"
    minutes, rest = divmod(size, NANOSECONDS["m"])
    hours, minutes_left = divmod(minutes, 60)
    longer = f"{hours}h{minutes_left}m" if hours else f"{minutes}m" if minutes else ""
    return f"{sign}{longer}{_decimal(rest, _SECOND)}s"


def canonical(value: str) -> str:
    """Return a duration's text the way Go would print it again.  Raises ValueError."""
    return text(parse(value))


def _decimal(size: int, unit: int) -> str:
    whole, rest = divmod(size, unit)
    if not rest:
        return str(whole)
    return f"{whole}.{rest:0{len(str(unit)) - 1}d}".rstrip("0")


def seconds_text(nanoseconds: int) -> str:
    """Return the duration in seconds, as Felix's configuration keys carry it."""
    return float_text(_scaled(nanoseconds, _SECOND))


def milliseconds_text(nanoseconds: int) -> str:
    """Return the duration in milliseconds, as Felix's configuration keys carry it."""
    return float_text(_scaled(nanoseconds, 1_000_000))


def _scaled(nanoseconds: int, unit: int) -> float:
    """Divide as Go does: whole units and remainder apart, both truncated towards zero."""
    whole, rest = divmod(abs(nanoseconds), unit)
    size = float(whole) + float(rest) / float(unit)
    return -size if nanoseconds < 0 else size


def float_text(number: float) -> str:
    """Return a float as Go's `%v` prints it: shortest digits, an exponent below -4 and from 6."""
    sign, digits, scale = Decimal(repr(number)).normalize().as_tuple()
    text_of_digits = "".join(map(str, digits))
    exponent = int(scale) + len(digits) - 1
    if -4 <= exponent < 6:  # noqa: PLR2004 - Go's limits for the shortest form
        plain = f"{abs(number):.{max(0, -int(scale))}f}"
        return f"-{plain}" if sign else plain
    mantissa = text_of_digits[0] + ("." + text_of_digits[1:] if len(digits) > 1 else "")
    return f"{'-' if sign else ''}{mantissa}e{exponent:+03d}"
