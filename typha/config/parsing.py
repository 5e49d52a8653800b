"""The types a setting can have: text in, value out.

The texts are those that Go's strconv and the original's own types accept.  Knows no setting, no
file and no environment.
"""

import math
import re
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import SplitResult, urlsplit

Value = str | int | float | bool | tuple[str, ...]

TRUE: Final = frozenset({"true", "1", "yes", "y", "t"})
FALSE: Final = frozenset({"false", "0", "no", "n", "f"})

_INTEGER: Final = re.compile(
    r"([+-]?)(?:0[xX]_?(?P<hex>[\da-fA-F](?:_?[\da-fA-F])*)|0[bB]_?(?P<bin>[01](?:_?[01])*)"
    r"|0[oO]?_?(?P<oct>[0-7](?:_?[0-7])*)|(?P<dec>0|[1-9](?:_?\d)*))",
    re.ASCII,
)
_BASES: Final = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}

_DIGITS: Final = r"\d(?:_?\d)*"
_HEX: Final = r"[\da-fA-F](?:_?[\da-fA-F])*"
_DECIMAL: Final = re.compile(
    rf"[+-]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?", re.ASCII
)
_HEXADECIMAL: Final = re.compile(
    rf"[+-]?0[xX](?:_?{_HEX}(?:\.(?:{_HEX})?)?|\.{_HEX})[pP][+-]?{_DIGITS}", re.ASCII
)
_NAMED: Final = re.compile(r"[+-]?inf(?:inity)?|nan", re.IGNORECASE | re.ASCII)

INT32_MAX: Final = 2**31 - 1
_INT32_MIN: Final = -(2**31)
_NANOSECONDS: Final = 10**9
_UNREPRESENTABLE: Final = -(2**63)  # what Go on amd64 makes of a duration beyond 64 bits


class Kind(Protocol):
    """A type of setting."""

    @property
    def accepts(self) -> str:
        """What a user may write, as the end of "expected …"."""

    @property
    def zero(self) -> Value:
        """What `none` means."""

    def parse(self, text: str) -> Value:
        """Return the value; raise ValueError if it is not acceptable."""


def integer(text: str) -> int:
    """Parse an integer as Go's ParseInt does with base 0 and 32 bits; raise ValueError."""
    match = _INTEGER.fullmatch(text)
    if match is None or match.lastgroup is None:
        raise ValueError(text)
    value = int(match[match.lastgroup].replace("_", ""), _BASES[match.lastgroup])
    value = -value if match[1] == "-" else value
    if not _INT32_MIN <= value <= INT32_MAX:
        raise ValueError(text)
    return value


def floating(text: str) -> float:
    """Parse a number as Go's ParseFloat does; raise ValueError, also for what overflows."""
    if _NAMED.fullmatch(text):
        return float(text)
    plain = text.replace("_", "")
    try:
        if _HEXADECIMAL.fullmatch(text):
            return float.fromhex(plain)
    except OverflowError:
        raise ValueError(text) from None
    if not _DECIMAL.fullmatch(text) or math.isinf(value := float(plain)):
        raise ValueError(text)
    return value


def boolean(text: str) -> bool:
    """Parse one of the original's words for yes and no; raise ValueError."""
    word = text.lower()
    if word not in TRUE | FALSE:
        raise ValueError(text)
    return word in TRUE


@dataclass(frozen=True, slots=True)
class Bool:
    """Yes or no."""

    accepts: str = "true, 1, yes, y, t or false, 0, no, n, f"
    zero: Value = False

    def parse(self, text: str) -> Value:
        """Return the truth value."""
        return boolean(text)


@dataclass(frozen=True, slots=True)
class Int:
    """An integer within bounds, both inclusive."""

    low: int
    high: int = INT32_MAX
    zero: Value = 0

    @property
    def accepts(self) -> str:
        """Name the bounds."""
        if self.high == INT32_MAX:
            return f"an integer of at least {self.low}"
        return f"an integer from {self.low} to {self.high}"

    def parse(self, text: str) -> Value:
        """Return the integer."""
        value = integer(text)
        if not self.low <= value <= self.high:
            raise ValueError(text)
        return value


@dataclass(frozen=True, slots=True)
class Seconds:
    """A duration in seconds, kept to the nanosecond as the original keeps it."""

    accepts: str = "a number of seconds"
    zero: Value = 0.0

    def parse(self, text: str) -> Value:
        """Return the seconds; what 64-bit nanoseconds cannot hold is the lowest they can."""
        nanoseconds = floating(text) * _NANOSECONDS
        fits = not math.isnan(nanoseconds) and abs(nanoseconds) < -_UNREPRESENTABLE
        return (int(nanoseconds) if fits else _UNREPRESENTABLE) / _NANOSECONDS


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of some words, in any case; the value is spelt as in the list."""

    words: tuple[str, ...]
    zero: Value = ""

    @property
    def accepts(self) -> str:
        """List the words."""
        return "one of " + ", ".join(self.words)

    def parse(self, text: str) -> Value:
        """Return the word in its own spelling."""
        for word in self.words:
            if word.lower() == text.lower():
                return word
        raise ValueError(text)


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text, or text of a given form."""

    accepts: str = "text of one line"
    form: str = r"[^\n\0]*"
    zero: Value = ""

    def parse(self, text: str) -> Value:
        """Return the text itself."""
        if not re.fullmatch(self.form, text, re.ASCII):
            raise ValueError(text)
        return text


@dataclass(frozen=True, slots=True)
class File:
    """A path; whether it exists is for the reader of the settings to find out."""

    must_exist: bool = False
    zero: Value = ""

    @property
    def accepts(self) -> str:
        """Say what the path has to be."""
        return "the path of a file that exists" if self.must_exist else "a path"

    def parse(self, text: str) -> Value:
        """Return the path itself; the system knows none with a NUL."""
        if "\0" in text:
            raise ValueError(text)
        return text


@dataclass(frozen=True, slots=True)
class Endpoints:
    """URLs of one cluster, in a comma list; a cluster on its way to TLS may have both schemes."""

    accepts: str = "a comma list of http(s)://host:port"
    zero: Value = ()

    def parse(self, text: str) -> Value:
        """Return the URLs, each ending in a slash."""
        parts = [urlsplit(part.strip(" ")) for part in text.split(",") if part.strip(" ")]
        if not all(map(_is_endpoint, parts)):
            raise ValueError(text)
        return tuple(f"{part.scheme}://{part.netloc}/" for part in parts)


def _is_endpoint(url: SplitResult) -> bool:
    """Say whether a URL has a scheme and a host, and nothing else."""
    bare = not url.query and not url.fragment and "@" not in url.netloc
    _ = url.port  # raises ValueError where it is no number
    named = bool(url.scheme and url.hostname) and " " not in url.netloc
    return named and bare and url.path in {"", "/"}
