"""Requests to the API server, thin: credentials before each, one back-off for all, bytes out.

No request is repeated here and no redirection followed; what failed is said as a value.
"""

import contextlib
import http.client
import logging
import math
import random
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import orjson
import urllib3
from urllib3.exceptions import HTTPError, ReadTimeoutError

import typha
from typha.config.settings import KubernetesSettings
from typha.datastore import answers
from typha.datastore.answers import Failure
from typha.datastore.k8s import transport
from typha.datastore.k8s.account import Account, AccountError, Endpoint
from typha.datastore.k8s.gate import Gate, Throttle
from typha.model.resources import JsonObject
from typha.telemetry.obstacles import Obstacles

log = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 4.0
RELOAD_SECONDS: Final = 300.0  # kubeconfig and the token file it names are read again
LEAST_RELOAD_SECONDS: Final = 5.0  # where the server keeps refusing our credentials
MAX_ERROR_BYTES: Final = 1 << 20
PIECE_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Times:
    """How long a request may take, in seconds."""

    read: float = 60.0  # without a byte of an answer
    patience: float = math.inf  # until it is the request's turn, while the server is away


UNHURRIED: Final = Times()


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: Mapping[str, str]
    body: bytes | None = None

    @property
    def target(self) -> str:
        return f"{self.path}?{urllib.parse.urlencode(self.query)}" if self.query else self.path


class RequestError(Exception):
    """A request gave nothing, or not all."""

    def __init__(self, failure: Failure) -> None:
        """Carry what is known of it."""
        super().__init__(failure.message)
        self.failure = failure


class ClosedError(Exception):
    """The client was closed."""


class SilenceError(RequestError):
    """The server kept the connection and said nothing for too long."""


