"""The status page: plain HTML for people, the same as JSON for programs.

Host names, versions and errors come from others: everything is escaped, nothing is a script.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from http import HTTPStatus
from typing import Any, Final

import orjson

from typha.ops.httpd import Answer, Request, Respond
from typha.ops.overview import Json, Overview

HTML: Final = "text/html; charset=utf-8"
JSON: Final = "application/json"
CLIENTS_SHOWN: Final = 500  # a page of more is of no use to anybody; the JSON has all
REFRESH_SECONDS: Final = 5

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --quiet: #888; --bad: #c0392b; --good: #2e8b57 }
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem }
body { padding: 0 1rem }
h1 { font-size: 1.4rem; margin: 0 } h2 { font-size: 1.05rem; margin: 2rem 0 .4rem }
p { margin: .3rem 0 } .quiet { color: var(--quiet) } .bad { color: var(--bad) }
.good { color: var(--good) } .wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th { text-align: left; font-weight: 600; color: var(--quiet) }
th, td { padding: .2rem 1rem .2rem 0; border-bottom: 1px solid var(--line); white-space: nowrap }
"""

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
SYNCERS: Final = {"syncer": "syncer", "status": "status", "sequence": "sequence"}
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
    "namespace": "namespace",
    "name": "name",
    "key": "key",
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


def pages(overview: Overview) -> dict[str, Respond]:
    """Return the paths of the status page, and what answers them."""

    def page(_request: Request) -> Answer:
        html = page_of(*overview.everything())
        return Answer(HTTPStatus.OK, HTML, html.encode("utf-8", errors="backslashreplace"))

    return {
        "/": page,
        "/status.json": lambda _request: _json(overview.status()),
        "/clients.json": lambda _request: _json(overview.clients()),
    }


def page_of(status: Json, clients: Sequence[Json]) -> str:
    """Write the page."""
    hidden = max(0, len(clients) - CLIENTS_SHOWN)
    more = f" The {hidden} others are in clients.json." if hidden else ""
    sections = [
        _section("Processes", PROCESSES, status["processes"]),
        _section("Syncers", SYNCERS, status["syncers"]),
        _section("Datastore", STREAMS, status["streams"], "No stream has reported yet."),
        _section("Invalid objects", INVALID, status["invalid"], "None."),
        _section(
            f"Clients ({len(clients)})",
            CLIENTS,
            clients[:CLIENTS_SHOWN],
            f"Nobody is connected.{more}",
        ),
        f"<p class=quiet>Furthest behind first.{more}</p>" if clients else "",
    ]
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        f"<meta http-equiv=refresh content={REFRESH_SECONDS}>"
        "<meta name=viewport content='width=device-width'>"
        f"<title>Typha</title><style>{_STYLE}</style></head><body>"
        f"{_head(status)}{''.join(sections)}"
        "<p class=quiet><a href=/status.json>status.json</a> "
        "<a href=/clients.json>clients.json</a></p></body></html>"
    )


def _head(status: Json) -> str:
    """Write what one wants to know first."""
    good, word = ("good", "ready") if status["ready"] else ("bad", "not ready")
    limit = f" of {status['connection_limit']}" if status["connection_limit"] else ""
    problems = "".join(f"<p class=bad>{escape(text)}</p>" for text in status["problems"])
    return (
        f"<h1>Typha {escape(status['version'])} <span class={good}>{word}</span></h1>"
        f"<p>{escape(status['phase'])} for {span(status['uptime_seconds'])}, "
        f"{status['connections']}{limit} connections</p>{problems}"
    )


def _section(title: str, columns: Columns, rows: Iterable[Json], nothing: str = "") -> str:
    body = "".join(
        f"<tr>{''.join(_cells(columns, row))}</tr>" for row in rows
    )  # members a row does not have stay blank
    if not body:
        return f"<h2>{escape(title)}</h2><p class=quiet>{escape(nothing)}</p>"
    head = "".join(f"<th>{escape(heading)}</th>" for heading in columns.values())
    return f"<h2>{escape(title)}</h2><div class=wide><table><tr>{head}</tr>{body}</table></div>"


def _cells(columns: Columns, row: Json) -> Iterator[str]:
    for member in columns:
        yield f"<td>{escape(shown(member, row.get(member)))}</td>"


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


def _json(value: Any) -> Answer:
    return Answer(HTTPStatus.OK, JSON, orjson.dumps(value) + b"\n")
