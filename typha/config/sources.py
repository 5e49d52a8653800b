"""Where settings are written: environment variables and an INI file.

The INI dialect is go-ini's, as the original reads it; Python's configparser differs in most of
its corners.  All sections are one.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from typha.config.errors import ConfigError

# unicode.IsSpace of Go: Python's strip() would also take the separators U+001C to U+001F.
_SPACES: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_COMMENT: Final = re.compile("[#;]")
_DELIMITER: Final = re.compile("[=:]")
_PREFIX: Final = "typha_"


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what is set by TYPHA_ variables, names in small letters; case does not matter."""
    return {
        name.lower().removeprefix(_PREFIX): value
        for name, value in environ.items()
        if name.lower().startswith(_PREFIX)
    }


def file(text: str, path: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the pairs of an INI file and the names set in more than one section.

    Raise ConfigError, naming `path` and the line, for what is not INI.
    """
    sections = _Reader(text.removeprefix("\ufeff"), path).sections()
    pairs: dict[str, str] = {}
    repeated = []
    for section in sections:
        repeated += [name for name in section if name in pairs]
        pairs |= section
    return pairs, tuple(repeated)


class _Reader:
    """Reads one file, line by line; a value may take several lines."""

    def __init__(self, text: str, path: str) -> None:
        self._lines = text.split("\n")
        self._path = path
        self._number = 0

    def sections(self) -> list[dict[str, str]]:
        """Return each section's pairs, in the order the sections first appear."""
        sections: dict[str, dict[str, str]] = {}
        current = sections.setdefault("DEFAULT", {})
        for line in self._rest():
            stripped = line.lstrip(_SPACES)
            if not stripped or _COMMENT.match(stripped):
                continue
            if stripped[0] == "[":
                current = sections.setdefault(self._section(stripped), {})
                continue
            name, rest = self._name(stripped)
            current[name] = self._value(rest)
        return list(sections.values())

    def _rest(self) -> Iterator[str]:
        while self._number < len(self._lines):
            self._number += 1
            yield self._lines[self._number - 1]

    def _wrong(self, line: str, accepted: str) -> ConfigError:
        return ConfigError(f"{self._path}, line {self._number}", line.strip(_SPACES), accepted)

    def _section(self, line: str) -> str:
        name = line[1 : max(line.rfind("]"), 0)]
        if not name:
            raise self._wrong(line, "a section is [name]")
        return name

    def _name(self, line: str) -> tuple[str, str]:
        quote = next((mark for mark in ('"""', '"', "`") if line.startswith(mark)), "")
        end = line.find(quote, len(quote)) + len(quote) if quote else 0
        if end < len(quote) * 2:
            raise self._wrong(line, "the quote around the name is not closed")
        delimiter = _DELIMITER.search(line, end)
        if delimiter is None:
            raise self._wrong(line, "a setting is `Name = value` or `Name : value`")
        name = line[len(quote) : end - len(quote)] if quote else line[: delimiter.start()]
        if not name.strip(_SPACES):
            raise self._wrong(line, "a setting needs a name before its value")
        return name.strip(_SPACES), line[delimiter.end() :]

    def _value(self, rest: str) -> str:
        value = rest.lstrip(_SPACES)
        for quote in ('"""', "`"):
            if value.startswith(quote):
                return self._quoted(value, quote)
        value = value.rstrip(_SPACES)
        if value.endswith("\\"):
            return self._continued(value[:-1])
        return _unquoted(_COMMENT.split(value, maxsplit=1)[0].strip(_SPACES))

    def _quoted(self, value: str, quote: str) -> str:
        """Return what stands between two marks, over as many lines as it takes.

        The last mark of a line ends it.
        """
        opened = self._number
        parts = [value[len(quote) :]]
        while quote not in parts[-1]:
            following = next(self._rest(), None)
            if following is None:
                self._number = opened
                raise self._wrong(value, f"the value's quote {quote} is not closed")
            parts.append(following)
        parts[-1] = parts[-1][: parts[-1].rindex(quote)]
        return "\n".join(parts)

    def _continued(self, value: str) -> str:
        """Join lines that end in a backslash; comments and quotes mean nothing in them."""
        parts = [value]
        for line in self._rest():
            following = line.strip(_SPACES)
            parts.append(following.removesuffix("\\"))
            if not following.endswith("\\"):
                break
        return "".join(parts)


def _unquoted(value: str) -> str:
    """Drop a pair of quotes around the whole value, unless it holds another of the same."""
    for quote in "'\"":
        around = len(value) > 1 and value[0] == quote == value[-1]
        if around and quote not in value[1:-1]:
            return value[1:-1]
    return value
