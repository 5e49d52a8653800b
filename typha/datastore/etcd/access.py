"""What `typha check` asks etcd: is each member there, may we read, is the cluster whole."""

import socket
from collections.abc import Iterator
from typing import Final

from typha.config import findings
from typha.config.findings import Finding
from typha.config.settings import EtcdSettings
from typha.datastore.etcd import codec, discovery, endpoints, init, kinds
from typha.datastore.etcd.client import Connection
from typha.datastore.etcd.endpoints import Endpoint, EndpointError
from typha.datastore.etcd.errors import DeniedError, EtcdError
from typha.datastore.etcd.protobuf import ProtobufError

CONNECT_SECONDS: Final = 4.0

_OLDEST_VERSION: Final = (3, 4)  # that knows watch fragments and progress requests


def find(settings: EtcdSettings) -> Iterator[Finding]:
    """Ask each member what the server would ask, changing nothing.

    Member by member, since the server may use any of them; what all of them would say alike is
    asked of the first that answers.
    """
    if bool(settings.key_file) != bool(settings.cert_file):
        yield findings.error(
            "etcd", "the client's key and certificate are only one of them set", "set both"
        )
    try:
        members = _members(settings)
    except (EndpointError, discovery.DiscoveryError) as error:
        yield findings.error("etcd", str(error))
        return
    has_answered = False
    clusters: dict[int, Endpoint] = {}
    for member in members:
        problem = _unreachable(member)
        if problem is not None:
            yield findings.error("etcd", f"{member.url} cannot be reached: {problem}")
            continue
        try:
            with Connection(member, settings) as connection:
                status = connection.status()
                yield from _of_member(member, status)
                clusters.setdefault(status.header.cluster_id, member)
                if not has_answered:
                    yield from _of_keys(connection)
                    has_answered = True
        except (EtcdError, ProtobufError) as error:
            yield _trouble(error)
    if len(clusters) > 1:
        named = ", ".join(member.url for member in clusters.values())
        yield findings.error("etcd", f"these belong to different clusters: {named}")


def _members(settings: EtcdSettings) -> list[Endpoint]:
    if settings.discovery_srv:
        return discovery.discover(settings.discovery_srv)
    return [endpoints.parse(url) for url in settings.endpoints]


def _unreachable(member: Endpoint) -> OSError | UnicodeError | None:
    """Return why a member takes no connection; grpc's texts say it less well."""
    try:
        socket.create_connection((member.host, member.port), CONNECT_SECONDS).close()
    except (OSError, UnicodeError) as error:  # the latter for what cannot be a host's name
        return error
    return None


def _of_member(member: Endpoint, status: codec.Status) -> Iterator[Finding]:
    if not status.leader:
        yield findings.error("etcd", f"{member.url} knows of no leader: its cluster has no quorum")
    elif _version(status.version) < _OLDEST_VERSION:
        yield findings.error("etcd", f"{member.url} is etcd {status.version}", "3.4 is the oldest")
    else:
        yield findings.ok("etcd", f"{member.url} is etcd {status.version}")


def _of_keys(connection: Connection) -> Iterator[Finding]:
    """Look at what is read at start; a stored cluster information says that Calico is there."""
    denied = []
    for kind in kinds.KINDS.values():
        prefix = kind.prefix.encode()
        try:
            connection.page(prefix, codec.end_of(prefix), limit=1)
        except DeniedError as error:
            denied.append((kind, error))
    for kind, denial in denied:
        yield findings.error(
            "etcd", f"{kind.prefix} may not be read: {denial}", "grant the role read on /calico/"
        )
    if denied:
        return
    yield findings.ok("etcd", f"{len(kinds.KINDS)} prefixes may be read")
    if not connection.page(init.INFORMATION_KEY, b"", limit=1).entries:
        yield findings.warning(
            "etcd",
            "there is no ClusterInformation: Calico may never have used this etcd",
            "the server creates it when it may write",
        )


def _trouble(error: Exception) -> Finding:
    if isinstance(error, DeniedError):
        return findings.error("etcd", str(error), "user, password or client certificate")
    return findings.error("etcd", str(error))


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
