"""Give decoded JSON the types, the order of members and the omissions of a Go struct.

A struct is described once, as an ordered list of members; the description is compiled into one
function.  What comes out prints byte for byte as Go prints the struct it decoded: members nobody
declared are dropped, durations and times take their canonical text, numbers given as text become
numbers, and empty members go or stay as their tags say.  Knows no resource.
"""

import re
import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from functools import partial
from typing import Any, Final

from typha.model import durations
from typha.model.resources import ConversionError, JsonObject

_INT64: Final = 1 << 63
_RFC3339: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_ZERO_TIME: Final = "0001-01-01T00:00:00"


class MemberError(ConversionError):
    """A member holds what its type cannot; `path` says which, seen from the value converted."""

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.problem = problem
        self.path = path

    def within(self, outer: str) -> "MemberError":
        """Return the same error, seen from the value that holds this one as `outer`."""
        joint = "." if self.path and not self.path.startswith("[") else ""
        return MemberError(self.problem, f"{outer}{joint}{self.path}")


def misfit(value: Any, accepted: str) -> MemberError:
    """Return the error for a value that is not what is accepted."""
    return MemberError(f"{reprlib.repr(value)} is not {accepted}")


@dataclass(frozen=True, slots=True)
class Type:
    """What a member may hold: `convert` takes any JSON value but null, `zero` makes the unset one.

    `convert` raises MemberError and nothing else.  Values of the Python type `plain` need not be
    converted at all, which is what makes a struct of many texts quick.
    """

    convert: Callable[[Any], Any]
    zero: Callable[[], Any]
    plain: type | None = None


class _Presence(Enum):
    ALWAYS = auto()
    UNLESS_EMPTY = auto()
    IF_GIVEN = auto()


