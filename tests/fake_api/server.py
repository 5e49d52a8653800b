"""The HTTP side of the API server of the tests, with trouble of every kind on order.

Its troubles share one way of answering, so they stay together.
"""

import contextlib
import http.server
import socket
import ssl
import struct
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import orjson

from benchmarks import free_ports
from tests.fake_api.store import Json, Store, name_of, status, too_large

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass
class Trouble:
    """What to do instead of answering properly, the next `times` times."""

    status: int = 0  # answer this; 0 for the other kinds
    times: float = float("inf")
    headers: dict[str, str] = field(default_factory=dict)
    body: Json = None  # of the answer; None is a Status with the code
    watch: bool | None = None  # only watches, only others, or both
    reset: bool = False  # cut the connection
    hang: bool = False  # never answer
    cut_after: int | None = None  # send so many bytes of the body, then cut the connection
    drip: float = 0.0  # seconds between two bytes of the body
    in_stream: Json = None  # begin a watch, then send this as an error event


@dataclass
class Request:
    """One request that was made."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    at: float
    generation: int  # of the watches when it came

    @property
    def is_watch(self) -> bool:
        """Tell watches from lists."""
        return self.query.get("watch") == "true"


class FakeApi(Store):
    """An API server on 127.0.0.1; use as a context manager.

    `lists` are complete list answers by path; a path that is not among them is not served.  Writes
    go through `put`, `delete`, `play` (a recorded event) and `bookmark`.  Trouble is ordered with
    `trouble[path]` ("*" for every path), `drop_watches`, `compact`, `stop` and `restart`.
    """

    def __init__(
        self,
        lists: Mapping[str, Json] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        tokens: set[str] | None = None,
        page_limit_holds: bool = False,
    ) -> None:
        """Take what there is; without `tokens` everybody may ask."""
        super().__init__(page_limit_holds=page_limit_holds)
        self.trouble: dict[str, Trouble] = {}
        self.requests: list[Request] = []
        self.denied: set[tuple[str, str]] = set()  # (verb, plural) of access reviews
        self.tokens = tokens
        self.silent_watches = False
        self.future_watches = (
            False  # wait for revisions to come, as a real server's cache lets them
        )
        self._tls = tls
        self._server: _Server | None = None
        self._port = free_ports.take()  # also while it is stopped
        for path, answer in (lists or {}).items():
            self.serve(path, answer)

    def __enter__(self) -> Self:
        """Begin to listen."""
        self.restart()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    def restart(self) -> None:
        """Begin to listen, on the same port as before."""
        self._server = _Server(("127.0.0.1", self._port), _Handler, bind_and_activate=False)
        self._server.allow_reuse_address = True
        self._server.api = self
        self._server.tls = self._tls
        self._server.server_bind()
        self._server.server_activate()
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening and cut every connection."""
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()
        self.drop_watches()
        self._server.cut_all()

    def wait_for_request(self, path: str, *, watch: bool, count: int = 1) -> None:
        """Wait until a resource was asked for so many times in all."""
        with self.changed:
            assert self.changed.wait_for(
                lambda: len(self.asked(path, watch=watch)) >= count, timeout=90
            ), [(one.path, one.query) for one in self.requests[-20:]]

    def asked(self, path: str, *, watch: bool | None = None) -> list[Request]:
        """Give the lists and watches of a resource so far."""
        return [
            request
            for request in list(self.requests)
            if (request.method, request.path) == ("GET", path)
            and watch in (None, request.is_watch)
        ]


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    api: FakeApi
    tls: ssl.SSLContext | None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._open: set[socket.socket] = set()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread."""
        try:
            if self.tls is not None:
                request = self.tls.wrap_socket(request, server_side=True)
        except (OSError, ssl.SSLError):
            request.close()
            return
        self._open.add(request)
        super().process_request_thread(request, client_address)
        self._open.discard(request)

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        """Clients leave as they like."""

    def cut_all(self) -> None:
        """Cut every connection."""
        for one in list(self._open):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(one, socket.SHUT_RDWR)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base names it
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer a list, a watch, an object or the groups."""
        request = self._note()
        if not self._is_allowed() or self._make_trouble(request):
            return
        api = self.server.api
        if request.path == "/apis":
            self._send(200, {"groups": [{"name": name} for name in _groups(api)]})
        elif request.is_watch:
            self._watch(request)
        elif "/" in request.path and request.path.rpartition("/")[0] in api.objects:
            self._send_object(request.path)
        else:
            status, body = api.page(request.path, request.query)
            self._send(status, body, drip=self._drip(request))

    def do_POST(self) -> None:
        """Create an object, or review access."""
        request = self._note()
        value = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._is_allowed() or self._make_trouble(request):
            return
        api = self.server.api
        if request.path == REVIEWS:
            asked = value["spec"]["resourceAttributes"]
            allowed = (asked["verb"], asked["resource"]) not in api.denied
            self._send(201, {**value, "status": {"allowed": allowed}})
        elif request.path not in api.objects:
            self._send(404, b"404 page not found\n")
        elif name_of(value) in api.objects[request.path]:
            self._send(409, status(409, "AlreadyExists"))
        else:
            api.put(request.path, value)
            self._send(201, value)

    def do_PUT(self) -> None:
        """Replace an object whose revision is known."""
        request = self._note()
        value = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._is_allowed() or self._make_trouble(request):
            return
        path, _, _ = request.path.rpartition("/")
        stored = orjson.loads(self.server.api.objects[path][name_of(value)])
        if stored["metadata"]["resourceVersion"] != value["metadata"]["resourceVersion"]:
            self._send(409, status(409, "Conflict"))
            return
        self.server.api.put(path, value)
        self._send(200, value)

    def _note(self) -> Request:
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        api = self.server.api
        headers = {name: "\n".join(self.headers.get_all(name, ())) for name in self.headers}
        with api.changed:
            request = Request(
                self.command, url.path, query, headers, time.monotonic(), api.generation
            )
            api.requests.append(request)
            api.changed.notify_all()
        return request

    def _is_allowed(self) -> bool:
        tokens = self.server.api.tokens
        if tokens is None or self.headers.get("authorization", "")[7:] in tokens:
            return True
        self._send(401, status(401, "Unauthorized"))
        return False

    # ---- trouble

    def _trouble_of(self, request: Request) -> Trouble | None:
        api = self.server.api
        for path in (request.path, "*"):
            trouble = api.trouble.get(path)
            if trouble and trouble.watch in (None, request.is_watch) and trouble.times > 0:
                return trouble
        return None

    def _make_trouble(self, request: Request) -> bool:
        trouble = self._trouble_of(request)
        if trouble is None or trouble.drip:
            return False
        trouble.times -= 1
        if trouble.hang:
            api, generation = self.server.api, request.generation
            with api.changed:
                api.changed.wait_for(lambda: api.generation != generation, timeout=300)
            self.close_connection = True
        elif trouble.reset:
            self._reset()
        elif trouble.cut_after is not None:
            _, body = self.server.api.page(request.path, request.query)
            self._head(200, {"Content-Length": str(len(body))})
            self.wfile.write(body[: trouble.cut_after])
            self._reset()
        elif trouble.in_stream is not None:
            self._head(200, {"Transfer-Encoding": "chunked"})
            self._chunk(orjson.dumps({"type": "ERROR", "object": trouble.in_stream}) + b"\n")
            self._chunk(b"")
        else:
            body = status(trouble.status) if trouble.body is None else trouble.body
            self._send(trouble.status, body, headers=trouble.headers)
        return True

    def _drip(self, request: Request) -> float:
        trouble = self._trouble_of(request)
        return trouble.drip if trouble else 0.0

    def _reset(self) -> None:
        """Cut the connection so that the client sees a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    # ---- answers

    def _watch(self, request: Request) -> None:
        api = self.server.api
        revision = int(request.query["resourceVersion"])
        if request.path not in api.objects:
            self._send(404, b"404 page not found\n")
            return
        if revision < api.compacted:
            self._send(410, status(410, "Expired"))
            return
        if revision > api.revision and not api.future_watches:
            self._send(504, too_large())
            return
        self._head(200, {"Transfer-Encoding": "chunked"})
        for lines in self._lines(request, revision):
            self._chunk(lines)
        self._chunk(b"")

    def _lines(self, request: Request, revision: int) -> Iterator[bytes]:
        """Give the events after a revision, as they come, until the watch ends."""
        api, sent = self.server.api, 0
        generation, history = request.generation, api.history

        def is_news() -> bool:
            return len(history) > sent or api.generation != generation

        until = time.monotonic() + float(request.query["timeoutSeconds"])
        while True:
            with api.changed:
                api.changed.wait_for(is_news, timeout=max(0.0, until - time.monotonic()))
                new, sent = history[sent:], len(history)
                is_over = api.generation != generation or time.monotonic() >= until
            lines = [
                change.line
                for change in new
                if change.path == request.path and change.revision >= revision
                if change.revision > revision or b'"BOOKMARK"' in change.line
            ]
            if lines and not api.silent_watches:
                yield b"".join(lines)
            if is_over:
                return

    def _chunk(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(content), content))

    def _send_object(self, path: str) -> None:
        api = self.server.api
        collection, _, name = path.rpartition("/")
        found = api.objects[collection].get(("", name))
        self._send(200, found) if found else self._send(404, status(404, "NotFound"))

    def _send(
        self, status: int, body: Json, *, headers: Mapping[str, str] | None = None, drip: float = 0
    ) -> None:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        self._head(status, {"Content-Length": str(len(content)), **(headers or {})})
        if not drip:
            self.wfile.write(content)
            return
        for at in range(len(content)):
            self.wfile.write(content[at : at + 1])
            time.sleep(drip)

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


def _groups(api: FakeApi) -> set[str]:
    return {path.split("/")[2] for path in api.objects if path.startswith("/apis/")}
