"""Who we are to the API server and where it is: the only module that imports `kubernetes`.

Its loaders read kubeconfig files and a pod's own account, run credential plugins and renew tokens.
Nothing else of it is used, so nothing else is imported: its packages import every model of every
API, which costs 20 to 45 MB and half a second; the loaders alone cost 2 to 9.
"""

import importlib
import importlib.machinery
import importlib.util
import os
import sys
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from typha.config.settings import KubernetesSettings

_LOOPBACK: Final = "localhost,127.0.0.0/8,::1"  # Go never asks a proxy for these
_PACKAGES: Final = ("kubernetes", "kubernetes.client", "kubernetes.config")


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
        self._lock = threading.Lock()

    def load(self) -> None:
        """Read everything anew.  Raises AccountError."""
        with self._lock:
            try:
                self._configuration = _configure(self._settings)
            except Exception as error:  # the loaders raise of every kind on malformed files
                text = " ".join(str(error).split()) or type(error).__name__
                raise AccountError(f"{_whence(self._settings)}: {text}") from error

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

    def headers(self) -> dict[str, str]:
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
            return {auth["key"]: auth["value"].strip() for auth in found if auth["value"]}


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


def _configure(settings: KubernetesSettings) -> Any:
    """Find the configuration in the original's order, then apply the overrides."""
    configuration = _module("kubernetes.client.configuration").Configuration()
    if settings.kubeconfig:
        _load_files(configuration, os.pathsep.join(settings.kubeconfig), settings.context)
    elif settings.endpoint:
        pass
    elif settings.home_kubeconfig and Path(settings.home_kubeconfig).is_file():
        _load_files(configuration, settings.home_kubeconfig, settings.context)
    else:
        _module("kubernetes.config.incluster_config").load_incluster_config(configuration)
    _override(configuration, settings)
    return configuration


def _whence(settings: KubernetesSettings) -> str:
    """Name what `_configure` reads."""
    if settings.kubeconfig:
        return f"KUBECONFIG {os.pathsep.join(settings.kubeconfig)}"
    if settings.endpoint:
        return f"K8S_API_ENDPOINT {settings.endpoint}"
    if settings.home_kubeconfig and Path(settings.home_kubeconfig).is_file():
        return settings.home_kubeconfig
    return "the pod's own account, as neither KUBECONFIG nor K8S_API_ENDPOINT is set"


def _load_files(configuration: Any, paths: str, context: str) -> None:
    loaders = _module("kubernetes.config.kube_config")
    loaders.load_kube_config(
        config_file=paths,
        context=context or None,
        client_configuration=configuration,
        persist_config=False,
    )


def _override(configuration: Any, settings: KubernetesSettings) -> None:
    if settings.endpoint:
        configuration.host = _url(settings)
    configuration.ssl_ca_cert = settings.ca_file or configuration.ssl_ca_cert
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
    if "://" in settings.endpoint:
        return settings.endpoint
    is_secure = settings.ca_file or settings.cert_file or settings.insecure_skip_tls_verify
    return f"{'https' if is_secure else 'http'}://{settings.endpoint}"


def _module(name: str) -> ModuleType:
    """Import one module of the library without what its packages import."""
    if name not in sys.modules:
        _lay_bare_packages()
    return importlib.import_module(name)


def _lay_bare_packages() -> None:
    """Put packages in place that have their modules but have not run their own code.

    What has been imported in the usual way is left as it is.
    """
    if "kubernetes" in sys.modules:
        return
    spec = importlib.util.find_spec("kubernetes")
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError("the package kubernetes is not installed")
    roots = [Path(root) for root in spec.submodule_search_locations]
    for name in _PACKAGES:
        inner = Path(*name.split(".")[1:])
        bare = importlib.machinery.ModuleSpec(name, None, is_package=True)
        bare.submodule_search_locations = [str(root / inner) for root in roots]
        sys.modules[name] = importlib.util.module_from_spec(bare)
    client = sys.modules["kubernetes.client"]
    client.__getattr__ = _client_member  # type: ignore[method-assign]  # PEP 562


def _client_member(name: str) -> Any:
    """Give what the loaders take from `kubernetes.client`, importing what is rare when called."""
    if name == "Configuration":
        return _module("kubernetes.client.configuration").Configuration
    if name == "ApiClient":  # only to renew OIDC tokens

        def late(*args: Any, **options: Any) -> Any:
            return importlib.import_module("kubernetes.client.api_client").ApiClient(
                *args, **options
            )

        return late
    raise AttributeError(name)
