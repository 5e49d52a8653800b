"""The status page: plain HTML for people, the same as JSON for programs.

Host names, versions and errors come from others: everything is escaped, nothing is a script.
"""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from http import HTTPStatus
from typing import Any, Final

import orjson

from typha.ops import columns
from typha.ops.columns import Columns
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
        _section("Processes", columns.PROCESSES, status["processes"]),
        _section("Syncers", columns.SYNCERS, status["syncers"]),
        _section("Datastore", columns.STREAMS, status["streams"], "No stream has reported yet."),
        _section("Invalid objects", columns.INVALID, status["invalid"], "None."),
        _section(
            f"Clients ({len(clients)})",
            columns.CLIENTS,
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
        f"<p>{escape(status['phase'])} for {columns.span(status['uptime_seconds'])}, "
        f"{status['connections']}{limit} connections</p>{problems}"
    )


def _section(title: str, shape: Columns, rows: Iterable[Json], nothing: str = "") -> str:
    body = "".join(
        f"<tr>{''.join(_cells(shape, row))}</tr>" for row in rows
    )  # members a row does not have stay blank
    if not body:
        return f"<h2>{escape(title)}</h2><p class=quiet>{escape(nothing)}</p>"
    head = "".join(f"<th>{escape(heading)}</th>" for heading in shape.values())
    return f"<h2>{escape(title)}</h2><div class=wide><table><tr>{head}</tr>{body}</table></div>"


def _cells(shape: Columns, row: Json) -> Iterator[str]:
    for member in shape:
        yield f"<td>{escape(columns.shown(member, row.get(member)))}</td>"


def _json(value: Any) -> Answer:
    return Answer(HTTPStatus.OK, JSON, orjson.dumps(value) + b"\n")
