"""Requests are thin: credentials before each, nothing repeated, every failure said as a value.

One module, for all of it is one request's way, and changes with `client`.
"""

import socket
import ssl
import threading
import time

import pytest

from tests.fake_api import FakeApi, Trouble
from tests.pki import Authority
from tests.typha.datastore.k8s.conftest import PATHS
from typha.config.settings import KubernetesSettings
from typha.datastore.answers import BROKEN_OFF, NO_ANSWER
from typha.datastore.k8s import client as subject
from typha.datastore.k8s.account import AccountError
from typha.datastore.k8s.client import Client, ClosedError, RequestError, SilenceError, Times

NODES = PATHS["nodes"]
HASTE = Times(read=5.0, patience=0.0)


def client_of(api: FakeApi, **settings) -> Client:
    """Make a client of a server."""
    return Client(KubernetesSettings(endpoint=api.url, **settings))


def failure_of(client: Client, path: str = NODES, times: Times = HASTE):
    """Ask, and give why that failed."""
    with pytest.raises(RequestError) as caught:
        client.fetch(path, times=times)
    return caught.value.failure


def test_an_object_is_fetched(api):
    """With a query."""
    assert client_of(api).fetch(NODES, {"limit": "1"})["items"][0]["metadata"]["name"] == "n1"
    assert api.requests[0].query == {"limit": "1"}


def test_each_reason_for_no_answer_is_told_once(api, caplog):
    """Also one that comes later; and again after an answer."""
    client = client_of(api)
    client.fetch(NODES)
    for error in ("one", "one", "two", "one"):
        client._failed(time.monotonic(), OSError(error))
    client.fetch(NODES)
    client._failed(time.monotonic(), AccountError("one"))
    told = [(one.message.split()[0], getattr(one, "error", "")) for one in caplog.records]
    assert told == [("the", "one"), ("the", "two"), ("our", "one")]


def test_each_group_is_a_header_of_its_own(api, tmp_path):
    """The API server would take two in one for the name of one."""
    (tmp_path / "config").write_text(
        "{current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],"
        f"clusters: [{{name: a, cluster: {{server: '{api.url}'}}}}],"
        "users: [{name: a, user: {as: b, as-groups: [c, d]}}]}"
    )
    Client(KubernetesSettings(kubeconfig=(str(tmp_path / "config"),))).fetch(NODES)
    sent = api.requests[0].headers
    assert (sent["Impersonate-User"], sent["Impersonate-Group"]) == ("b", "c\nd")
    assert sent["Accept"] == "application/json"


def test_connections_are_used_again(api):
    """After a body that was read to its end, and not after one that was not."""
    client = client_of(api)
    for _ in range(3):
        client.fetch(NODES)
    query = {"watch": "true", "resourceVersion": "0", "timeoutSeconds": "60"}
    with client.get(NODES, query) as answer:
        next(iter(answer.pieces()))
    assert client.fetch(NODES)["items"]


@pytest.mark.parametrize("status", [302, 400, 403, 404, 409, 410, 429, 500, 503, 504])
def test_a_refusal_carries_what_the_server_says(api, status):
    """Status, message, and how long to wait; it is not asked again and no redirection followed."""
    headers = {"Retry-After": "7", "Location": f"{api.url}/elsewhere"}
    api.trouble[NODES] = Trouble(status=status, headers=headers)
    failure = failure_of(client_of(api))
    assert (failure.status, failure.message) == (status, f"told to say {status}")
    assert failure.retry_after == 7
    assert len(api.requests) == 1


def test_a_refusal_in_plain_text_is_one_all_the_same(api):
    """As of an API that is unknown."""
    failure = failure_of(client_of(api), "/apis/no.such/v1/things")
    assert (failure.status, failure.message) == (404, "HTTP 404")


