"""Certificates: that they can be read, belong together, are in time, and will be accepted."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509

from typha.certs import reading
from typha.certs.reading import Problem, UnreadableError
from typha.config import findings
from typha.config.findings import Finding
from typha.config.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Set:
    """Files that are used together, by the names of their settings; `role` is their owner's."""

    role: str
    certificate: tuple[str, str]
    key: tuple[str, str]
    authorities: tuple[str, str]


def find(settings: Settings, now: dt.datetime) -> Iterator[Finding]:
    """Look at every set of files that the settings name."""
    for each in _sets(settings):
        yield from _find(each, now)


def _sets(settings: Settings) -> Iterator[_Set]:
    tls, metrics, peer = settings.tls, settings.metrics, settings.rebalancing
    if tls.enabled:
        yield _Set(
            role="server",
            certificate=("ServerCertFile", tls.cert_file),
            key=("ServerKeyFile", tls.key_file),
            authorities=("CAFile", tls.ca_file),
        )
    if metrics.enabled and metrics.https:
        yield _Set(
            role="server",
            certificate=("PrometheusMetricsCertFile", metrics.cert_file),
            key=("PrometheusMetricsKeyFile", metrics.key_file),
            authorities=("PrometheusMetricsCAFile", metrics.ca_file),
        )
    if peer.peer_cert_file:
        yield _Set(
            role="client",
            certificate=("PeerCertFile", peer.peer_cert_file),
            key=("PeerKeyFile", peer.peer_key_file),
            authorities=("CAFile", tls.ca_file),
        )
    etcd = settings.datastore.etcd
    if etcd.cert_file:
        yield _Set(
            role="client",
            certificate=("etcd certificate", etcd.cert_file),
            key=("etcd key", etcd.key_file),
            authorities=("", ""),  # the authorities are those of etcd's certificate, not of ours
        )
    if etcd.ca_file:
        yield _Set(
            role="server",
            certificate=("", ""),  # etcd's own, which is not here
            key=("", ""),
            authorities=("etcd's authorities", etcd.ca_file),
        )


def _find(each: _Set, now: dt.datetime) -> Iterator[Finding]:
    authorities = []
    subject, path = each.authorities
    if path:
        try:
            authorities = reading.certificates(path)
        except UnreadableError as error:
            yield findings.error(subject, f"{path}: {error}")
        else:
            yield from _authorities(subject, authorities, now)
    subject, path = each.certificate
    if not path:
        return
    try:
        chain = reading.certificates(path)
    except UnreadableError as error:
        yield findings.error(subject, f"{path}: {error}")
        return
    yield from _leaf(each, chain, authorities, now)
    yield from _key(each, chain[0])


def _authorities(
    subject: str, authorities: list[x509.Certificate], now: dt.datetime
) -> Iterator[Finding]:
    for authority in authorities:
        name = reading.common_name(authority) or authority.subject.rfc4514_string()
        problems = [*reading.date_problems(authority, now), *reading.authority_problems(authority)]
        yield from _told(subject, name, problems)
        if not problems:
            yield findings.ok(subject, f"{name!r} is valid until {_day(authority)}")


def _leaf(
    each: _Set,
    chain: list[x509.Certificate],
    authorities: list[x509.Certificate],
    now: dt.datetime,
) -> Iterator[Finding]:
    subject, leaf = each.certificate[0], chain[0]
    name = reading.common_name(leaf)
    problems = [*reading.date_problems(leaf, now), *reading.purpose_problems(leaf, each.role)]
    for link in chain[1:]:
        problems += reading.date_problems(link, now)
    if authorities:
        problems += reading.chain_problems(chain, authorities)
    yield from _told(subject, name, problems)
    if not problems:
        uris = "".join(f", URI {uri}" for uri in reading.uris(leaf))
        yield findings.ok(subject, f"CN {name or '(none)'}{uris}, valid until {_day(leaf)}")


def _key(each: _Set, leaf: x509.Certificate) -> Iterator[Finding]:
    subject, path = each.key
    if not path:
        return
    try:
        public = reading.public_key(path)
        problems = [*reading.exposure_problems(path)]
    except UnreadableError as error:
        yield findings.error(subject, f"{path}: {error}")
        return
    if not reading.belongs(leaf, public):
        message = f"{path} is not the key of the certificate"
        yield findings.error(subject, message, f"{each.certificate[0]} needs its own")
    yield from _told(subject, path, problems)
    if not problems and reading.belongs(leaf, public):
        yield findings.ok(subject, "belongs to the certificate")


def _told(subject: str, name: str, problems: list[Problem]) -> Iterator[Finding]:
    for problem in problems:
        tell = findings.error if problem.serious else findings.warning
        yield tell(subject, f"{name!r} {problem.text}")


def _day(certificate: x509.Certificate) -> str:
    return f"{certificate.not_valid_after_utc:%Y-%m-%d}"
