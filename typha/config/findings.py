"""What a look at a configuration found, for `typha check`."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `hint` says what to do about it."""

    subject: str
    verdict: Verdict
    message: str
    hint: str = ""


def ok(subject: str, message: str) -> Finding:
    """Find nothing wrong."""
    return Finding(subject, Verdict.OK, message)


def warning(subject: str, message: str, hint: str = "") -> Finding:
    """Find something that may be meant, or will be wrong one day."""
    return Finding(subject, Verdict.WARNING, message, hint)


def error(subject: str, message: str, hint: str = "") -> Finding:
    """Find something that does not work."""
    return Finding(subject, Verdict.ERROR, message, hint)