@pytest.mark.parametrize("text", ["soon", "-1", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_strange_retry_after_is_none(api, text):
    """The server counts in seconds."""
    api.trouble[NODES] = Trouble(status=429, headers={"Retry-After": text})
    assert failure_of(client_of(api)).retry_after == 0


def test_nobody_there_is_no_answer():
    """The text says where, and why in the kernel's words."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    client = Client(KubernetesSettings(endpoint=url))
    failure = failure_of(client)
    assert failure.status == NO_ANSWER
    assert failure.message == f"{url}: [Errno 111] Connection refused"
    assert client.is_away
    assert "refused" in failure_of(client).message  # without having tried, for it is not time yet


def test_no_configuration_is_no_answer(monkeypatch):
    """And waited for like everything else."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    failure = failure_of(Client(KubernetesSettings()))
    assert failure.status == NO_ANSWER
    where, _, why = failure.message.partition(": ")
    assert "neither KUBECONFIG nor K8S_API_ENDPOINT is set" in where
    assert why == "Service host/port is not set."


def test_an_authority_that_is_not_there_is_named(tmp_path):
    """Rather than the server it would be for, which was not asked."""
    missing = str(tmp_path / "missing.crt")
    client = Client(KubernetesSettings(endpoint="https://127.0.0.1:1", ca_file=missing))
    said = f"the API server's CA file {missing!r} cannot be read: No such file or directory"
    assert failure_of(client).message == said


def test_silence_is_told_from_absence(api):
    """Somebody took the request."""
    api.trouble[NODES] = Trouble(hang=True)
    client = client_of(api)
    with pytest.raises(SilenceError) as caught:
        client.fetch(NODES, times=Times(read=0.1))
    assert caught.value.failure.status == BROKEN_OFF
    assert not client.is_away
    api.drop_watches()


def test_a_server_that_does_not_shake_hands_is_away(monkeypatch, tmp_path):
    """As one that is stopped: its kernel still accepts."""
    monkeypatch.setattr(subject, "CONNECT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}"
        client = Client(KubernetesSettings(endpoint=url, ca_file=str(Authority(tmp_path).file)))
        assert failure_of(client).status == NO_ANSWER
        assert client.is_away


@pytest.mark.parametrize("trouble", [Trouble(cut_after=5), Trouble(cut_after=0)])
def test_a_body_that_breaks_off_is_said(api, trouble):
    """It was an answer."""
    api.trouble[NODES] = trouble
    client = client_of(api)
    assert failure_of(client).status == BROKEN_OFF
    assert not client.is_away


def test_a_body_that_is_not_json_is_said(api):
    """As of a proxy's page."""
    api.trouble[NODES] = Trouble(status=200, body=b"<html>")
    assert "not JSON" in failure_of(client_of(api)).message


def test_closing_ends_what_waits(api):
    """An answer that does not come, a turn that does not come, and all that is asked later."""
    api.trouble[NODES] = Trouble(hang=True)
    client, endings = client_of(api), []

    def ask() -> None:
        try:
            client.fetch(NODES)
        except (ClosedError, RequestError) as error:
            endings.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    api.wait_for_request(NODES, watch=False)
    client.close()
    asking.join(60)
    assert len(endings) == 1
    with pytest.raises(ClosedError):
        client.fetch(NODES)
    api.drop_watches()


def test_a_rate_that_is_configured_is_kept(api):
    """K8S_CLIENT_QPS and K8S_CLIENT_BURST."""
    client = client_of(api, qps=20.0, burst=1)
    began = time.monotonic()
    for _ in range(4):
        client.fetch(NODES)
    assert time.monotonic() - began >= 3 / 20


# ---- credentials


def test_a_refused_token_is_read_again(api, tmp_path, monkeypatch):
    """The next request carries the new one."""
    monkeypatch.setattr(subject, "LEAST_RELOAD_SECONDS", 0.0)
    (tmp_path / "token").write_text("old\n")
    (tmp_path / "config").write_text(
        "{kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],"
        f"clusters: [{{name: a, cluster: {{server: '{api.url}'}}}}],"
        "users: [{name: a, user: {tokenFile: token}}]}"
    )
    api.tokens = {"old"}
    client = Client(KubernetesSettings(kubeconfig=(str(tmp_path / "config"),)))
    assert client.fetch(NODES)
    api.tokens = {"new"}
    assert failure_of(client).status == 401
    (tmp_path / "token").write_text("new\n")
    assert client.fetch(NODES)


def test_an_authority_without_key_identifiers_is_trusted(tmp_path):
    """As the Go client trusts it; newer Pythons' default does not."""
    authority = Authority(tmp_path)
    with FakeApi(tls=authority.server()) as api:
        api.serve(NODES)
        assert client_of(api, ca_file=str(authority.file)).fetch(NODES)


def test_a_foreign_authority_is_refused_unless_told_otherwise(tmp_path):
    """The text says what is wrong with the certificate."""
    (tmp_path / "other").mkdir()
    with FakeApi(tls=Authority(tmp_path).server()) as api:
        api.serve(NODES)
        foreign = str(Authority(tmp_path / "other").file)
        failure = failure_of(client_of(api, ca_file=foreign))
        assert failure.status == NO_ANSWER
        assert "certificate is refused" in failure.message
        assert client_of(api, ca_file=foreign, insecure_skip_tls_verify=True).fetch(NODES)


def test_a_certificate_for_another_name_is_refused(tmp_path):
    """Unless the kubeconfig gives that name."""
    authority = Authority(tmp_path)
    with FakeApi(tls=authority.server(address="", host="kubernetes")) as api:
        api.serve(NODES)
        failure = failure_of(client_of(api, ca_file=str(authority.file)))
        assert "certificate is refused" in failure.message
        (tmp_path / "config").write_text(
            "{kind: Config, current-context: a,"
            "contexts: [{name: a, context: {cluster: a, user: a}}], users: [{name: a, user: {}}],"
            f"clusters: [{{name: a, cluster: {{server: '{api.url}',"
            f"certificate-authority: '{authority.file}', tls-server-name: kubernetes}}}}]}}"
        )
        client = Client(KubernetesSettings(kubeconfig=(str(tmp_path / "config"),)))
        assert client.fetch(NODES)


def test_a_replaced_client_certificate_is_used_for_the_next_request(tmp_path):
    """Connections that are open keep the old one, so they are not used again."""
    authority = Authority(tmp_path)
    mine = authority.sign("client")
    context, serials = authority.server(), []
    original = ssl.SSLContext.wrap_socket

    class Noting(ssl.SSLContext):
        def wrap_socket(self, *args, **options):
            wrapped = original(context, *args, **options)
            serials.append(int((wrapped.getpeercert() or {})["serialNumber"], 16))
            return wrapped

    with FakeApi(tls=Noting(ssl.PROTOCOL_TLS_SERVER)) as api:
        api.serve(NODES)
        client = client_of(
            api,
            ca_file=str(authority.file),
            cert_file=str(mine.cert_file),
            key_file=str(mine.key_file),
        )
        client.fetch(NODES)
        client.fetch(NODES)
        renewed = authority.sign("client")
        client.fetch(NODES)
        assert serials == [mine.serial, renewed.serial]
        mine.cert_file.write_text("half-written")
        assert failure_of(client).status == NO_ANSWER


@pytest.mark.parametrize("chunk", [b"zz\r\n", b"-5\r\nabc\r\n", b"5\r\nab", b"\xff\r\n"])
def test_chunks_that_are_none_break_the_answer_off(chunk):
    """Whatever the library makes of them, a negative size among it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk
                )

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        failure = failure_of(Client(KubernetesSettings(endpoint=url)))
        thread.join()
    assert failure.status == BROKEN_OFF
