"""Which members of a row people see, under which headings, and how values are written.

Shared by the status page and the commands that show the same in a terminal.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

Columns = Mapping[str, str]  # members of a row, and their headings

PROCESSES: Final = {
    "name": "process",
    "pid": "pid",
    "age_seconds": "running for, s",
    "silent_seconds": "last heartbeat, s",
    "restarts": "restarts",
    "hung": "hung",
    "connections": "connections",
    "streaming": "streaming",
}
SYNCERS: Final = {
    "syncer": "syncer",
    "status": "status",
    "sequence": "sequence",
    "unverified": "not verified",
}
STREAMS: Final = {
    "resource": "resource",
    "state": "state",
    "revision": "revision",
    "silent_seconds": "last sign of life, s",
    "relists": "re-lists",
    "error": "last error",
}
INVALID: Final = {
    "resource": "resource",
    "name": "object or key",
    "reason": "reason",
}
CLIENTS: Final = {
    "hostname": "host",
    "address": "address",
    "syncer": "syncer",
    "version": "version",
    "worker": "worker",
    "since": "since",
    "state": "state",
    "sequence": "sequence",
    "behind": "behind",
    "behind_seconds": "behind, s",
    "queued_bytes": "queued, B",
    "last_pong": "last pong, s",
    "round_trip": "round trip, s",
    "codec": "codec",
    "cn": "CN",
    "cert_not_after": "certificate until",
}


def shown(member: str, value: Any) -> str:
    """Write one value of a row, for people."""
    if value is None:
        return ""
    if member == "since":
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, float):
        return f"{value:.3g}" if value < 1 else f"{value:.1f}"
    return str(value)


def span(seconds: float) -> str:
    """Write a length of time with its two greatest units."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    told = [f"{count} {unit}" for count, unit in units if count]
    return " ".join(told[:2]) or "0 s"
