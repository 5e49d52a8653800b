"""What a kubeconfig's cluster and user come to: files that can be opened, a token that counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from typha.config.settings import KubernetesSettings
from typha.datastore.k8s import plugins
from typha.datastore.k8s.held import Held
from typha.datastore.k8s.kubeconfig import Chosen, Entry, Fields, KubeconfigError

_PROXIES: Final = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class Shown:
    """The fields that are left, and until when they hold (seconds since the epoch)."""

    cluster: Fields
    user: Fields
    expires: float | None


def shown(chosen: Chosen, held: Held, settings: KubernetesSettings) -> Shown:
    """Resolve all that is not a plain value, and that the settings do not override.

    Raises KubeconfigError.
    """
    cluster = _files(chosen.cluster, held, {"certificate-authority": settings.ca_file})
    own = {"client-certificate": settings.cert_file, "client-key": settings.key_file}
    user = _files(chosen.user, held, own)
    cluster["server"] = _server(chosen.cluster, cluster, user, settings)
    certificate = settings.cert_file or user.get("client-certificate")
    expires = None
    if token := settings.token or _token(chosen.user):
        user["token"] = token
    elif user.pop("exec", None) and not certificate and not user.get("username"):
        given = plugins.run(chosen)
        expires = given.expires
        if given.token:
            user["token"] = given.token
        if given.key:
            user["client-certificate"] = held.path(given.certificate)
            user["client-key"] = held.path(given.key)
    return Shown(cluster, user, expires)


def _files(entry: Entry, held: Held, overrides: Mapping[str, str]) -> Fields:
    """Put paths in place of contents; a content goes before a path, an override before both."""
    fields = dict(entry.fields)
    for name, override in overrides.items():
        path = entry.text(name)
        if override:
            fields.pop(name, None)  # it is the settings' to say
        elif content := entry.pem(name):
            fields[name] = held.path(content)
        elif path and not Path(path).is_file():
            raise KubeconfigError(f"{entry.file}: {name} of {entry.name!r} is no file: {path}")
        elif not path:
            fields.pop(name, None)
        fields.pop(f"{name}-data", None)
    return fields


def _server(entry: Entry, cluster: Fields, user: Fields, settings: KubernetesSettings) -> str:
    """Return the API server's URL."""
    proxy = entry.text("proxy-url")
    if proxy and not proxy.startswith(_PROXIES):
        expected = " or ".join(f"{each}…" for each in _PROXIES)
        raise KubeconfigError(
            f"{entry.file}: proxy-url of {entry.name!r} is {proxy!r}; expected {expected}"
        )
    server = settings.endpoint or entry.text("server")
    if not server:
        raise KubeconfigError(f"{entry.file}: the cluster {entry.name!r} has no server")
    secure = ("certificate-authority", "insecure-skip-tls-verify")
    is_secure = any(cluster.get(name) for name in secure) or user.get("client-certificate")
    is_secure = is_secure or settings.ca_file or settings.cert_file
    return with_scheme(server, is_secure=bool(is_secure))


def with_scheme(server: str, *, is_secure: bool) -> str:
    """Complete a URL as the Go client does."""
    return server if "://" in server else f"{'https' if is_secure else 'http'}://{server}"


def _token(user: Entry) -> str:
    """Return the token of the file, else the one that stands here, else nothing."""
    token, path = user.text("token"), user.text("tokenFile")
    if not path:
        return token
    try:
        read = Path(path).read_text().strip()
    except (OSError, ValueError) as error:
        if token:
            return token
        text = (isinstance(error, OSError) and error.strerror) or "it is no text"
        raise KubeconfigError(
            f"{user.file}: tokenFile of {user.name!r}, {path}, cannot be read: {text}"
        ) from error
    if not read and not token:
        raise KubeconfigError(f"{user.file}: tokenFile of {user.name!r}, {path}, is empty")
    return read or token
