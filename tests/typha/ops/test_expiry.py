"""When certificates are valid, beside what a library for certificates says."""

import base64
import contextlib
import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given, strategies as st

from typha.certs import making
from typha.certs.making import Plan
from typha.config.settings import MetricsSettings, Settings, TlsSettings
from typha.ops import expiry
from typha.ops.expiry import Span

FIRST_VERSION = """\
-----BEGIN CERTIFICATE-----
MIIBFDCBuwIUC1dIjnI2ZKKGx7dgbnGUpLYpJ7MwCgYIKoZIzj0EAwIwDDEKMAgG
A1UEAwwBeDAgFw0yNjExMjgxNDA4MzFaGA8yMTI2MTEwNDE0MDgzMVowDDEKMAgG
A1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDkkvTK91vbzcHxcDQtV
jML4wygVCbFBG6p+ptT2YVuMnY0ofGiLK/zm929QK0RY+36/IQJ6W3doztz3iLXF
/eIwCgYIKoZIzj0EAwIDSAAwRQIgJfwUs7tBOHFD3aVj5fg1jPkVNJMvUzjGdsXw
y41xNRcCIQDCnC9+hsqd9COv60FaCbIUyvvkxitMoPDvRV41/O80aw==
-----END CERTIFICATE-----
"""


def span_of(certificate: x509.Certificate) -> Span:
    """Return what the library says."""
    dates = (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    return Span(*(date.timestamp() for date in dates))


@pytest.mark.parametrize("days", [1, 365, 36500])
def test_the_date_is_the_one_that_the_library_reads(tmp_path, days):
    """Also beyond 2049, where it is written differently."""
    making.make(Plan(days=days), tmp_path)
    pem = (tmp_path / "typha.crt").read_bytes()
    expected = span_of(x509.load_pem_x509_certificate(pem))
    assert list(expiry.dates(pem.decode())) == [expected]


def test_certificates_of_the_first_version_have_a_date_too():
    """An openssl older than 3.2 makes such where it is told of no extension."""
    certificate = x509.load_pem_x509_certificate(FIRST_VERSION.encode())
    assert certificate.version is x509.Version.v1
    assert list(expiry.dates(FIRST_VERSION)) == [span_of(certificate)]


def test_the_first_of_a_file_to_expire_counts(tmp_path):
    """A bundle is as good as its oldest part."""
    now = dt.datetime.now(dt.UTC)
    for name, age in [("new", 0), ("old", 100)]:
        making.make(Plan(days=365), tmp_path / name, now=now - dt.timedelta(days=age))
    bundle = tmp_path / "bundle.pem"
    parts = [(tmp_path / name / "typhaca.crt").read_text() for name in ("new", "old")]
    bundle.write_text("# ours\n" + "\n".join(parts))
    (found,) = expiry.spans({"ca": str(bundle)}).values()
    (new,), (old,) = (expiry.dates(part) for part in parts)
    assert found == Span(new.begins, old.expires)


def test_files_that_cannot_be_read_are_left_out(tmp_path):
    """Whoever uses them says so."""
    (tmp_path / "empty").touch()
    (tmp_path / "noise").write_text(f"{expiry._BEGIN}\nAAAA\n{expiry._END}\n")
    paths = {name: str(tmp_path / name) for name in ("missing", "empty", "noise")}
    assert expiry.spans(paths) == {}


def test_only_what_is_configured_is_looked_at():
    """By what it is for."""
    settings = Settings(
        tls=TlsSettings(cert_file="/s.crt", ca_file="/ca.crt"),
        metrics=MetricsSettings(cert_file="/m.crt"),
    )
    assert expiry.files(settings) == {"server": "/s.crt", "ca": "/ca.crt", "metrics": "/m.crt"}
    assert expiry.files(Settings()) == {}


@given(st.binary(max_size=200))
def test_noise_is_refused_with_one_error(noise):
    """Whatever it is."""
    with contextlib.suppress(ValueError):
        expiry.validity(noise)


@given(st.data())
def test_no_damaged_certificate_does_more_than_be_refused(data):
    """Cut anywhere, any byte altered."""
    damaged = bytearray(DER[: data.draw(st.integers(0, len(DER)))])
    if damaged:
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    pem = f"{expiry._BEGIN}\n{base64.encodebytes(damaged).decode()}{expiry._END}\n"
    with contextlib.suppress(ValueError):
        list(expiry.dates(pem))


DER = making.make_authority(Plan(), dt.datetime.now(dt.UTC)).certificate.public_bytes(
    serialization.Encoding.DER
)


def test_what_expires_is_told_once_before_and_once_after(caplog):
    """And anew when there is another date: a certificate was replaced by none better."""
    warner = expiry.Warner({"server": "/certs/typha.crt", "ca": "/certs/typhaca.crt"})
    expires = 1_000_000_000.0
    for days in (-15, -14, -13, 0, 1, 2):
        found = {"server": Span(0.0, expires), "ca": Span(0.0, expires + 1e9)}
        warner.look(found, expires + days * 86400.0)
    warner.look({"server": Span(0.0, expires + 3 * 86400.0)}, expires + 2 * 86400.0)
    told = [(one.levelname, one.message, one.role, one.expires) for one in caplog.records]
    assert told == [
        ("WARNING", "certificate expires soon", "server", "2001-09-09 01:46 UTC"),
        ("ERROR", "certificate has expired", "server", "2001-09-09 01:46 UTC"),
        ("WARNING", "certificate expires soon", "server", "2001-09-12 01:46 UTC"),
    ]
    assert {one.file for one in caplog.records} == {"/certs/typha.crt"}


def test_what_is_not_valid_yet_is_told_with_its_first_moment(caplog):
    """Mostly it is a clock that is wrong; nothing else of this server would show it."""
    warner = expiry.Warner({"server": "/certs/typha.crt"})
    span = Span(1_000_000_000.0, 1_000_001_000.0)
    for now in (span.begins - 60.0, span.begins - 1.0, span.begins):
        warner.look({"server": span}, now)
    told = [(one.levelname, one.message) for one in caplog.records]
    assert told == [
        ("ERROR", "certificate is not valid yet"),
        ("WARNING", "certificate expires soon"),
    ]
    assert caplog.records[0].begins == "2001-09-09 01:46 UTC"
