"""Who we are to the API server and where it is.

A kubeconfig is read as the Go client reads it; a pod's own account, and tokens that an OIDC
provider renews, are left to the library.
"""

import os
import threading
import time
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from urllib3 import HTTPHeaderDict

from typha.config.settings import KubernetesSettings
from typha.datastore import places
from typha.datastore.k8s import kubeconfig, library, users
from typha.datastore.k8s.held import Held

_LOOPBACK: Final = "localhost,127.0.0.0/8,::1"  # Go never asks a proxy for these


class AccountError(Exception):
    """There is no usable configuration for the API server; the text says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where the API server is and how to trust it; compares unequal once a file was replaced."""

    url: str
    ca_file: str | None
    cert_file: str | None
    key_file: str | None
    verify: bool
    server_name: str | None
    proxy: str | None
    no_proxy: str
    versions: tuple[tuple[int, int] | None, ...]  # of the three files


class Account:
    """The configuration as last loaded; safe to use from many threads."""

    def __init__(self, settings: KubernetesSettings) -> None:
        """Note where to look; nothing is read yet."""
        self._settings = settings
        self._configuration: Any = None
        self._impersonation: list[tuple[str, str]] = []
        self._expires: float | None = None
        self._held = Held()
        self._lock = threading.Lock()

    def load(self) -> None:
        """Read everything anew.  Raises AccountError."""
        with self._lock:
            try:
                self._configure()
            except Exception as error:  # the loaders raise of every kind on malformed files
                text = " ".join(str(error).split()) or type(error).__name__
                whence = _whence(self._settings)
                if len(files := places.kubeconfigs(self._settings)) == 1:
                    text = text.removeprefix(f"{files[0]}: ")
                raise AccountError(f"{whence}: {text}") from error
            self._held.drop_others()

    def _configure(self) -> None:
        """Find the configuration in the original's order, then apply the overrides."""
        settings, configuration = self._settings, library.configuration()
        self._impersonation, self._expires = [], None
        if paths := places.kubeconfigs(settings):
            chosen = kubeconfig.choose(paths, settings.context)
            shown = users.shown(chosen, self._held, settings)
            library.load_into(configuration, shown.cluster, shown.user)
            if chosen.user.fields.get("auth-provider") and not configuration.api_key:
                raise AccountError(f"the user {chosen.user.name!r} has no id-token that is a JWT")
            self._impersonation = kubeconfig.impersonation(chosen.user)
            self._expires = shown.expires
        elif not settings.endpoint:
            library.load_pod_account_into(configuration)
        _override(configuration, settings)
        self._configuration = configuration

    def is_due(self) -> bool:
        """Say whether what a plugin gave has to be asked for again, by loading anew."""
        with self._lock:
            return self._expires is not None and time.time() >= self._expires

    def endpoint(self) -> Endpoint:
        """Say where the API server is now."""
        with self._lock:
            found = self._configuration
            files = (found.ssl_ca_cert, found.cert_file, found.key_file)
            return Endpoint(
                url=found.host.rstrip("/"),
                ca_file=files[0] or None,
                cert_file=files[1] or None,
                key_file=files[2] or None,
                verify=bool(found.verify_ssl),
                server_name=getattr(found, "tls_server_name", None) or None,
                proxy=found.proxy or None,
                no_proxy=_passed_by(found),
                versions=tuple(_version(path) for path in files),
            )

    def headers(self) -> HTTPHeaderDict:
        """Give what every request must carry; this renews tokens that are due.

        Raises AccountError if that fails.
        """
        with self._lock:
            try:
                found = self._configuration.auth_settings().values()
                # That has put all that the kubeconfig says in place again.
                _override(self._configuration, self._settings)
            except Exception as error:  # as above; here a token file may be gone
                raise AccountError(str(error) or type(error).__name__) from error
            # A token file may end in a newline, which no header may hold.
            held = [(auth["key"], auth["value"].strip()) for auth in found if auth["value"]]
            return _sendable((*held, *self._impersonation))


def _sendable(headers: Iterable[tuple[str, str]]) -> HTTPHeaderDict:
    """Refuse what would be refused later, with the value in the error: it may be a secret."""
    kept = HTTPHeaderDict()
    for name, value in headers:
        if not (value.isascii() and value.isprintable()):
            what = "the token" if name.lower() == "authorization" else name
            raise AccountError(f"{what} holds something else than printable ASCII on one line")
        kept.add(name, value)
    return kept


def _passed_by(configuration: Any) -> str:
    """List whom no proxy is used for: only one of the environment may be passed by, as in Go."""
    if configuration.proxy not in urllib.request.getproxies().values():
        return ""
    return ",".join(filter(None, (configuration.no_proxy, _LOOPBACK)))


def _version(path: str | None) -> tuple[int, int] | None:
    try:
        found = Path(path).stat() if path else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ino) if found else None


def _whence(settings: KubernetesSettings) -> str:
    """Name what is read."""
    if settings.kubeconfig:
        return f"KUBECONFIG {os.pathsep.join(settings.kubeconfig)}"
    if settings.endpoint:
        return f"K8S_API_ENDPOINT {settings.endpoint}"
    if files := places.kubeconfigs(settings):
        return files[0]
    return "the pod's own account, as neither KUBECONFIG nor K8S_API_ENDPOINT is set"


def _override(configuration: Any, settings: KubernetesSettings) -> None:
    if settings.endpoint:
        configuration.host = _url(settings)
        configuration.tls_server_name = None  # it was for the other
    if settings.ca_file:
        configuration.ssl_ca_cert, configuration.verify_ssl = settings.ca_file, True
    configuration.cert_file = settings.cert_file or configuration.cert_file
    configuration.key_file = settings.key_file or configuration.key_file
    if settings.insecure_skip_tls_verify:
        configuration.verify_ssl = False
    if settings.token:
        configuration.refresh_api_key_hook = None
        for name in ("BearerToken", "authorization"):  # by release of the library
            configuration.api_key[name] = f"Bearer {settings.token.strip()}"


def _url(settings: KubernetesSettings) -> str:
    """Complete an endpoint without a scheme as the Go client does."""
    is_secure = settings.ca_file or settings.cert_file or settings.insecure_skip_tls_verify
    return users.with_scheme(settings.endpoint, is_secure=bool(is_secure))
