"""Users, roles and certificates of a real etcd."""

import time

import pytest

from tests.integration.etcd_servers import (
    Line,
    connect,
    control,
    following,
    needs_etcd,
    put,
    running,
    starting,
    stored,
    wait_for,
)
from typha.certs import making
from typha.config.ciphers import TlsPolicy
from typha.config.findings import Verdict
from typha.config.settings import EtcdSettings
from typha.datastore.etcd import access, kinds, source
from typha.datastore.etcd.errors import DeniedError, EtcdError
from typha.datastore.ports import StreamState

pytestmark = [pytest.mark.integration, needs_etcd]

V3 = kinds.V3_PREFIX
TIERS = "tiers.projectcalico.org"
USER = {"username": "typha", "password": "secret"}
TOKEN_SECONDS = 2


def enable_authentication(url, *options):
    """Make a superuser, and a user who may read and write what is Calico's v3."""
    for command in (
        ("user", "add", "root:root"),
        ("user", "grant-role", "root", "root"),
        ("role", "add", "calico"),
        ("role", "grant-permission", "calico", "--prefix=true", "readwrite", V3),
        ("user", "add", "typha:secret"),
        ("user", "grant-role", "typha", "calico"),
        ("auth", "enable"),
    ):
        control(url, *options, *command)


@pytest.fixture
def guarded(tmp_path):
    """Run an etcd that wants to know who asks, and forgets it soon."""
    options = ("--auth-token=simple", f"--auth-token-ttl={TOKEN_SECONDS}")
    with running(tmp_path, options=options) as member:
        control(member.url, "role", "add", "root")
        enable_authentication(member.url)
        yield member


def as_root(member, *arguments):
    """Run etcdctl as the superuser."""
    return control(member.url, "--user=root:root", *arguments)


def test_an_expired_token_is_replaced(guarded):
    """Whoever notices it: a small request or a long one."""
    with connect(guarded.url, **USER) as connection:
        put(connection, f"{V3}tiers/before")
        time.sleep(TOKEN_SECONDS * 2.5)
        put(connection, f"{V3}tiers/after")
        time.sleep(TOKEN_SECONDS * 2.5)
        assert connection.page(f"{V3}tiers/after".encode(), b"", limit=1).entries


def test_the_source_goes_on_with_a_new_token(guarded):
    """A cut line, a compaction and an expired token at once."""
    as_root(guarded, "role", "grant-permission", "calico", "--prefix=true", "read", "/calico/ipam")
    line = Line(guarded.port)
    with following(line.url, **USER) as recorder:
        time.sleep(TOKEN_SECONDS * 2.5)
        with connect(guarded.url, username="root", password="root") as connection:
            put(connection, f"{V3}tiers/a")
            wait_for(lambda: "/a" in recorder.objects[TIERS], "a change on the old stream")
            line.cut()
            put(connection, f"{V3}tiers/b")
            put(connection, f"{V3}tiers/c")
            revision = connection.page(b"x", b"", limit=1).header.revision
            as_root(guarded, "compact", str(revision))
            line.mend()
            wait_for(lambda: recorder.has_relisted_everything, "a list of everything")
            wait_for(lambda: recorder.objects == stored(connection), "what was missed")
    line.close()


def test_a_wrong_password_is_told(guarded):
    """It is not taken for an etcd that is away."""
    with starting(guarded.url, username="typha", password="wrong") as recorder:
        wait_for(lambda: recorder.are_all(StreamState.FORBIDDEN), "the refusal")
        assert "invalid user ID or password" in recorder.reports[TIERS].error


def test_nobody_at_all_is_refused_too(guarded):
    """When authentication is on."""
    with connect(guarded.url) as connection, pytest.raises(DeniedError):
        connection.page(V3.encode(), b"", limit=1)


def test_what_a_role_may_not_read_holds_back_only_itself(guarded, monkeypatch):
    """And is read as soon as it may be."""
    monkeypatch.setattr(source, "DENIED_SECONDS", 0.5)
    denied = {kinds.BLOCKS.resource, kinds.AFFINITIES.resource}
    with starting(guarded.url, **USER) as recorder:
        wait_for(lambda: sum(map(bool, recorder.lists.values())) == 20, "what may be read")
        assert {name for name, count in recorder.lists.items() if not count} == denied
        wait_for(
            lambda: (
                {
                    name
                    for name, report in list(recorder.reports.items())
                    if report.state is StreamState.FORBIDDEN
                }
                == denied
            ),
            "reports of what may not be read",
        )
        as_root(
            guarded, "role", "grant-permission", "calico", "--prefix=true", "read", "/calico/ipam"
        )
        wait_for(lambda: recorder.is_watching, "the rest")


