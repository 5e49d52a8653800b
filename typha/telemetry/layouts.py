"""How a log line looks: the original's text, what syslog gets, or JSON.

Every attribute of a record that logging itself does not set is a field.  Whatever a message or a
field holds, a line stays one line: control characters are escaped, as hosts name themselves.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any, Final

import orjson

PANIC: Final = 60  # above everything we log: what severity CRITICAL acts as

Fields = dict[str, Any]
LayOut = Callable[[logging.LogRecord], str]

_STANDARD: Final = {*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName"}
_NAMES: Final = {PANIC: "PANIC", logging.CRITICAL: "FATAL"}
_OWN_PACKAGES: Final = frozenset({"typha", "workers", "__main__"})

_QUOTING: Final = str.maketrans({"\\": r"\\", '"': r"\""})
_NAMED: Final = dict(zip(map(ord, "\a\b\f\n\r\t\v"), "abfnrtv", strict=True))
_SURROGATES: Final = range(0xDC80, 0xDD00)  # bytes that were not UTF-8, as Python keeps them
_ASCII_END: Final = 0x7F
_BMP_END: Final = 0xFFFF


def quoted(text: str) -> str:
    """Quote text as Go's strconv.Quote does."""
    return f'"{_printable(text.translate(_QUOTING))}"'


def escaped(text: str) -> str:
    """Escape what is not printable, and nothing else."""
    return text if text.isprintable() else _printable(text)


def _printable(text: str) -> str:
    return "".join(
        character if character.isprintable() else _escape(ord(character)) for character in text
    )


def _escape(code: int) -> str:
    if code in _NAMED:
        return f"\\{_NAMED[code]}"
    if code in _SURROGATES:
        return f"\\x{code - 0xDC00:02x}"
    if code <= _ASCII_END:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _BMP_END else f"\\U{code:08x}"


def fields(record: logging.LogRecord) -> Fields:
    """Return what was passed as `extra`, in the order of the names."""
    extra = record.__dict__.keys() - _STANDARD
    return {name: record.__dict__[name] for name in sorted(extra)}


def severity(record: logging.LogRecord) -> str:
    """Return the original's word for a record's level."""
    return _NAMES.get(record.levelno, record.levelname)


def text(record: logging.LogRecord) -> str:
    """Lay a record out as the original does, with time and process."""
    milliseconds = int(record.msecs)
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
    return f"{stamp}.{milliseconds:03d} [{severity(record)}][{record.process}] {_body(record)}"


def syslog(record: logging.LogRecord) -> str:
    """Lay a record out for syslog, which knows time and process itself."""
    return f"{severity(record)} {_body(record)}"


def json(record: logging.LogRecord) -> str:
    """Lay a record out as one JSON object; a field never hides what every line has."""
    stamp = datetime.fromtimestamp(record.created).astimezone()
    line: Fields = {
        "time": stamp.isoformat(timespec="milliseconds"),
        "level": severity(record).lower(),
        "message": record.getMessage(),
        "pid": record.process,
        "caller": f"{_file(record)}:{record.lineno}",
    }
    for name, value in fields(record).items():
        line[name if name not in line else f"{name}_"] = _plain(value)
    if record.exc_info:
        line["traceback"] = logging.Formatter().formatException(record.exc_info)
    try:
        return orjson.dumps(line, default=str).decode()
    except TypeError:  # text that is not UTF-8, or what has no JSON form
        return orjson.dumps({name: escaped(str(value)) for name, value in line.items()}).decode()


def _plain(value: object) -> object:
    """Return what JSON shall show: an exception by its kind and text."""
    return _error(value) if isinstance(value, BaseException) else value


def _body(record: logging.LogRecord) -> str:
    shown = [f"{name}={_value(value)}" for name, value in fields(record).items()]
    line = f"{_file(record)} {record.lineno}: {escaped(record.getMessage())}"
    line = " ".join([line, *shown])
    if not record.exc_info:
        return line
    trace = logging.Formatter().formatException(record.exc_info)
    # Indented, so that nothing in an error's text can pass for a line of its own.
    return "\n\t".join([line, *map(escaped, trace.splitlines())])


def _file(record: logging.LogRecord) -> str:
    """Name the file as the original does, by its component."""
    package = record.name.partition(".")[0]
    return f"{'typha' if package in _OWN_PACKAGES else package}/{record.filename}"


def _value(value: object) -> str:
    """Show a field as the original would: text quoted, names and errors not."""
    match value:
        case Enum():
            shown = str(value.value)
        case str():
            return quoted(value)
        case bool():
            shown = str(value).lower()
        case BaseException():
            shown = _error(value)
        case _:
            shown = "<nil>" if value is None else str(value)
    return escaped(shown)


def _error(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


class Layout(logging.Formatter):
    """A formatter made of one of the functions above; `role` becomes a field of each line."""

    def __init__(self, lay_out: LayOut, role: str) -> None:
        super().__init__()
        self._lay_out = lay_out
        self._role = role

    def format(self, record: logging.LogRecord) -> str:  # type: ignore[explicit-override]  # typing.override came with 3.12
        """Return the line."""
        if self._role:
            record.__dict__.setdefault("role", self._role)
        return self._lay_out(record)
