"""TLS of the metrics endpoint: the original's four ways to treat a scraper's certificate.

Certificates are read again for a handshake when their files have changed; files that are no good
leave the ones before in use.
"""

import ctypes
import logging
import socket
import ssl
import sys
import threading
from pathlib import Path
from typing import Any, Final

from typha.certs import contexts
from typha.certs.contexts import File
from typha.config.settings import MetricsSettings

REQUIRE_ANY: Final = "RequireAnyClientCert"
MODES: Final = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    REQUIRE_ANY: ssl.CERT_REQUIRED,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
    "": ssl.CERT_REQUIRED,
}
HTTP_BEGINNINGS: Final = (b"GET /", b"HEAD ", b"POST ", b"PUT /", b"OPTIO")
HTTP_REFUSAL: Final = (
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
)
_MINIMUM: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
# A verification callback that agrees with everything; lives as long as OpenSSL may call it.
_CALLBACK: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
_AGREE: Final = _CALLBACK(lambda _verified, _store: 1)

log = logging.getLogger(__name__)


class ScrapeTls:
    """Turns a scraper's connection into a TLS one."""

    def __init__(self, settings: MetricsSettings) -> None:
        """Take the settings; files are read at the first handshake."""
        self._settings = settings
        self._files = [f for f in (settings.cert_file, settings.key_file, settings.ca_file) if f]
        self._seen: object = None
        self._context: ssl.SSLContext | None = None
        self._changing = threading.Lock()
        self.reload_failures = 0

    def wrap(self, plain: socket.socket) -> ssl.SSLSocket | None:
        """Return it as TLS, the handshake still to do; None if it spoke HTTP and was told so.

        Raises OSError where there is no usable certificate.
        """
        if plain.recv(5, socket.MSG_PEEK).startswith(HTTP_BEGINNINGS):
            plain.sendall(HTTP_REFUSAL)
            return None
        return self.context().wrap_socket(plain, server_side=True, do_handshake_on_connect=False)

    def context(self) -> ssl.SSLContext:
        """Return the context of the newest files that are good.  Raises OSError."""
        with self._changing:
            found = _fingerprint(self._files)
            if found != self._seen:
                self._seen = found
                self._refresh()
            if self._context is None:
                self._seen = None  # try again at the next handshake
                raise OSError("there is no certificate that can be used")
            return self._context

    def _refresh(self) -> None:
        try:
            self._context = _make(self._settings)
        except contexts.UnusableError as error:
            self.reload_failures += 1
            log.error("metrics certificates are no good", extra={"error": str(error)})  # noqa: TRY400 the text says all


def _fingerprint(files: list[str]) -> list[tuple[int, int, int] | None]:
    """Return what changes when a file is written to or replaced, also through a link."""
    found: list[tuple[int, int, int] | None] = []
    for file in files:
        try:
            facts = Path(file).stat()
        except OSError:
            found.append(None)
        else:
            found.append((facts.st_mtime_ns, facts.st_ino, facts.st_size))
    return found


def _make(settings: MetricsSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _MINIMUM[settings.policy.min_version]
    context.set_ciphers(settings.policy.openssl_ciphers)
    contexts.show(
        context,
        File("PrometheusMetricsCertFile", settings.cert_file),
        File("PrometheusMetricsKeyFile", settings.key_file),
    )
    context.verify_mode = MODES[settings.client_auth]
    if settings.ca_file:
        contexts.trust(context, File("PrometheusMetricsCAFile", settings.ca_file))
    if settings.client_auth == REQUIRE_ANY:
        _accept_any(context)
    return context


def _accept_any(context: ssl.SSLContext) -> None:
    """Want a certificate, whoever signed it.

    The ssl module has no word for that, OpenSSL has: a verification callback that agrees.  Where
    the two cannot be brought together, certificates are verified, which is the safe side.
    """
    try:
        library: Any = ctypes.CDLL(sys.modules["_ssl"].__file__)
        get_mode, set_mode = library.SSL_CTX_get_verify_mode, library.SSL_CTX_set_verify
    except (AttributeError, KeyError, OSError, TypeError):
        log.warning("RequireAnyClientCert acts as RequireAndVerifyClientCert with this Python")
        return
    get_mode.argtypes = [ctypes.c_void_p]
    set_mode.argtypes = [ctypes.c_void_p, ctypes.c_int, _CALLBACK]
    # The first field of the object is its SSL_CTX*.
    handle = ctypes.c_void_p.from_address(id(context) + object.__basicsize__).value
    set_mode(handle, get_mode(handle), _AGREE)
