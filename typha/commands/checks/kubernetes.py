"""The API server: whether it answers, and for each resource whether it exists and may be read."""

import contextlib
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from typha.config import findings
from typha.config.findings import Finding
from typha.config.settings import KubernetesSettings
from typha.datastore import answers
from typha.datastore.k8s import access, discovery, kinds
from typha.datastore.k8s.access import Fetch, Json
from typha.datastore.k8s.client import Client, RequestError, Times
from typha.datastore.k8s.kinds import Kind

_TIMES: Final = Times(read=10.0, patience=0.0)
_NEEDED: Final = ("list", "watch")
# What the server writes at its start where it may, and leaves to others where it may not.
_WRITTEN: Final = {"clusterinformations": ("get", "create", "update"), "tiers": ("create",)}


def find(settings: KubernetesSettings) -> Iterator[Finding]:
    """Look at the API server that the settings lead to."""
    with contextlib.closing(Client(settings)) as client:

        def fetch(path: str, *, method: str = "GET", body: Json | None = None) -> Json:
            return client.fetch(path, method=method, body=body, times=_TIMES)

        yield from find_with(fetch, discovery.chosen(settings.api_group))


def find_with(fetch: Fetch, api_group: str | None) -> Iterator[Finding]:
    """Look at an API server through a function; the group of Calico's own, None to find out."""
    try:
        groups = fetch("/apis")
    except RequestError as error:
        if api_group is None or error.failure.status != HTTPStatus.FORBIDDEN:
            status = error.failure.status
            what = "no answer" if status == answers.NO_ANSWER else "no list of API groups"
            yield findings.error("API server", f"{what}: {error}", _hint(status))
            return
        groups = {}  # the group that is configured is not looked for
    chosen = api_group or discovery.decide(groups)
    yield findings.ok("API server", f"answers; Calico's own resources are in {chosen}")
    served = _Served(fetch)
    for kind in kinds.KINDS:
        yield _kind(fetch, served, kind, kind.version_in(chosen))
    for plural, verbs in _WRITTEN.items():
        yield from _writes(fetch, chosen, plural, verbs)


def _hint(status: int) -> str:
    """Say where to look when the API server does not tell its groups."""
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return "it does not accept our token or certificate: has it expired?"
        case HTTPStatus.FORBIDDEN:
            return "bind system:discovery to the account, or set CALICO_API_GROUP"
        case answers.NO_ANSWER:
            return "KUBECONFIG or the pod's service account say where it is"
        case _:
            return "is it an API server that KUBECONFIG or the pod's service account lead to?"


class _Served:
    """Which resources the API server has, asked for once a group."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._known: dict[str, set[str]] = {}

    def has(self, version: str, plural: str) -> bool:
        """Say whether a resource is served; raise RequestError if that cannot be told."""
        if version not in self._known:
            self._known[version] = self._ask(version)
        return plural in self._known[version]

    def _ask(self, version: str) -> set[str]:
        try:
            answer = self._fetch(f"/{'apis' if '/' in version else 'api'}/{version}")
        except RequestError as error:
            if error.failure.status == HTTPStatus.NOT_FOUND:
                return set()
            raise
        return {each.get("name", "") for each in answer.get("resources", [])}


def _kind(fetch: Fetch, served: _Served, kind: Kind, version: str) -> Finding:
    """Look at one resource that is watched."""
    try:
        is_served = served.has(version, kind.plural)
        denied = [verb for verb in _NEEDED if not access.may(fetch, version, kind.plural, verb)]
    except RequestError as error:
        return findings.error(kind.name, f"cannot tell: {error}")
    group = version.rpartition("/")[0] or "core"
    rule = f"apiGroups: [{version.rpartition('/')[0]!r}], resources: [{kind.plural!r}]"
    if denied:
        message = f"the role lacks {' and '.join(denied)}"
        hint = f"add to the ClusterRole: {rule}, verbs: {[*_NEEDED]}"
        tell = findings.warning if kind.optional else findings.error
        return tell(kind.name, message, hint)
    if is_served:
        return findings.ok(kind.name, "may be listed and watched")
    if kind.optional:
        return findings.ok(kind.name, "is not served here, which counts as none")
    return findings.warning(kind.name, f"is not served here (group {group}): none until it is")


def _writes(fetch: Fetch, version: str, plural: str, verbs: tuple[str, ...]) -> Iterator[Finding]:
    try:
        denied = [verb for verb in verbs if not access.may(fetch, version, plural, verb)]
    except RequestError as error:
        yield findings.error(plural, f"cannot tell: {error}")
        return
    if denied:
        message = f"the role lacks {' and '.join(denied)}: what is missing at start stays missing"
        yield findings.warning(plural, message)
