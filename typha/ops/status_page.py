"""The status page: plain HTML for people, the same as JSON for programs.

Host names, versions and errors come from others: everything is escaped, nothing is a script.
"""

from collections.abc import Iterator, Sequence
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
ROWS_SHOWN: Final = 500  # a table of more is of no use to anybody; the JSON has all
REFRESH_SECONDS: Final = 5

# Words that catch the eye; whatever is as it should be stays quiet.
_TONES: Final = {
    "failing": "bad",
    "forbidden": "bad",
    "wait-for-ready": "bad",
    "resync": "odd",
    "listing": "odd",
    "missing": "odd",
    "handshake": "odd",
    "hello": "odd",
    "snapshot": "odd",
}
_ALARMING: Final = frozenset(
    {"restarts", "hung", "error", "unverified"}
)  # members that should be 0 or empty
_WRAPPED: Final = frozenset({"error", "reason", "name"})

_STYLE: Final = """
:root { color-scheme: light dark; --page: #f4f5f7; --card: #fff; --ink: #1b1f24; --quiet: #656d76;
  --line: #d9dde2; --good: #1a7f4b; --odd: #9a6700; --bad: #c4262e }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --card: #1d2126; --ink: #e4e7eb;
  --quiet: #98a1ab; --line: #353b43; --good: #4cc38a; --odd: #e0b04a; --bad: #ff7b72 } }
* { box-sizing: border-box }
body { font: 14px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 100rem; padding: 1.25rem;
  color: var(--ink); background: var(--page) }
h1 { font-size: 1.5rem; margin: 0 } h1 small { color: var(--quiet); font-weight: 400 }
h1 b { font-size: .9rem; vertical-align: .15rem; padding: .15rem .6rem; border-radius: 1rem;
  color: var(--card); background: var(--good) }
h1 b.bad { background: var(--bad) }
h2 { font-size: 1.05rem; margin: 0 0 .5rem } p { margin: .35rem 0 } a { color: inherit }
.quiet { color: var(--quiet) } .good { color: var(--good) } .odd { color: var(--odd) }
.bad { color: var(--bad) }
.problem { border-left: .25rem solid var(--bad); padding: .3rem .8rem; background: var(--card) }
.tiles { display: grid; gap: .75rem; margin: 1rem 0;
  grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)) }
.tiles a, section { background: var(--card); border: 1px solid var(--line); border-radius: .5rem }
.tiles a { padding: .6rem .9rem; text-decoration: none; color: var(--quiet) }
.tiles a:hover { border-color: var(--quiet) }
.tiles strong { display: block; font-size: 1.5rem; line-height: 1.3; color: var(--ink) }
.tiles strong.odd { color: var(--odd) } .tiles strong.bad { color: var(--bad) }
.pair { display: flex; flex-wrap: wrap; gap: 0 1rem } .pair section { flex: 1 1 auto }
section { padding: .9rem 1.1rem; margin: 0 0 1rem; min-width: 0; max-width: 100% }
section div { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100% }
th { text-align: left; font-weight: 600; color: var(--quiet) }
th, td { padding: .25rem 1.1rem .25rem 0; border-bottom: 1px solid var(--line);
  white-space: nowrap; vertical-align: top }
tr:last-child td { border-bottom: 0 } tr > :last-child { padding-right: 0 }
.n { text-align: right } .w { white-space: normal; overflow-wrap: anywhere; min-width: 12rem }
@media (max-width: 40rem) { body { padding: .75rem } section { padding: .7rem .8rem }
  th, td { padding-right: .8rem } td:first-child { white-space: normal; overflow-wrap: anywhere }
  tr > :first-child { min-width: 11rem } }
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
    nobody = "Nobody is connected."
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        f"<meta http-equiv=refresh content={REFRESH_SECONDS}>"
        "<meta name=viewport content='width=device-width'>"
        f"<title>Typha</title><style>{_STYLE}</style></head><body>"
        f"{_head(status)}{_tiles(status, clients)}<div class=pair>"
        f"{_section('Processes', columns.PROCESSES, status['processes'])}"
        f"{_section('Syncers', columns.SYNCERS, status['syncers'])}</div>"
        f"{_section('Datastore', columns.STREAMS, status['streams'], 'No stream has reported.')}"
        f"{_section('Left out', columns.INVALID, status['invalid'], 'No object is invalid.')}"
        f"{_section('Clients', columns.CLIENTS, clients, nobody, 'Furthest behind first.')}"
        "<p class=quiet>For programs: <a href=/status.json>status.json</a>, "
        "<a href=/clients.json>clients.json</a></p></body></html>"
    )


def _head(status: Json) -> str:
    """Write what one wants to know first."""
    verdict = "<b>ready</b>" if status["ready"] else "<b class=bad>not ready</b>"
    problems = "".join(f"<p class=problem>{escape(text)}</p>" for text in status["problems"])
    return (
        f"<h1>Typha <small>{escape(status['version'])}</small> {verdict}</h1>"
        f"<p class=quiet>{escape(status['phase'])} for {columns.span(status['uptime_seconds'])}"
        f"</p>{problems}"
    )


def _tiles(status: Json, clients: Sequence[Json]) -> str:
    """Write the figures that tell whether to read on, each leading to its table."""
    limit = f"connections of {status['connection_limit']}" if status["connection_limit"] else ""
    behind = max((client.get("behind_seconds") or 0.0 for client in clients), default=0.0)
    watching = sum(stream["state"] == "watching" for stream in status["streams"])
    streams, invalid = len(status["streams"]), len(status["invalid"])
    restarts = sum(process.get("restarts", 0) for process in status["processes"])
    tiles = [
        ("Clients", str(status["connections"]), limit or "connections", ""),
        ("Clients", f"{behind:.1f} s", "furthest behind", ""),
        ("Datastore", f"{watching} of {streams}", "watched", "odd" * (watching < streams)),
        ("Left out", str(invalid), "invalid objects", "bad" * bool(invalid)),
        ("Processes", str(restarts), "restarts", "odd" * bool(restarts)),
    ]
    return "".join(
        [
            "<nav class=tiles>",
            *(
                f"<a href='#{_anchor(where)}'><strong class='{tone}'>{figure}</strong>{text}</a>"
                for where, figure, text, tone in tiles
            ),
            "</nav>",
        ]
    )


def _section(
    title: str, shape: Columns, rows: Sequence[Json], nothing: str = "", order: str = ""
) -> str:
    """Write a table, without the columns that have nothing in any row."""
    head = f"<section id={_anchor(title)}><h2>{title}</h2>"
    if not rows:
        return f"{head}<p class=quiet>{nothing}</p></section>"
    shown = rows[:ROWS_SHOWN]
    members = [m for m in shape if any(row.get(m) not in {None, ""} for row in shown)]
    headings = "".join(f"<th{_side(m, shown)}>{escape(shape[m])}</th>" for m in members)
    body = "".join(f"<tr>{''.join(_cells(members, row))}</tr>" for row in shown)
    hidden = len(rows) - len(shown)
    notes = [order, f"{hidden} more are in the JSON." if hidden else ""]
    note = " ".join(filter(None, notes))
    return (
        f"{head}<div><table><tr>{headings}</tr>{body}</table></div>"
        f"{f'<p class=quiet>{note}</p>' if note else ''}</section>"
    )


def _cells(members: Sequence[str], row: Json) -> Iterator[str]:
    for member in members:
        value = row.get(member)
        tone = "odd" if member in _ALARMING and value else _TONES.get(str(value), "")
        kinds = [tone, "n" * _is_number(member, value), "w" * (member in _WRAPPED)]
        marks = " ".join(filter(None, kinds))
        text = escape(columns.shown(member, value))
        yield f"<td class='{marks}'>{text}</td>" if marks else f"<td>{text}</td>"


def _side(member: str, rows: Sequence[Json]) -> str:
    """Put the heading where the numbers below it are."""
    return " class=n" if any(_is_number(member, row.get(member)) for row in rows) else ""


def _is_number(member: str, value: Any) -> bool:
    return isinstance(value, int | float) and member != "since"


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _json(value: Any) -> Answer:
    return Answer(HTTPStatus.OK, JSON, orjson.dumps(value) + b"\n")
