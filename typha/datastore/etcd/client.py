"""One member of etcd, spoken to over gRPC.  The only module that imports grpc.

Messages are plain bytes here (see `codec`), so that no protobuf runtime is needed.  Import it in
the watcher only, after the other processes were forked: grpc's threads do not survive a fork.
"""

import os
import queue
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

from typha.config.settings import EtcdSettings
from typha.datastore.etcd import codec, tls
from typha.datastore.etcd.endpoints import Endpoint
from typha.datastore.etcd.errors import (
    CompactedError,
    DeniedError,
    EtcdError,
    ExhaustedError,
    UnreachableError,
)

try:
    import grpc
except ImportError as missing:
    raise ImportError(
        "DatastoreType etcdv3 needs the package grpcio: pip install 'typha[etcd]'"
    ) from missing

ANSWER_SECONDS: Final = 10.0  # for small requests; the original's client dials as long
PAGE_SECONDS: Final = 60.0  # for a page of large values over a slow line

# A dead peer is noticed after a minute at the latest, with or without traffic.  The original's
# figures; etcd tolerates a ping every 5 seconds.
KEEPALIVE_SECONDS: Final = 30
KEEPALIVE_ANSWER_SECONDS: Final = 10

PROBE_SECONDS: Final = 15.0  # of silence, until a watch stream is asked how far it is
SILENCE_SECONDS: Final = 45.0  # until a stream that answers nothing is given up

_OPTIONS: Final = (
    (
        "grpc.max_receive_message_length",
        -1,
    ),  # a page of 500 large values exceeds the default 4 MiB
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", KEEPALIVE_SECONDS * 1000),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_ANSWER_SECONDS * 1000),
    ("grpc.http2.max_pings_without_data", 0),  # else keepalive ends after two pings
    ("grpc.enable_retries", 0),  # endpoints.Rotation decides when to try again
    ("grpc.use_local_subchannel_pool", 1),  # a new connection must not inherit an old one's waits
    ("grpc.enable_http_proxy", 0),  # as the original: http_proxy is not meant for etcd
)
_LEADER: Final = ("hasleader", "true")  # end a stream whose member has lost the others

# Codes with which etcd answers a token that has expired, or a request that came without one.
_NO_TOKEN: Final = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.INVALID_ARGUMENT}
_DENIED: Final = {*_NO_TOKEN, grpc.StatusCode.PERMISSION_DENIED}

Metadata = tuple[tuple[str, str], ...]


class Connection:
    """A channel to one member, with the token it takes."""

    def __init__(self, endpoint: Endpoint, settings: EtcdSettings) -> None:
        """Prepare the channel; nothing is sent before the first request.

        Raises UnreachableError if a certificate file cannot be read.
        """
        self.endpoint = endpoint
        self._user, self._password = settings.username, settings.password
        self._token = ""
        self._channel = _channel(endpoint, settings)

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """End every call; they fail with UnreachableError.  May be called from any thread."""
        self._channel.close()

    def status(self) -> codec.Status:
        """Ask the member for its state.  Raises EtcdError, as every request does."""
        return codec.status(self._call(codec.STATUS, codec.status_request(), ANSWER_SECONDS))

    def page(self, key: bytes, range_end: bytes, *, limit: int, revision: int = 0) -> codec.Page:
        """Read keys as of a revision, or as of now."""
        request = codec.range_request(key, range_end, limit=limit, revision=revision)
        return codec.page(self._call(codec.RANGE, request, PAGE_SECONDS))

    def put_unless_changed(self, key: bytes, value: bytes, mod_revision: int) -> bool:
        """Write a key that still has this revision (0: that does not exist); tell if it had."""
        request = codec.put_unless_changed(key, value, mod_revision)
        return codec.succeeded(self._call(codec.TXN, request, ANSWER_SECONDS))

    def watch(self) -> "Stream":
        """Open a watch stream, with a fresh token: one that expires later does not end it."""
        self._authenticate()
        return Stream(self._channel, (*self._metadata(), _LEADER), self.endpoint)

    def _metadata(self) -> Metadata:
        return (("token", self._token),) if self._token else ()

    def _call(self, method: str, request: bytes, seconds: float) -> bytes:
        """Make a request; once more with a new token if the old one may have expired."""
        if self._user and not self._token:
            self._authenticate()
        try:
            return self._once(method, request, seconds)
        except grpc.RpcError as error:
            if not self._user or error.code() not in _NO_TOKEN:
                raise _translated(error, self.endpoint) from error
        self._authenticate()
        try:
            return self._once(method, request, seconds)
        except grpc.RpcError as error:
            raise _translated(error, self.endpoint) from error

    def _once(self, method: str, request: bytes, seconds: float) -> bytes:
        call = self._channel.unary_unary(method)
        try:
            answer: bytes = call(request, timeout=seconds, metadata=self._metadata())
        except ValueError as error:  # closed by another thread
            raise UnreachableError(f"{self.endpoint.url}: {error}") from error
        return answer

    def _authenticate(self) -> None:
        if not self._user:
            return
        request = codec.authenticate_request(self._user, self._password)
        self._token = ""
        try:
            self._token = codec.token(self._once(codec.AUTHENTICATE, request, ANSWER_SECONDS))
        except grpc.RpcError as error:
            # Without authentication on the server nobody needs a token, as in the original.
            if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
                raise _translated(error, self.endpoint) from error