# name, plain, convert, presence and zero of each member
_Plan = tuple[tuple[str, type | None, Callable[[Any], Any], _Presence, Callable[[], Any]], ...]


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a struct."""

    name: str
    type: Type
    presence: _Presence


def always(name: str, member_type: Type) -> Member:
    """Declare a member that is always printed, as zero or null when it is not given."""
    return Member(name, member_type, _Presence.ALWAYS)


def unless_empty(name: str, member_type: Type) -> Member:
    """Declare a member that is left out when it is zero, false, or empty (Go's omitempty)."""
    return Member(name, member_type, _Presence.UNLESS_EMPTY)


def if_given(name: str, member_type: Type) -> Member:
    """Declare a member that is left out only when absent or null (omitempty on a pointer)."""
    return Member(name, member_type, _Presence.IF_GIVEN)


def retype(member_type: Type, value: Any, where: str) -> Any:
    """Return the value, typed; null gives the type's zero value.

    Raises MemberError, naming the member below `where`, what it holds and what is accepted.
    """
    if value is None:
        return member_type.zero()
    try:
        return member_type.convert(value)
    except MemberError as error:
        raise error.within(where) from None


def struct(*members: Member) -> Type:
    """Return the type of a struct with these members, in this order."""
    plan: _Plan = tuple(
        (each.name, each.type.plain, each.type.convert, each.presence, each.type.zero)
        for each in members
    )
    return Type(partial(_struct, plan), lambda: _struct(plan, {}))


def _struct(plan: _Plan, value: Any) -> JsonObject:
    if type(value) is not dict:
        raise misfit(value, "an object")
    always_present, unless_empty_ = _Presence.ALWAYS, _Presence.UNLESS_EMPTY
    result: JsonObject = {}
    given = value.get
    for name, plain, convert, presence, zero in plan:
        member = given(name)
        if member is None:
            if presence is always_present:
                result[name] = zero()
            continue
        if type(member) is not plain:
            try:
                member = convert(member)
            except MemberError as error:
                raise error.within(name) from None
        if member or presence is not unless_empty_:
            result[name] = member
    return result


def list_of(element: Type) -> Type:
    """Return the type of a list; unset it is null."""
    convert_element, zero, plain = element.convert, element.zero, _set_of(element.plain)

    def convert(value: Any) -> list[Any]:
        if type(value) is not list:
            raise misfit(value, "a list")
        if plain.issuperset(map(type, value)):
            return value
        try:
            return [zero() if each is None else convert_element(each) for each in value]
        except MemberError:
            raise _first_misfit(convert_element, value) from None

    return Type(convert, _nothing)


def repeated(element: Type) -> Type:
    """Return the type of a protobuf list, where an empty one cannot be told from none."""
    convert_list = list_of(element).convert
    return Type(lambda value: convert_list(value) or None, _nothing)


def map_of(element: Type) -> Type:
    """Return the type of a map from text, whose members are sorted; unset it is null."""
    convert_element, zero, plain = element.convert, element.zero, _set_of(element.plain)

    def convert(value: Any) -> JsonObject:
        if type(value) is not dict:
            raise misfit(value, "an object")
        if plain.issuperset(map(type, value.values())):
            return {key: value[key] for key in sorted(value)} if len(value) > 1 else value
        try:
            return {
                key: zero() if value[key] is None else convert_element(value[key])
                for key in sorted(value)
            }
        except MemberError:
            raise _first_misfit(convert_element, value) from None

    return Type(convert, _nothing)


def _set_of(plain: type | None) -> frozenset[type]:
    return frozenset() if plain is None else frozenset({plain})


def _first_misfit(convert: Callable[[Any], Any], value: list[Any] | JsonObject) -> MemberError:
    """Return the error of the first element that cannot be converted, with its place."""
    elements = value.items() if isinstance(value, dict) else enumerate(value)
    for place, each in elements:
        try:
            if each is not None:
                convert(each)
        except MemberError as error:
            return error.within(f"[{place}]")
    raise AssertionError("called for a value whose elements all convert")


def exactly(python_type: type, accepted: str, zero: Any) -> Type:
    """Return the type of plain values: those of one Python type, kept as they are."""

    def convert(value: Any) -> Any:
        if type(value) is not python_type:
            raise misfit(value, accepted)
        return value

    return Type(convert, lambda: zero, python_type)


def integer(low: int, high: int) -> Type:
    """Return the type of whole numbers from `low` to `high`."""
    accepted = f"a whole number from {low} to {high}"

    def convert(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise misfit(value, accepted)
        return value

    return Type(convert, lambda: 0)


def parsed(parse: Callable[[str], Any], zero: Any) -> Type:
    """Return the type of texts that `parse` turns into a value, or refuses with ValueError."""

    def convert(value: Any) -> Any:
        if type(value) is not str:
            raise misfit(value, "a text")
        try:
            return parse(value)
        except ValueError as error:
            raise MemberError(str(error)) from None

    return Type(convert, lambda: zero)


def number_or(text_type: Type, number: Type) -> Type:
    """Return the type of values given either as a number or as a text."""

    def convert(value: Any) -> Any:
        return (text_type if type(value) is str else number).convert(value)

    return Type(convert, number.zero)


def nullable(element: Type) -> Type:
    """Return the type of a pointer: unset it is null."""
    return Type(element.convert, _nothing, element.plain)


def _nothing() -> None:
    return None


def _time(value: str) -> str | None:
    """Return a time in UTC with whole seconds; Go's zero time prints as null."""
    form = _RFC3339.fullmatch(value)
    if form is None:
        raise ValueError(f"{value!r} is not a time such as 2024-01-02T03:04:05Z")
    try:
        moment = datetime.fromisoformat(form[1])  # refuses a 13th month
        if form[2] != "Z":
            moment = datetime.fromisoformat(form[1] + form[2]).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{value!r} is not a time on the calendar") from None
    canonical = form[1] if form[2] == "Z" else moment.replace(tzinfo=None).isoformat()
    return None if canonical == _ZERO_TIME else f"{canonical}Z"


def as_number(value: str) -> int:
    """Return an AS number written as `64512` or `1.10`.  Raises ValueError."""
    parts = value.split(".")
    limit = 0xFFFFFFFF if len(parts) == 1 else 0xFFFF
    if len(parts) > 2 or not all(_is_number(part, limit) for part in parts):  # noqa: PLR2004
        raise ValueError(f"{value!r} is not an AS number; accepted: 64512 or 1.10")
    return int(parts[0]) if len(parts) == 1 else int(parts[0]) << 16 | int(parts[1])


def _is_number(part: str, limit: int) -> bool:
    return part.isascii() and part.isdigit() and int(part) <= limit


STRING: Final = exactly(str, "a text", "")
BOOL: Final = exactly(bool, "true or false", zero=False)
INT: Final = integer(-_INT64, _INT64 - 1)
INT32: Final = integer(-(1 << 31), (1 << 31) - 1)
UINT8: Final = integer(0, 0xFF)
UINT16: Final = integer(0, 0xFFFF)
UINT32: Final = integer(0, 0xFFFFFFFF)
UINT64: Final = integer(0, (1 << 64) - 1)
DURATION: Final = parsed(durations.canonical, "0s")
TIME: Final = parsed(_time, None)
INT_OR_STRING: Final = number_or(STRING, INT32)
AS_NUMBER: Final = number_or(parsed(as_number, 0), UINT32)
RAW: Final = Type(lambda value: value, _nothing)
STRINGS: Final = list_of(STRING)
STRING_MAP: Final = map_of(STRING)