def test_a_check_says_what_may_not_be_read(guarded):
    """And changes nothing."""
    settings = EtcdSettings(endpoints=(guarded.url,), **USER)
    found = list(access.find(settings))
    errors = [finding.message for finding in found if finding.verdict is Verdict.ERROR]
    assert len(errors) == 2
    assert all("/calico/ipam/v2/" in message for message in errors)
    stranger = EtcdSettings(endpoints=(guarded.url,), username="x", password="y")
    [wrong] = [each for each in access.find(stranger) if each.verdict is Verdict.ERROR]
    assert "user, password" in wrong.hint


def test_a_check_of_a_good_etcd_finds_nothing_wrong(tmp_path):
    """But that nobody has used it yet."""
    with running(tmp_path) as member:
        settings = EtcdSettings(endpoints=(member.url,))
        [warning] = [each for each in access.find(settings) if each.verdict is not Verdict.OK]
        assert "ClusterInformation" in warning.message
        with following(member.url):
            assert {each.verdict for each in access.find(settings)} == {Verdict.OK}


def test_a_check_tells_members_that_are_away_or_strangers_to_each_other(tmp_path):
    """The server would go from one to the other, and take them for one."""
    (tmp_path / "other").mkdir()
    with running(tmp_path) as one, running(tmp_path / "other") as other:
        found = list(access.find(EtcdSettings(endpoints=(one.url, other.url))))
        assert any("different clusters" in each.message for each in found)
        other.kill()
        found = list(access.find(EtcdSettings(endpoints=(one.url, other.url))))
        [error] = [each for each in found if each.verdict is Verdict.ERROR]
        assert f"{other.url} cannot be reached" in error.message


def test_authentication_that_is_off_needs_no_token(tmp_path):
    """A user is configured before the server asks for one."""
    with running(tmp_path) as member, following(member.url, **USER) as recorder:
        assert recorder.is_synced


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Make an authority, a server's certificate, and one for the user."""
    folder = tmp_path_factory.mktemp("certificates")
    server = making.Subject(stem="etcd", common_name="localhost", server=True)
    client = making.Subject(stem="client", common_name="typha")
    making.make(making.Plan(subjects=(server, client), days=1, use_rsa=False), folder)
    return folder


@pytest.fixture
def encrypted(tmp_path, certificates):
    """Run an etcd that wants certificates."""
    options = (
        f"--cert-file={certificates / 'etcd.crt'}",
        f"--key-file={certificates / 'etcd.key'}",
        f"--trusted-ca-file={certificates / 'typhaca.crt'}",
        "--client-cert-auth",
    )
    with running(tmp_path, tls=True, options=options) as member:
        yield member


def tls(certificates, **policy):
    """Return the settings that name the files."""
    return {
        "ca_file": str(certificates / "typhaca.crt"),
        "cert_file": str(certificates / "client.crt"),
        "key_file": str(certificates / "client.key"),
        "policy": TlsPolicy(**policy),
    }


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_client_certificate_opens_the_door(encrypted, certificates, version):
    """With every version of TLS that may be asked for."""
    with following(encrypted.url, **tls(certificates, min_version=version)) as recorder:
        assert set(recorder.objects[TIERS]) == {"/default", "/kube-admin", "/kube-baseline"}


def test_without_a_certificate_it_stays_shut(encrypted, certificates):
    """And with one of another authority, and if the server's is not known."""
    settings = tls(certificates)
    for lacking in ({"cert_file": "", "key_file": ""}, {"ca_file": ""}):
        with connect(encrypted.url, **(settings | lacking)) as connection:
            wait_for_tls(encrypted, settings)
            with pytest.raises(EtcdError):
                connection.page(b"x", b"", limit=1)


def test_a_file_that_is_not_there_is_named(encrypted, certificates):
    """Renewed files are read with each connection, so one may be missing for a moment."""
    settings = tls(certificates) | {"ca_file": str(certificates / "missing.crt")}
    with starting(encrypted.url, **settings) as recorder:
        wait_for(lambda: recorder.are_all(StreamState.FAILING), "the first failure")
        assert "missing.crt" in recorder.reports[TIERS].error


def test_a_certificates_name_is_a_user(encrypted, certificates):
    """No password is needed then."""
    settings = tls(certificates)
    wait_for_tls(encrypted, settings)
    options = (
        f"--cacert={settings['ca_file']}",
        f"--cert={settings['cert_file']}",
        f"--key={settings['key_file']}",
    )
    enable_authentication(encrypted.url, *options)
    with connect(encrypted.url, **settings) as connection:
        put(connection, f"{V3}tiers/by-name")
        with pytest.raises(DeniedError):
            connection.page(b"/calico/ipam/", b"/calico/ipam0", limit=1)


def wait_for_tls(member, settings):
    """Wait until a member serves who may come in."""

    def is_served():
        try:
            with connect(member.url, **settings) as connection:
                return bool(connection.status())
        except EtcdError:
            return False

    wait_for(is_served, "etcd")
