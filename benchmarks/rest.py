"""The HTTP side of the benchmarks' API server: lists, watches, and just enough of the rest.

Lists are cut as a real server cuts them: `limit` counts unless `resourceVersion=0` asks for what
the server has in its cache.
"""

import json
import time
from collections import Counter
from collections.abc import Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from benchmarks import discovery, watches
from benchmarks.cluster import Cluster, Page

CHUNKED: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
)
END: Final = b"0\r\n\r\n"


class Server(ThreadingHTTPServer):
    """The server, with what can be made to go wrong with it."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, cluster: Cluster, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.cluster: Final = cluster
        self.mood: Final = watches.Mood()
        self.made: Final[dict[str, dict[str, bytes]]] = {}  # list path -> name -> object
        self.requests: Final[Counter[str]] = Counter()

    def drop(self) -> int:
        """End every watch in the middle; returns how often that has been done."""
        self.mood.generation += 1
        for condition in (self.mood.disturbed, self.cluster.changed):
            with condition:
                condition.notify_all()
        return self.mood.generation

    def forget(self) -> int:
        """Compact the history, and end every watch: their clients have to list again."""
        self.cluster.forget()
        return self.drop()

    def refuse(self, seconds: float) -> float:
        """Answer 503 to everything for a while, and end what runs."""
        self.mood.refused_until = time.monotonic() + seconds
        self.drop()
        return seconds

    def mute(self, seconds: float) -> float:
        """Let the watches stay open and say nothing for a while."""
        self.mood.muted_until = time.monotonic() + seconds
        return seconds

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet: clients leave in the middle of answers, and may."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base's name
        """Keep quiet."""

    def do_GET(self) -> None:
        """Answer discovery, a list, a watch or one object."""
        url = urlsplit(self.path)
        path, query = url.path.rstrip("/"), dict(parse_qsl(url.query))
        watching = query.get("watch") in {"true", "1"}
        self.server.requests[f"{'watch' if watching else 'get'} {path}"] += 1
        if time.monotonic() < self.server.mood.refused_until:
            self._fail(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable")
        elif path in discovery.LISTS:
            (self._watch if watching else self._list)(path, query)
        else:
            self._one(path)

    def do_POST(self) -> None:
        """Create one object, as a server does that initialises the datastore."""
        path, sent = urlsplit(self.path).path, self._body()
        self.server.requests[f"create {path}"] += 1
        if sent["metadata"]["name"] in self.server.made.get(path, {}):
            self._fail(HTTPStatus.CONFLICT, "AlreadyExists")
        else:
            self._reply(HTTPStatus.CREATED, self._keep(path, sent))

    def do_PUT(self) -> None:
        """Replace one object."""
        path = urlsplit(self.path).path.rpartition("/")[0]
        self._reply(HTTPStatus.OK, self._keep(path, self._body()))

    def _body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return body

    def _keep(self, path: str, sent: dict[str, Any]) -> bytes:
        made = self.server.made.setdefault(path, {})
        sent["metadata"] |= {
            "uid": f"00000000-0000-4000-8000-{len(made):012d}",
            "resourceVersion": str(len(made) + 1),
            "creationTimestamp": "2026-03-01T08:00:00Z",
        }
        text = made[sent["metadata"]["name"]] = json.dumps(sent).encode()
        return text

    def _fail(self, status: HTTPStatus, reason: str) -> None:
        self._reply(status, discovery.failure(status, reason))

    def _reply(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _one(self, path: str) -> None:
        base, _, name = path.rpartition("/")
        found = discovery.answer(path) or self.server.made.get(base, {}).get(name)
        if found:
            self._reply(HTTPStatus.OK, found)
        else:
            self._fail(HTTPStatus.NOT_FOUND, "NotFound")

    def _list(self, path: str, query: dict[str, str]) -> None:
        page = self._page(path, query)
        group_version, kind = discovery.LISTS[path]
        following = "" if page.following is None else str(page.following)
        metadata = {"resourceVersion": str(page.revision), "continue": following}
        head = f'{{"kind":"{kind}List","apiVersion":"{group_version}","metadata":'
        body = [(head + json.dumps(metadata) + ',"items":[').encode(), *page.pieces, b"]}"]
        self.wfile.write(CHUNKED + watches.chunk(body[0]))
        for piece in body[1:]:
            self.wfile.write(watches.chunk(piece))
        self.wfile.write(END)

    def _page(self, path: str, query: dict[str, str]) -> Page:
        cluster = self.server.cluster
        if path != cluster.family.path:
            made = self.server.made.get(path, {}).values()
            return Page(cluster.revision, array(made), None)
        cached = query.get("resourceVersion") == "0"
        limit = None if cached or "limit" not in query else int(query["limit"])
        return cluster.page(int(query.get("continue", 0)), limit)

    def _watch(self, path: str, query: dict[str, str]) -> None:
        self.close_connection = True
        watch = watches.Watch(self.server.cluster, self.server.mood, path, query)
        try:
            self.wfile.write(CHUNKED)
            watch.run(self.wfile.write)
            self.wfile.write(END)
        except OSError:
            pass  # the client has left


def array(objects: Iterable[bytes]) -> list[bytes]:
    """Spell the members of a JSON array."""
    text = b",".join(objects)
    return [text] if text else []
