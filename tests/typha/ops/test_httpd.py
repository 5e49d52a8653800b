"""Probes are answered whatever others do to the port."""

import contextlib
import errno
import http.client
import socket
import socketserver
import threading
import time

import pytest

from benchmarks import free_ports
from typha.ops import httpd
from typha.ops.httpd import Answer, Request


def respond(request: Request) -> Answer:
    """Answer with what was asked."""
    if request.path == "/broken":
        raise RuntimeError("no answer")
    return Answer(200, httpd.TEXT, f"{request.path} {request.takes_gzip}\n".encode())


def wait_for(port: int, host: str = "127.0.0.1") -> None:
    """Return when somebody listens."""
    for _ in range(6000):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as client:
            if client.connect_ex((host, port)) == 0:
                return
        time.sleep(0.01)
    pytest.fail("nobody listens")


@pytest.fixture(scope="module")
def port() -> int:
    """Return the port of a server for all tests here."""
    chosen = free_ports.take()
    table = {"/liveness": respond, "/broken": respond}
    httpd.serve("localhost", chosen, httpd.routes(table))
    wait_for(chosen)
    return chosen


def ask(port: int, path: str = "/liveness", method: str = "GET", **options):
    """Ask once; return status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, **options)
    response = connection.getresponse()
    found = response.status, dict(response.getheaders()), response.read()
    connection.close()
    return found


def test_a_path_is_answered_and_its_query_ignored(port):
    """As text."""
    status, headers, body = ask(port, "/liveness?verbose")
    assert (status, body) == (200, b"/liveness False\n")
    assert headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_any_method_is_good(port, method):
    """As recorded from the original."""
    assert ask(port, method=method)[0] == 200


def test_head_has_no_body(port):
    """But the length of what there would be."""
    status, headers, body = ask(port, method="HEAD")
    assert (status, headers["Content-Length"], body) == (200, "16", b"")


def test_other_paths_are_not_found(port):
    """As in the original."""
    assert ask(port, "/healthz")[0] == 404


def test_a_body_that_is_sent_along_is_no_next_request(port):
    """Nobody reads it, so the connection ends."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/liveness", body=b"GET /healthz HTTP/1.1\r\n\r\n")
    response = connection.getresponse()
    response.read()
    assert response.will_close
    connection.close()


def test_a_connection_serves_many_requests(port):
    """Prometheus keeps its own open."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(3):
        connection.request("GET", "/liveness")
        assert connection.getresponse().read() == b"/liveness False\n"
    connection.close()


def test_a_bug_is_an_answer_too(port, caplog):
    """It is logged, and costs one request."""
    assert ask(port, "/broken")[0] == 500
    assert "cannot answer" in caplog.text
    assert ask(port)[0] == 200


def test_clients_that_say_nothing_keep_nobody_out(port):
    """One connection too many closes the oldest."""
    silent = [
        socket.create_connection(("127.0.0.1", port)) for _ in range(httpd.MOST_CONNECTIONS * 2)
    ]
    assert ask(port)[0] == 200
    silent[0].settimeout(60)
    assert silent[0].recv(1) == b""
    for client in silent:
        client.close()


@pytest.mark.parametrize(
    "garbage", [b"\r\n\r\n", b"\x16\x03\x01\x00", b"GET\r\n\r\n", b"A" * 70000]
)
def test_garbage_costs_only_its_own_connection(port, garbage):
    """It is answered with an error or with nothing."""
    with (
        contextlib.suppress(ConnectionError),  # what nobody reads is refused
        socket.create_connection(("127.0.0.1", port), timeout=60) as client,
    ):
        client.sendall(garbage)
        client.shutdown(socket.SHUT_WR)
        while client.recv(4096):
            pass
    assert ask(port)[0] == 200


def test_a_busy_port_is_tried_again_until_it_is_free(caplog, monkeypatch):
    """A restarted container may come before its predecessor is gone; settings are named, once."""
    caplog.set_level("INFO", "typha")
    monkeypatch.setattr(httpd, "RETRY_SECONDS", 0.01)
    tries = []
    binding = httpd._Server.server_bind
    monkeypatch.setattr(
        httpd._Server, "server_bind", lambda server: tries.append(1) or binding(server)
    )
    blocker = socket.create_server(("127.0.0.1", 0))
    port = blocker.getsockname()[1]
    httpd.serve("127.0.0.1", port, respond, settings="Health")
    for _ in range(6000):
        if len(tries) > 3:
            break
        time.sleep(0.01)
    blocker.close()
    wait_for(port)
    assert ask(port)[0] == 200
    before, after = caplog.records
    assert (before.message, before.error) == ("cannot listen", "Address already in use")
    assert (before.HealthHost, before.HealthPort) == ("127.0.0.1", port)
    assert (after.message, after.HealthPort) == ("listening after all", port)


def test_a_kernel_without_ipv6_serves_ipv4(monkeypatch):
    """Where every address is meant."""

    def create(family=socket.AF_INET, *others, **options):
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return real(family, *others, **options)

    real = socket.socket
    monkeypatch.setattr(socketserver.socket, "socket", create)
    port = free_ports.take()
    httpd.serve("", port, respond)
    wait_for(port)
    assert ask(port)[0] == 200


def test_a_unix_socket_left_by_a_predecessor_is_replaced(short_folder):
    """The ops process may have been killed."""
    path = short_folder / "status.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    httpd.serve(str(path), 0, respond)
    for _ in range(6000):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            if client.connect_ex(str(path)) == 0:
                client.sendall(b"GET /x HTTP/1.0\r\n\r\n")
                assert client.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"
                return
        time.sleep(0.01)
    pytest.fail("nobody listens")


def test_localhost_is_taken_literally(monkeypatch):
    """A resolver may know another machine by that name."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: pytest.fail("asked a resolver"))
    assert httpd.places("localhost", 9098) == [
        (socket.AF_INET, ("127.0.0.1", 9098), False),
        (socket.AF_INET6, ("::1", 9098), True),
    ]


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("", (socket.AF_INET6, ("::", 1), False)),
        ("0.0.0.0", (socket.AF_INET6, ("::", 1), False)),
        ("10.0.0.1", (socket.AF_INET, ("10.0.0.1", 1), False)),
        ("fd00::1", (socket.AF_INET6, ("fd00::1", 1), False)),
        ("/run/t.sock", (socket.AF_UNIX, "/run/t.sock", False)),
    ],
)
def test_other_hosts_mean_one_place(host, place):
    """Empty means every address, and so does what means every one of IPv4."""
    assert httpd.places(host, 1) == [place]


def test_an_empty_host_serves_ipv4_and_ipv6():
    """On one socket."""
    port = free_ports.take()
    httpd.serve("", port, respond)
    wait_for(port)
    wait_for(port, "::1")


def test_many_clients_at_once_are_all_answered(port):
    """Fewer than the most there may be."""
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(ask(port)[0])) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 30


def test_an_accept_that_fails_is_not_tried_again_at_once(monkeypatch):
    """While no more files may be open, the connection stays at the door, and wakes us again."""
    pauses: list[float] = []
    monkeypatch.setattr(httpd.time, "sleep", pauses.append)
    answer = httpd.NOT_FOUND
    with httpd._Server(("127.0.0.1", 0), socket.AF_INET, lambda _request: answer, None) as server:
        server.socket.settimeout(0.0)  # with nobody at the door
        with pytest.raises(BlockingIOError):
            server.get_request()
    assert pauses == [httpd.ACCEPT_PAUSE_SECONDS]