class Stream:
    """A watch stream: requests go in with `send`, messages come out by iterating.

    grpc takes the requests in a thread of its own.  There the stream is asked for its progress
    when it has been silent, and given up when it does not answer.
    """

    def __init__(self, channel: grpc.Channel, metadata: Metadata, endpoint: Endpoint) -> None:
        """Open it."""
        self._endpoint = endpoint
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._waiting_since = float("inf")  # no answer is missed while nobody waits for one
        try:
            self._call = channel.stream_stream(codec.WATCH)(self._outgoing(), metadata=metadata)
        except ValueError as error:  # closed by another thread
            raise UnreachableError(f"{endpoint.url}: {error}") from error

    def send(self, request: bytes) -> None:
        """Send a request, from any thread."""
        self._requests.put(request)

    def close(self) -> None:
        """End the stream, from any thread."""
        self._requests.put(None)
        self._call.cancel()

    def __iter__(self) -> Iterator[codec.WatchResponse]:
        """Give messages as they come; ends with EtcdError, never by itself."""
        try:
            while True:
                self._waiting_since = time.monotonic()
                message = next(self._call)
                self._waiting_since = float("inf")
                yield codec.watch_response(message)
        except grpc.RpcError as error:
            raise _translated(error, self._endpoint) from error
        except StopIteration:
            raise UnreachableError(f"{self._endpoint.url}: the watch stream has ended") from None
        finally:
            self.close()

    def _outgoing(self) -> Iterator[bytes]:
        while True:
            try:
                request = self._requests.get(timeout=PROBE_SECONDS)
            except queue.Empty:
                if time.monotonic() - self._waiting_since > SILENCE_SECONDS:
                    self._call.cancel()
                    return
                request = codec.watch_progress()
            if request is None:
                return
            yield request


def _channel(endpoint: Endpoint, settings: EtcdSettings) -> grpc.Channel:
    if not endpoint.tls:
        return grpc.insecure_channel(endpoint.authority, _OPTIONS)
    try:
        files = tls.prepare(endpoint, settings)
    except (OSError, UnicodeError) as error:  # the latter for what cannot be a host's name
        raise UnreachableError(f"{endpoint.url}: {error}") from error
    # grpc reads it before its first handshake, and it has no other way to be told.
    os.environ.setdefault("GRPC_SSL_CIPHER_SUITES", settings.policy.openssl_ciphers)
    credentials = grpc.ssl_channel_credentials(files.authorities, files.key, files.certificate)
    return grpc.secure_channel(endpoint.authority, credentials, _OPTIONS)


def _translated(error: grpc.RpcError, endpoint: Endpoint) -> EtcdError:
    code = error.code()
    text = f"{endpoint.url}: {error.details() or code.name.lower()}"
    if code in _DENIED:
        return DeniedError(text)
    if code is grpc.StatusCode.OUT_OF_RANGE:
        return CompactedError(text)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return ExhaustedError(text)
    return UnreachableError(text)
