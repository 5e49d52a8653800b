"""Selector expressions: read, checked and printed in the one canonical style.

An expression is read and printed in one pass over the text, with an explicit stack: neither depth
nor length of a hostile one costs more than its characters.  Knows no policy and no label.

    or      = and *("||" and)              printed "(a || b)" from two operands up
    and     = operation *("&&" operation)  printed "(a && b)" likewise
    operation = *"!" ( "(" or ")" / has(l) / all() / global() / comparison )
"""

import re
from functools import lru_cache

_LONGEST_CACHED = 1024  # characters; longer ones are rare, and would make the caches unbounded

_LABEL = "[a-zA-Z0-9_./-]{1,512}+"
_STRING = "(?:\"[^\"]*+\"|'[^']*+')"
_BLANK = r"[ \t]*+"
_NOT = "!(?!=)"
_COMPARE = rf"==|!=|contains|starts{_BLANK}with|ends{_BLANK}with"
_MEMBER = rf"not{_BLANK}in|in"
_VALUES = rf"(?:{_STRING}{_BLANK}(?:,{_BLANK}{_STRING}{_BLANK})*+,?+)?+"
_OPERAND = re.compile(
    rf"""{_BLANK}(?:
      (?P<not>{_NOT})
    | (?P<open>\()
    | has\({_BLANK}(?P<has>{_LABEL}){_BLANK}\)
    | (?P<call>all|global)\({_BLANK}\)
    | (?P<label>{_LABEL}){_BLANK}(?:
        (?P<compare>{_COMPARE}){_BLANK}(?P<value>{_STRING})
      | (?P<member>{_MEMBER}){_BLANK}\{{{_BLANK}(?P<values>{_VALUES}){_BLANK}\}}
      )
    )""",
    re.VERBOSE,
)
_JOINT = re.compile(rf"{_BLANK}(&&|\|\||\)|\Z)")
_STRINGS = re.compile("\"([^\"]*)\"|'([^']*)'")


def _expression(operand: str) -> str:
    """Return the pattern of operands joined by && and ||; what matched is never tried again."""
    negated = f"(?:{_NOT}{_BLANK})*+(?:{operand})"
    return rf"{_BLANK}{negated}(?:{_BLANK}(?:&&|\|\|){_BLANK}{negated})*+{_BLANK}"


_COMPARISON = (
    rf"has\({_BLANK}{_LABEL}{_BLANK}\)|(?:all|global)\({_BLANK}\)|{_LABEL}{_BLANK}(?:"
    rf"(?:{_COMPARE}){_BLANK}{_STRING}|(?:{_MEMBER}){_BLANK}\{{{_BLANK}{_VALUES}{_BLANK}\}})"
)
_FLAT = _expression(_COMPARISON)
_GROUPED = _expression(rf"{_COMPARISON}|\({_FLAT}\)")
# Brackets within brackets are as deep as nearly all selectors go.
_SHALLOW = re.compile(_expression(rf"{_COMPARISON}|\({_GROUPED}\)"))


class SelectorError(ValueError):
    """A text is no selector; says where reading stopped."""


def normalise(text: str) -> str:
    """Return the canonical form; raise SelectorError."""
    return prefixed(text, "")


def prefixed(text: str, prefix: str) -> str:
    """Return the canonical form with `prefix` before every label; raise SelectorError."""
    if len(text) <= _LONGEST_CACHED:
        return _remembered(text, prefix)
    return _canonical(text, prefix)


def is_selector(text: str) -> bool:
    """Tell whether the text can be read; the empty one can."""
    return _known(text) if len(text) <= _LONGEST_CACHED else _can_be_read(text)


def quoted(value: str) -> str:
    """Return a string literal: in double quotes unless the value has one."""
    return f"'{value}'" if '"' in value else f'"{value}"'


def _can_be_read(text: str) -> bool:
    if _SHALLOW.fullmatch(text):
        return True
    try:
        _canonical(text, "")
    except SelectorError:
        return False
    return True


