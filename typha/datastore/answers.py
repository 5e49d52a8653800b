"""What an API server's answers say, as values: errors by their status, objects by their names."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, NamedTuple

NO_ANSWER: Final = 0  # in the place of a status
MAX_RETRY_AFTER_SECONDS: Final = 120.0  # that anybody who answers may have us wait
BROKEN_OFF: Final = HTTPStatus.OK.value  # a good answer that did not come to its end

_LONGEST_REVISION: Final = 20  # digits, of 64 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a request gave nothing, or not all."""

    status: int  # of HTTP, or NO_ANSWER
    message: str
    retry_after: float = 0.0  # seconds
    too_new: bool = False  # the server has not seen the revision yet, and may never

    @property
    def is_expired(self) -> bool:
        """Say whether the server cannot go on from the revision it was given."""
        return self.status == HTTPStatus.GONE or self.too_new


class Identity(NamedTuple):
    """What tells an object from others of its resource."""

    namespace: str
    name: str


class BadItem(NamedTuple):
    """An object that cannot be decoded; its names are empty where not even they can."""

    namespace: str
    name: str
    reason: str


def identity(value: Any) -> Identity | None:
    """Give namespace and name; None of what no API server sends."""
    return identity_in(value.get("metadata")) if isinstance(value, dict) else None


def identity_in(metadata: Any) -> Identity | None:
    """Give namespace and name from an object's metadata."""
    if not isinstance(metadata, dict):
        return None
    name, namespace = metadata.get("name"), metadata.get("namespace") or ""
    if not isinstance(name, str) or not name or not isinstance(namespace, str):
        return None
    return Identity(namespace, name)


def order(revision: str) -> int | None:
    """Give the number that a revision is; None for what is none, and cannot be compared.

    Numbers have 64 bits at most wherever there is a datastore behind.
    """
    is_number = len(revision) <= _LONGEST_REVISION and revision.isdecimal()
    return int(revision) if is_number else None


def failure(status: int, value: Any, retry_after: float = 0.0) -> Failure:
    """Read an error; `value` is the body: a Status object, or anything else."""
    if not isinstance(value, dict):
        return Failure(status=status, message=f"HTTP {status}", retry_after=retry_after)
    details = value.get("details")
    details = details if isinstance(details, dict) else {}
    causes = details.get("causes")
    asked = details.get("retryAfterSeconds")
    wait = float(asked) if isinstance(asked, int | float) else 0.0
    return Failure(
        status=status,
        message=str(value.get("message") or f"HTTP {status}"),
        retry_after=max(retry_after, min(wait, MAX_RETRY_AFTER_SECONDS)),
        too_new=any(
            isinstance(cause, dict) and cause.get("reason") == "ResourceVersionTooLarge"
            for cause in (causes if isinstance(causes, list) else ())
        ),
    )


def failure_in_stream(value: dict[str, Any]) -> Failure:
    """Read the Status object of an error event."""
    code = value.get("code")
    return failure(code if isinstance(code, int) and code > 0 else 500, value)
