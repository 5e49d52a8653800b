"""What a kubeconfig's cluster and user come to: files that can be opened, a token that counts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

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


def shown(chosen: Chosen, held: Held, endpoint: str) -> Shown:
    """Resolve all that is not a plain value; an endpoint stands for the cluster's server.

    Raises KubeconfigError.
    """
    cluster = _files(chosen.cluster, held, "certificate-authority")
    user = _files(chosen.user, held, "client-certificate", "client-key")
    cluster["server"] = _server(chosen.cluster, cluster, user, endpoint)
    expires = None
    if token := _token(chosen.user):
        user["token"] = token
    elif (
        user.pop("exec", None) and not user.get("client-certificate") and not user.get("username")
    ):
        given = plugins.run(chosen)
        expires = given.expires
        if given.token:
            user["token"] = given.token
        if given.key:
            user["client-certificate"] = held.path(given.certificate)
            user["client-key"] = held.path(given.key)
    return Shown(cluster, user, expires)


def _files(entry: Entry, held: Held, *names: str) -> Fields:
    """Put paths in place of contents; a content goes before a path."""
    fields = dict(entry.fields)
    for name in names:
        path = entry.text(name)
        if content := entry.pem(name):
            fields[name] = held.path(content)
        elif path and not Path(path).is_file():
            raise KubeconfigError(f"{entry.file}: {name} of {entry.name!r} is no file: {path}")
        elif not path:
            fields.pop(name, None)
        fields.pop(f"{name}-data", None)
    return fields


def _server(entry: Entry, cluster: Fields, user: Fields, endpoint: str) -> str:
    """Return the API server's URL."""
    proxy = entry.text("proxy-url")
    if proxy and not proxy.startswith(_PROXIES):
        expected = " or ".join(f"{each}…" for each in _PROXIES)
        raise KubeconfigError(
            f"{entry.file}: proxy-url of {entry.name!r} is {proxy!r}; expected {expected}"
        )
    server = endpoint or entry.text("server")
    if not server:
        raise KubeconfigError(f"{entry.file}: the cluster {entry.name!r} has no server")
    secure = ("certificate-authority", "insecure-skip-tls-verify")
    is_secure = any(cluster.get(name) for name in secure) or user.get("client-certificate")
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
