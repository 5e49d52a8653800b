"""Files, and versions of TLS, against a small TLS server on this machine."""

import socket
import ssl
import threading
from contextlib import contextmanager

import pytest

from typha.certs import making
from typha.config.ciphers import TlsPolicy
from typha.config.settings import EtcdSettings
from typha.datastore.etcd import tls
from typha.datastore.etcd.client import Connection
from typha.datastore.etcd.endpoints import Endpoint
from typha.datastore.etcd.errors import UnreachableError

NOWHERE = Endpoint("localhost", 1, tls=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Make an authority, a server's certificate and a client's."""
    folder = tmp_path_factory.mktemp("certificates")
    server = making.Subject(stem="etcd", common_name="localhost", server=True)
    client = making.Subject(stem="client", common_name="typha")
    making.make(making.Plan(subjects=(server, client), days=1, use_rsa=False), folder)
    return folder


def settings(certificates, version="1.3", **changed):
    """Return settings that name the files."""
    named = {
        "ca_file": str(certificates / "typhaca.crt"),
        "cert_file": str(certificates / "client.crt"),
        "key_file": str(certificates / "client.key"),
    }
    return EtcdSettings(policy=TlsPolicy(min_version=version), **(named | changed))


@contextmanager
def serving(certificates, newest):
    """Serve one handshake with nothing newer than a version of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "etcd.crt", certificates / "etcd.key")
    context.maximum_version = newest
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def shake_hands():
            plain, _ = listening.accept()
            try:
                context.wrap_socket(plain, server_side=True).close()
            except (ssl.SSLError, OSError):
                plain.close()

        thread = threading.Thread(target=shake_hands)
        thread.start()
        yield Endpoint("localhost", listening.getsockname()[1], tls=True)
        thread.join()


def test_a_server_of_today_is_accepted(certificates):
    """Whatever the version that is asked for."""
    with serving(certificates, ssl.TLSVersion.TLSv1_3) as endpoint:
        assert all(tls.prepare(endpoint, settings(certificates)))


def test_an_older_server_is_refused_where_only_the_newest_will_do(certificates):
    """By itself grpc would speak 1.2 with it."""
    with (
        serving(certificates, ssl.TLSVersion.TLSv1_2) as endpoint,
        pytest.raises(ssl.SSLError),
    ):
        tls.prepare(endpoint, settings(certificates))


def test_where_older_versions_will_do_nobody_is_asked(certificates):
    """There is not even a server here."""
    assert all(tls.prepare(NOWHERE, settings(certificates, version="1.2")))


def test_files_are_read_anew(certificates, tmp_path):
    """They may have been renewed since the last connection."""
    authority = tmp_path / "ca.crt"
    old = (certificates / "typhaca.crt").read_bytes()
    authority.write_bytes(old)
    named = EtcdSettings(ca_file=str(authority))
    assert tls.prepare(NOWHERE, named) == tls.Files(old, None, None)
    authority.write_bytes(old + b"\n")
    assert tls.prepare(NOWHERE, named).authorities == old + b"\n"


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"key_file": "etcd.key"}, r"client\.crt' and its key '.*etcd\.key' cannot be used: key"),
        ({"ca_file": "etcd.key"}, r"etcd's CA file '.*etcd\.key' cannot be used"),
    ],
)
def test_a_file_that_is_no_good_is_named(certificates, changed, text):
    """To grpc all of them are one security handshaker."""
    named = {setting: str(certificates / name) for setting, name in changed.items()}
    with pytest.raises(OSError, match=text):
        tls.prepare(NOWHERE, settings(certificates, **named))


def test_a_file_that_is_missing_is_named(tmp_path):
    """By the error that the connection then ends with."""
    with pytest.raises(OSError, match=r"gone\.key"):
        tls.prepare(NOWHERE, EtcdSettings(key_file=str(tmp_path / "gone.key")))


def test_what_cannot_be_a_hosts_name_is_nobody_we_reach(certificates):
    """Python raises UnicodeError for it."""
    with pytest.raises(UnreachableError, match="label"):
        Connection(Endpoint("a..b", 1, tls=True), settings(certificates))


def test_without_an_authority_the_systems_count(monkeypatch):
    """As in Go: SSL_CERT_FILE, else where distributions keep them."""
    monkeypatch.setenv("SSL_CERT_FILE", "/some/bundle.crt")
    assert tls.system_authorities() == "/some/bundle.crt"
    monkeypatch.delenv("SSL_CERT_FILE")
    assert tls.system_authorities() in {"", *tls.SYSTEM_AUTHORITIES}
