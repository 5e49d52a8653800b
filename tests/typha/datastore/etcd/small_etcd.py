"""A small etcd in this process: enough of its API, over real gRPC, for what real ones do seldom.

Real ones are in tests/integration.  Messages are put together with `protobuf` alone, not with the
codec that is under test.
"""

import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager

import grpc

from typha.datastore.etcd import protobuf
from typha.datastore.etcd.protobuf import field, message

CODES = grpc.StatusCode


class SmallEtcd:
    """Keys with revisions, a log of changes, users with tokens, and faults to order."""

    def __init__(self) -> None:
        """Begin empty."""
        self.changed = threading.Condition()
        self.revision = 1
        self.compacted = 0
        self.cluster = 7
        self.values: dict[bytes, tuple[bytes, int]] = {}
        self.log: list[tuple[int, bytes, bytes | None]] = []
        self.password = ""
        self.tokens: set[str] = set()
        self.granted = 0
        self.forbidden = b"\xff"  # a prefix nobody may read
        self.refuses_watches = False
        self.in_fragments = False
        self.streams = 0
        self.watched = 0  # how many watches were asked for, on all streams
        self.ended = 0  # how many streams were ended by order

    def put(self, key: bytes, value: bytes | None) -> None:
        """Write a key, or delete it."""
        with self.changed:
            self.revision += 1
            self.log.append((self.revision, key, value))
            if value is None:
                del self.values[key]
            else:
                self.values[key] = (value, self.revision)
            self.changed.notify_all()

    def compact(self) -> None:
        """Forget all history."""
        with self.changed:
            self.compacted = self.revision
            self.log.clear()

    def wait_until_watched(self, watches: int) -> None:
        """Wait until so many watches were asked for."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.watched >= watches, 90)

    def end_streams(self) -> None:
        """End the watch streams there are."""
        with self.changed:
            self.ended = self.streams
            self.changed.notify_all()

    def header(self) -> bytes:
        """Say who answers."""
        return message(1, field(1, self.cluster) + field(3, self.revision) + field(4, 2))

    def range(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        """Answer a range request; of an older revision with what there is now."""
        self.admit(context)
        asked = protobuf.parse(data)
        start, end = asked.bodies[1], asked.bodies.get(2) or asked.bodies[1] + b"\0"
        if start.startswith(self.forbidden):
            context.abort(CODES.PERMISSION_DENIED, "etcdserver: permission denied")
        revision, limit = asked.numbers.get(4, 0), asked.numbers.get(3, 0)
        if revision and revision < self.compacted:
            context.abort(CODES.OUT_OF_RANGE, "required revision has been compacted")
        with self.changed:
            found = [key for key in sorted(self.values) if start <= key < end]
            body = b"".join(
                message(2, pair(key, *self.values[key])) for key in found[: limit or None]
            )
            more = field(3, int(bool(limit) and len(found) > limit))
            return self.header() + body + more

    def txn(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        """Write on a condition."""
        self.admit(context)
        asked = protobuf.parse(data)
        compare = protobuf.parse(asked.bodies[1])
        put = protobuf.parse(protobuf.parse(asked.bodies[2]).bodies[2])
        known = self.values.get(put.bodies[1], (b"", 0))[1]
        holds = compare.numbers.get(6, 0) == known
        if holds:
            self.put(put.bodies[1], put.bodies.get(2, b""))
        return self.header() + field(2, int(holds))

    def authenticate(self, data: bytes, context: grpc.ServicerContext) -> bytes:
        """Give a token."""
        if not self.password:
            context.abort(CODES.FAILED_PRECONDITION, "authentication is not enabled")
        if protobuf.parse(data).text(2) != self.password:
            context.abort(CODES.INVALID_ARGUMENT, "invalid user ID or password")
        self.granted += 1
        token = f"token-{self.granted}"
        self.tokens.add(token)
        return self.header() + field(2, token.encode())

    def admit(self, context: grpc.ServicerContext) -> None:
        """Refuse who has no good token."""
        token = dict(context.invocation_metadata()).get("token")
        if self.password and token not in self.tokens:
            context.abort(CODES.UNAUTHENTICATED, "etcdserver: invalid auth token")

    def watch(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        """Follow changes for as long as the stream lasts."""
        with self.changed:
            self.streams += 1
            number = self.streams
        waiting: list[bytes] = []
        threading.Thread(target=self._hear, args=(requests, waiting), daemon=True).start()
        watches: dict[int, tuple[bytes, bytes, int]] = {}
        while context.is_active() and number > self.ended:
            with self.changed:
                self.changed.wait_for(lambda: waiting or number <= self.ended, 0.02)
                answers = [*self._answers(waiting, watches), *self._news(watches)]
            yield from answers
        context.abort(CODES.UNAVAILABLE, "the stream was ended")

    def _hear(self, requests: Iterator[bytes], waiting: list[bytes]) -> None:
        try:
            for request in requests:
                with self.changed:
                    waiting.append(request)
                    self.changed.notify_all()
        except grpc.RpcError:
            return  # the client has gone

    def _answers(self, waiting: list[bytes], watches: dict) -> Iterator[bytes]:
        while waiting:
            asked = protobuf.parse(waiting.pop(0))
            if 3 in asked.bodies:
                yield self.header() + field(2, -1)
                continue
            create = protobuf.parse(asked.bodies[1])
            prefix, start = create.bodies[1], create.numbers[3]
            number = len(watches)
            self.watched += 1
            self.changed.notify_all()
            if self.refuses_watches or prefix.startswith(self.forbidden):
                yield self.header() + field(2, -1) + field(3, 1) + field(4, 1) + field(6, b"no")
            else:
                yield self.header() + field(2, number) + field(3, 1)
                watches[number] = (prefix, create.bodies[2], start)

    def _news(self, watches: dict) -> Iterator[bytes]:
        for number, (prefix, end, start) in list(watches.items()):
            if start < self.compacted:
                del watches[number]
                watches[number + 1000] = (b"\xff", b"\xff", start + (1 << 40))
                yield field(2, number) + field(4, 1) + field(5, self.compacted)
                continue
            news = [each for each in self.log if each[0] >= start and prefix <= each[1] < end]
            watches[number] = (prefix, end, self.revision + 1)
            parts = [[each] for each in news] if self.in_fragments else [news] if news else []
            for part in parts:
                events = b"".join(message(11, event(*each)) for each in part)
                fragment = field(7, int(self.in_fragments and part is not parts[-1]))
                yield self.header() + field(2, number) + fragment + events


def pair(key: bytes, value: bytes, revision: int) -> bytes:
    """Return a key with its value."""
    return field(1, key) + field(3, revision) + field(5, value)


def event(revision: int, key: bytes, value: bytes | None) -> bytes:
    """Return a change."""
    return field(1, int(value is None)) + message(2, pair(key, value or b"", revision))


@contextmanager
def serving() -> Iterator[tuple[SmallEtcd, str]]:
    """Serve for as long as the block lasts; give it with its URL."""
    etcd = SmallEtcd()
    server = grpc.server(futures.ThreadPoolExecutor(8))
    unary, stream = grpc.unary_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler
    for service, methods in {
        "KV": {"Range": unary(etcd.range), "Txn": unary(etcd.txn)},
        "Watch": {"Watch": stream(etcd.watch)},
        "Auth": {"Authenticate": unary(etcd.authenticate)},
    }.items():
        handler = grpc.method_handlers_generic_handler(f"etcdserverpb.{service}", methods)
        server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield etcd, f"http://127.0.0.1:{port}"
    finally:
        etcd.end_streams()
        server.stop(None).wait()
