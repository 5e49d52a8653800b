"""What `typha check` says of certificates."""

import datetime as dt
import ssl

import pytest

from typha.certs import making
from typha.certs.making import Plan
from typha.commands.checks import certificates
from typha.config.findings import Verdict
from typha.config.settings import (
    DatastoreSettings,
    EtcdSettings,
    MetricsSettings,
    RebalancingSettings,
    Settings,
    TlsSettings,
)

NOW = dt.datetime(2030, 6, 1, tzinfo=dt.UTC)


@pytest.fixture
def folder(tmp_path):
    """Return a folder with certificates that are valid from NOW on, for 100 days."""
    making.make(Plan(days=100), tmp_path, now=NOW)
    return tmp_path


def tls(folder, **changes):
    """Return settings with the folder's certificates, but for some changes."""
    files = {
        "key_file": str(folder / "typha.key"),
        "cert_file": str(folder / "typha.crt"),
        "ca_file": str(folder / "typhaca.crt"),
        "client_cn": "calico-node",
        **changes,
    }
    return Settings(tls=TlsSettings(**files))


def found(settings, after=0):
    """Return (subject, verdict) of what is found some days after NOW."""
    findings = certificates.find(settings, NOW + dt.timedelta(days=after))
    return [(each.subject, each.verdict.value) for each in findings]


def test_certificates_that_fit_are_fine(folder):
    """With their names and their ends."""
    findings = [*certificates.find(tls(folder), NOW)]
    assert {each.verdict for each in findings} == {Verdict.OK}
    assert [each.message for each in findings] == [
        "'Calico Typha CA' is valid until 2030-09-09",
        "CN calico-typha, valid until 2030-09-09",
        "belongs to the certificate",
    ]


def test_no_certificates_is_nothing_to_look_at():
    """That there is no TLS is said elsewhere."""
    assert found(Settings()) == []


@pytest.mark.parametrize(("after", "verdict"), [(80, "warning"), (101, "error")])
def test_the_end_comes_into_sight(folder, after, verdict):
    """Of the authority as of what it signed."""
    assert found(tls(folder), after)[:2] == [("CAFile", verdict), ("ServerCertFile", verdict)]


def test_a_key_of_another_certificate(folder):
    """And it is no use to say that it is readable."""
    wrong = tls(folder, key_file=str(folder / "calico-node.key"))
    assert found(wrong)[-1] == ("ServerKeyFile", "error")


def test_a_client_certificate_cannot_serve(folder):
    """Its purpose forbids it; clients would refuse."""
    wrong = tls(
        folder, cert_file=str(folder / "calico-node.crt"), key_file=str(folder / "calico-node.key")
    )
    assert ("ServerCertFile", "error") in found(wrong)


def test_a_leaf_in_place_of_the_authority(folder):
    """Nobody's certificate would come from it."""
    wrong = tls(folder, ca_file=str(folder / "calico-node.crt"))
    assert found(wrong)[:2] == [("CAFile", "error"), ("ServerCertFile", "warning")]


def test_files_that_cannot_be_read(folder):
    """Each is named; the others are still looked at."""
    (folder / "typha.crt").write_text("no certificate")
    (folder / "typhaca.crt").write_text("")
    assert found(tls(folder)) == [("CAFile", "error"), ("ServerCertFile", "error")]
    making.make(Plan(days=100), folder, now=NOW)
    (folder / "typha.key").write_text("no key")
    assert found(tls(folder))[-1] == ("ServerKeyFile", "error")


def test_a_key_for_everybody(folder):
    """It works, and should not be so."""
    (folder / "typha.key").chmod(0o644)
    assert found(tls(folder))[-1] == ("ServerKeyFile", "warning")


def test_every_set_of_files_is_looked_at(folder):
    """Metrics, peers and etcd have theirs."""
    server = (str(folder / "typha.crt"), str(folder / "typha.key"))
    client = (str(folder / "calico-node.crt"), str(folder / "calico-node.key"))
    settings = Settings(
        metrics=MetricsSettings(enabled=True, cert_file=server[0], key_file=server[1]),
        rebalancing=RebalancingSettings(peer_cert_file=client[0], peer_key_file=client[1]),
        datastore=DatastoreSettings(
            etcd=EtcdSettings(
                cert_file=client[0], key_file=client[1], ca_file=str(folder / "typhaca.crt")
            )
        ),
    )
    assert found(settings) == [
        ("PrometheusMetricsCertFile", "ok"),
        ("PrometheusMetricsKeyFile", "ok"),
        ("PeerCertFile", "ok"),
        ("PeerKeyFile", "ok"),
        ("etcd certificate", "ok"),
        ("etcd key", "ok"),
        ("etcd's authorities", "ok"),
    ]


@pytest.mark.filterwarnings("ignore:.*:cryptography.utils.CryptographyDeprecationWarning")
def test_a_damaged_certificate_never_ends_the_look(folder):
    """Whatever byte of it is wrong: it is found broken, or found to be what it then says."""
    whole = ssl.PEM_cert_to_DER_cert((folder / "typha.crt").read_text())
    path = folder / "damaged.crt"
    settings = tls(folder, cert_file=str(path), ca_file=str(path))
    broken = 0
    for at in range(len(whole)):
        damaged = whole[:at] + bytes([whole[at] ^ 0x15]) + whole[at + 1 :]
        path.write_text(ssl.DER_cert_to_PEM_cert(damaged))
        findings = [*certificates.find(settings, NOW)]
        broken += any("is broken" in each.message for each in findings)
        assert any(each.verdict is not Verdict.OK for each in findings)
    assert broken
