"""More strangers than there is room for: limits of the whole server, whichever worker has them."""

import contextlib
import resource
import socket
import ssl
from pathlib import Path

import pytest

from tests.e2e.server import PATIENCE_SECONDS, running, wait_for
from tests.e2e.test_serving import held_by_worker
from workers import listener

pytestmark = pytest.mark.e2e


@contextlib.contextmanager
def strangers(server, count, source="127.0.0.1"):
    """Hold connections that never say anything."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(
                socket.create_connection(("127.0.0.1", server.port), 60, (source, 0))
            )
            for _ in range(count)
        ]


def is_closed(stream):
    """Tell whether the server has closed a connection."""
    stream.settimeout(0)
    try:
        return stream.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def closed(streams):
    """Count the connections that the server has closed."""
    return sum(map(is_closed, streams))


@pytest.fixture
def manifests(tmp_path):
    """Make an empty folder."""
    (tmp_path / "manifests").mkdir()
    return tmp_path / "manifests"


@contextlib.contextmanager
def newcomer(server, source):
    """Connect as a proper client does, and leave the handshake for later."""
    ours = server.tls
    context = ssl.create_default_context(cafile=ours.ca_file)
    context.check_hostname = False
    context.load_cert_chain(ours.cert_file, ours.key_file)
    with (
        strangers(server, 1, source) as [plain],
        context.wrap_socket(plain, do_handshake_on_connect=False) as secured,
    ):
        yield secured


def test_an_address_has_so_many_and_others_their_own(tmp_path, manifests):
    """Three in all from one, although two workers could each have counted to three."""
    limits = {"maxunauthenticatedperaddress": "3"}
    with running(tmp_path, manifests, **limits) as server, contextlib.ExitStack() as stack:
        crowd = stack.enter_context(strangers(server, 10, "127.0.0.2"))
        wait_for(lambda: sum(held_by_worker(server).values()) == 10, "all to be accepted")
        stack.enter_context(newcomer(server, "127.0.0.3")).do_handshake()
        late = stack.enter_context(newcomer(server, "127.0.0.2"))
        late.settimeout(1.0)
        with pytest.raises(TimeoutError):
            late.do_handshake()
        for stranger in crowd:
            stranger.close()
        late.settimeout(PATIENCE_SECONDS)
        late.do_handshake()  # there is room now


def test_the_longest_silent_make_room_for_whoever_comes(tmp_path, manifests):
    """A crowd that says nothing keeps nobody out."""
    with running(tmp_path, manifests, maxunauthenticated="10") as server:
        server.wait_ready()  # a worker that comes late and has but one lets nobody go
        with strangers(server, 30) as crowd:
            wait_for(lambda: closed(crowd) >= 20, "all but ten to be closed")
            assert server.follower().status == 2
            assert is_closed(crowd[0])
            assert not is_closed(crowd[-1])
            assert "too-many-connections" in server.log()


def test_without_a_descriptor_left_newcomers_are_turned_away_and_nobody_else(tmp_path, manifests):
    """A few are kept for what the worker itself has to open; then all is well again."""
    with running(tmp_path, manifests, workers="1") as server:
        witness = server.follower()
        worker = server.child("worker-0")
        before = resource.prlimit(worker.pid, resource.RLIMIT_NOFILE)
        highest = max(int(each.name) for each in Path(f"/proc/{worker.pid}/fd").iterdir())
        limit = highest + listener.SPARE_DESCRIPTORS - 2
        resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (limit, before[1]))
        with strangers(server, 50) as crowd:
            wait_for(lambda: closed(crowd) == 50, "all to be turned away")
        assert 1 <= server.log().count("cannot accept") <= 30
        resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, before)
        assert server.follower().status == 2
        assert server.child("worker-0").pid == worker.pid
        assert witness.status == 2
