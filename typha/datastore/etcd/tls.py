"""What TLS with etcd needs besides grpc: the files, and the version that grpc cannot be told."""

import os
import socket
import ssl
from pathlib import Path
from typing import Final, NamedTuple

from typha.certs import contexts
from typha.certs.contexts import File
from typha.config.settings import EtcdSettings
from typha.datastore.etcd.endpoints import Endpoint

HANDSHAKE_SECONDS: Final = 10.0

# Where Go looks for the system's authorities on Linux, in its order.
SYSTEM_AUTHORITIES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class Files(NamedTuple):
    """The contents of the PEM files; None where there is none."""

    authorities: bytes | None
    key: bytes | None
    certificate: bytes | None


def prepare(endpoint: Endpoint, settings: EtcdSettings) -> Files:
    """Read the files anew, since they may have been renewed, and look at the server if need be.

    Raises OSError, ssl.SSLError among them; what is wrong with a file names it.
    """
    context = _context(settings)  # grpc would only say that something is wrong with one of them
    files = Files(
        authorities=_contents(settings.ca_file or system_authorities()),
        key=_contents(settings.key_file),
        certificate=_contents(settings.cert_file),
    )
    if settings.policy.min_version == "1.3":
        _refuse_older_versions(endpoint, context)
    return files


def system_authorities() -> str:
    """Return the file of the system's authorities, SSL_CERT_FILE first; empty if there is none."""
    asked = os.environ.get("SSL_CERT_FILE")
    found = (path for path in SYSTEM_AUTHORITIES if Path(path).exists())
    return asked or next(found, "")


def _refuse_older_versions(endpoint: Endpoint, context: ssl.SSLContext) -> None:
    """Make sure that TLS 1.3 is spoken.

    grpc for Python always offers 1.2 as well, but both sides agree on the newest they know, and
    TLS 1.3 guards that agreement: a server that manages one handshake of 1.3 manages the next.
    """
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    address = (endpoint.host, endpoint.port)
    with (
        socket.create_connection(address, timeout=HANDSHAKE_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=endpoint.host),
    ):
        return


def _context(settings: EtcdSettings) -> ssl.SSLContext:
    """Make a context of the files.  Raises contexts.UnusableError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authorities := settings.ca_file or system_authorities():
        contexts.trust(context, File("etcd's CA file", authorities))
    if settings.cert_file:
        key = File("its key", settings.key_file or settings.cert_file)
        contexts.show(context, File("our certificate for etcd", settings.cert_file), key)
    return context


def _contents(path: str) -> bytes | None:
    return Path(path).read_bytes() if path else None