class Answer:
    """The body of a good answer, as it arrives."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        """Take the response with its body unread."""
        self._response = response
        self.is_whole = False

    def pieces(self) -> Iterator[bytes]:
        """Give the body.  Raises RequestError if it breaks off, SilenceError if it stops."""
        try:
            if getattr(self._response, "chunked", False):
                yield from self._response.stream(PIECE_BYTES)
            else:
                while piece := self._response.read1(PIECE_BYTES):
                    yield piece
        except (ReadTimeoutError, TimeoutError) as error:
            failure = Failure(status=answers.BROKEN_OFF, message="the answer stopped coming")
            raise SilenceError(failure) from error
        except (HTTPError, OSError, ValueError, http.client.HTTPException) as error:
            failure = Failure(
                status=answers.BROKEN_OFF, message=f"broken off: {transport.text(error)}"
            )
            raise RequestError(failure) from error
        self.is_whole = True

    def close(self) -> None:
        """Give the connection back, or end it if there is more on it."""
        if self.is_whole:
            self._response.release_conn()
        else:
            self._response.close()


class Client:
    """One API server; safe to use from many threads."""

    def __init__(self, settings: KubernetesSettings) -> None:
        """Note where to look; nothing is read or connected yet."""
        self._account = Account(settings)
        self._loaded_at: float | None = None
        self._endpoint: Endpoint | None = None
        self._pool: urllib3.PoolManager | None = None
        self._loading = threading.Lock()
        self._gate = Gate()
        self._throttle = Throttle(settings.qps, settings.burst)
        self._turnstile = threading.Condition()
        self._sockets = transport.OpenSockets()
        self._closed = False
        self._trouble = ""  # why the server is away
        self._obstacles = Obstacles()

    @property
    def is_away(self) -> bool:
        """Say whether the API server gave no answer to the last attempt."""
        return self._gate.away_since is not None

    @property
    def url(self) -> str:
        """Return where the API server is; nothing before the first request."""
        return self._endpoint.url if self._endpoint else ""

    def close(self) -> None:
        """End all requests; those that wait raise ClosedError or break off."""
        with self._turnstile:
            self._closed = True
            self._turnstile.notify_all()
        self._sockets.shut()

    def break_off(self) -> None:
        """End all requests that are being answered."""
        self._sockets.drop()

    @contextlib.contextmanager
    def get(
        self, path: str, query: Mapping[str, str], times: Times = UNHURRIED
    ) -> Iterator[Answer]:
        """Ask, and give the body of a good answer.  Raises RequestError, ClosedError."""
        answer = self._ask(_Request("GET", path, query), times)
        with contextlib.closing(answer):
            yield answer

    def fetch(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: JsonObject | None = None,
        times: Times = UNHURRIED,
    ) -> JsonObject:
        """Ask for a single object, or send one.  Raises RequestError, ClosedError."""
        content = None if body is None else orjson.dumps(body)
        answer = self._ask(_Request(method, path, query or {}, content), times)
        with contextlib.closing(answer):
            whole = b"".join(answer.pieces())
        try:
            value = orjson.loads(whole)
        except orjson.JSONDecodeError as error:
            failure = Failure(status=answers.BROKEN_OFF, message=f"not JSON: {error}")
            raise RequestError(failure) from error
        return value if isinstance(value, dict) else {}

    # ---- one request

    def _ask(self, request: _Request, times: Times) -> Answer:
        began = self._enter(times.patience)
        try:
            response = self._send(request, times.read)
        except (AccountError, HTTPError, OSError, ValueError) as error:
            is_silence = isinstance(error, ReadTimeoutError)
            if is_silence and time.monotonic() - began >= times.read:
                self._answered()  # somebody took the request, and may have much to do
                failure = Failure(status=answers.BROKEN_OFF, message="no answer in time")
                raise SilenceError(failure) from error
            message = self._failed(began, error)
            raise RequestError(Failure(status=answers.NO_ANSWER, message=message)) from error
        except BaseException as error:
            self._failed(began, error)
            raise
        self._answered()
        if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
            with contextlib.closing(response):
                raise RequestError(self._refusal(response))
        return Answer(response)

    def _send(self, request: _Request, read_timeout: float) -> urllib3.BaseHTTPResponse:
        pool, endpoint = self._connections()
        headers = self._account.headers()
        headers["Accept"] = "application/json"
        headers["User-Agent"] = f"typha/{typha.__version__}"
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        return pool.request(
            request.method,
            endpoint.url + request.target,
            body=request.body,
            headers=headers,
            preload_content=False,
            retries=False,
            redirect=False,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read_timeout),
        )

    def _refusal(self, response: urllib3.BaseHTTPResponse) -> Failure:
        if response.status == HTTPStatus.UNAUTHORIZED:
            self._forget_account()
        try:
            value = orjson.loads(response.read(MAX_ERROR_BYTES))
        except (HTTPError, OSError, orjson.JSONDecodeError):
            value = None  # an unknown API is answered with plain text
        return answers.failure(response.status, value, _retry_after(response))

    # ---- credentials and connections

    def _connections(self) -> tuple[urllib3.PoolManager, Endpoint]:
        with self._loading:
            now = time.monotonic()
            is_old = self._loaded_at is None or now - self._loaded_at > RELOAD_SECONDS
            if is_old or self._account.is_due():
                self._account.load()
                self._loaded_at = now
            endpoint = self._account.endpoint()
            if self._pool is None or endpoint != self._endpoint:
                self._pool = transport.pool_manager(endpoint, self._sockets)
                self._endpoint = endpoint
            return self._pool, endpoint

    def _forget_account(self) -> None:
        """Read all credentials anew before the next request: the server refuses what we have."""
        with self._loading:
            now = time.monotonic()
            if self._loaded_at is not None and now - self._loaded_at > LEAST_RELOAD_SECONDS:
                self._loaded_at = None

    # ---- taking turns

    def _enter(self, patience: float) -> float:
        """Wait until a request may be made; give the moment."""
        until = time.monotonic() + patience
        with self._turnstile:
            while not self._closed:
                now = time.monotonic()
                wait = self._gate.wait(now)
                if not wait and self._gate.away_since is None:
                    wait = self._throttle.wait(now)
                if not wait:
                    return now
                if now + wait > until:
                    raise RequestError(Failure(status=answers.NO_ANSWER, message=self._trouble))
                self._turnstile.wait(wait)
        raise ClosedError

    def _answered(self) -> None:
        with self._turnstile:
            if self._gate.answered():
                self._obstacles.clear()
                log.info("the API server answers again")
                self._turnstile.notify_all()

    def _failed(self, began: float, error: BaseException) -> str:
        where = self.url if isinstance(error, HTTPError) else ""
        with self._turnstile:
            now, self._trouble = (
                time.monotonic(),
                f"{where}: {transport.text(error)}".removeprefix(": "),
            )
            is_news = self._gate.failed(began, now, random.random())  # noqa: S311 - jitter
            is_news = is_news and self._obstacles.is_to_be_said(self._trouble, now)
            if is_news and not self._closed:
                is_ours = isinstance(error, AccountError)
                what = (
                    "our account cannot be used" if is_ours else "the API server does not answer"
                )
                log.warning(what, extra={"error": self._trouble})
            return self._trouble


def _retry_after(response: urllib3.BaseHTTPResponse) -> float:
    text = response.headers.get("Retry-After", "")
    return min(float(text), answers.MAX_RETRY_AFTER_SECONDS) if text.isdecimal() else 0.0