_known = lru_cache(maxsize=8192)(_can_be_read)


@lru_cache(maxsize=8192)
def _remembered(text: str, prefix: str) -> str:
    return _canonical(text, prefix)


def _canonical(text: str, prefix: str) -> str:
    if not text.strip(" \t"):
        return "all()"
    printer = _Printer(prefix)
    at = 0
    while True:
        at = _operand(text, at, printer)
        joint = _JOINT.match(text, at)
        while joint and joint[1] == ")" and printer.close():
            joint = _JOINT.match(text, joint.end())
        if joint is None or joint[1] == ")":
            raise SelectorError(f"unexpected characters at {at} of selector {text[:200]!r}")
        if not joint[1]:
            break
        printer.join(joint[1])
        at = joint.end()
    return printer.text()


def _operand(text: str, at: int, printer: "_Printer") -> int:
    """Print one operand with the negations and groups that open before it; return its end."""
    negated = False
    while True:
        found = _OPERAND.match(text, at)
        if found is None:
            raise SelectorError(f"no operand at {at} of selector {text[:200]!r}")
        at = found.end()
        kind = found.lastgroup
        if kind == "not":
            negated = not negated
            continue
        if negated:
            printer.pieces.append("!")
            negated = False
        if kind != "open":
            printer.pieces.append(_print(found, printer.prefix))
            return at
        printer.open()


def _print(found: re.Match[str], prefix: str) -> str:
    """Print one has(), all(), global() or comparison."""
    has, call, label, compare, value, member, values = found.group(
        "has", "call", "label", "compare", "value", "member", "values"
    )
    if compare:
        operator = compare if "=" in compare or compare == "contains" else _spaced(compare)
        return f"{prefix}{label} {operator} {quoted(value[1:-1])}"
    if member:
        operator = "in" if member == "in" else "not in"
        chosen = sorted({double or single for double, single in _STRINGS.findall(values)})
        return f"{prefix}{label} {operator} {{{', '.join(map(quoted, chosen))}}}"
    return f"has({prefix}{has})" if has else f"{call}()"


def _spaced(operator: str) -> str:
    """Print "starts with" and "ends with", whose words may come joined."""
    return f"{operator.removesuffix('with').rstrip()} with"


class _Printer:
    """The output as pieces, with empty ones kept where a bracket may prove to be needed."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.pieces: list[str] = []
        self._groups: list[tuple[int, bool]] = []
        self._begin()

    def open(self) -> None:
        """Begin a group."""
        self._groups.append((self._either, self._several))
        self._groups.append((self._both, self._joined))
        self._begin()

    def close(self) -> bool:
        """End the group; False if none is open."""
        if not self._groups:
            return False
        self._end()
        self._both, self._joined = self._groups.pop()
        self._either, self._several = self._groups.pop()
        return True

    def join(self, operator: str) -> None:
        """Put `&&` or `||` between two operands."""
        if operator == "&&":
            self._joined = True
            self.pieces.append(" && ")
            return
        self._end_and()
        self._several = True
        self.pieces.append(" || ")
        self._begin_and()

    def text(self) -> str:
        """Return the whole expression; raise SelectorError if a group is still open."""
        if self._groups:
            raise SelectorError("a bracket of the selector is not closed")
        self._end()
        return "".join(self.pieces)

    def _begin(self) -> None:
        self._either = len(self.pieces)
        self._several = False  # the or has two operands at least
        self.pieces.append("")
        self._begin_and()

    def _begin_and(self) -> None:
        self._both = len(self.pieces)
        self._joined = False  # the and has two operands at least
        self.pieces.append("")

    def _end_and(self) -> None:
        if self._joined:
            self.pieces[self._both] = "("
            self.pieces.append(")")

    def _end(self) -> None:
        self._end_and()
        if self._several:
            self.pieces[self._either] = "("
            self.pieces.append(")")
