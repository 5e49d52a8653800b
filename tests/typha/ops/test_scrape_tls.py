"""Scrapes over TLS, with the tools people use: curl and openssl."""

import datetime as dt
import socket
import subprocess
import time
from pathlib import Path

import pytest

from benchmarks import free_ports
from typha.certs import making
from typha.certs.making import Plan, Subject
from typha.config.ciphers import TlsPolicy
from typha.config.settings import MetricsSettings
from typha.ops import httpd
from typha.ops.httpd import Answer
from typha.ops.scrape_tls import ScrapeTls

MODES = [
    "NoClientCert",
    "VerifyClientCertIfGiven",
    "RequireAnyClientCert",
    "RequireAndVerifyClientCert",
]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Path:
    """Return a folder with our certificates, and in `foreign` with those of other people."""
    folder = tmp_path_factory.mktemp("certs")
    for place in (folder, folder / "foreign"):
        place.mkdir(exist_ok=True)
        subjects = (
            Subject(stem="server", common_name="localhost", server=True),
            Subject(stem="scraper", common_name="prometheus"),
        )
        making.make(Plan(subjects=subjects, days=1), place)
    return folder


def wait_for(port: int) -> None:
    """Return when somebody listens."""
    for _ in range(6000):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    pytest.fail("nobody listens")


class Endpoint:
    """A metrics endpoint."""

    def __init__(self, folder: Path, mode: str, min_version: str = "1.2") -> None:
        self.port = free_ports.take()
        settings = MetricsSettings(
            ca_file=str(folder / "typhaca.crt"),
            cert_file=str(folder / "server.crt"),
            key_file=str(folder / "server.key"),
            client_auth=mode,
            policy=TlsPolicy(min_version=min_version),
        )
        self.tls = ScrapeTls(settings)
        answer = Answer(200, httpd.TEXT, b"metrics\n")
        httpd.serve("127.0.0.1", self.port, lambda _request: answer, self.tls)
        wait_for(self.port)

    def curl(self, *options: str, scheme: str = "https") -> subprocess.CompletedProcess:
        """Scrape as a person would; the server's own certificate is looked at elsewhere."""
        url = f"{scheme}://127.0.0.1:{self.port}/metrics"
        command = ["curl", "--silent", "--show-error", "--insecure", "--max-time", "60"]
        return subprocess.run(
            [*command, *options, url], capture_output=True, text=True, check=False
        )

    def serial(self) -> str:
        """Return the serial number of the certificate that is served."""
        shown = subprocess.run(
            f"openssl s_client -connect 127.0.0.1:{self.port} </dev/null 2>/dev/null"
            " | openssl x509 -noout -serial",
            shell=True,
            capture_output=True,
            text=True,
            check=False,
        )
        return shown.stdout.strip()


def identity(folder: Path) -> list[str]:
    """Return curl's options for a client certificate."""
    return ["--cert", str(folder / "scraper.crt"), "--key", str(folder / "scraper.key")]


# Who gets in, by mode: without a certificate, with one of ours, with a stranger's.
ADMITTED = {
    "NoClientCert": (True, True, True),
    "VerifyClientCertIfGiven": (True, True, False),
    "RequireAnyClientCert": (False, True, True),
    "RequireAndVerifyClientCert": (False, True, False),
}


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("mode", MODES)
def test_each_mode_admits_whom_the_original_admits(certificates, mode, version):
    """In both versions of TLS."""
    endpoint = Endpoint(certificates, mode)
    tls = ["--tlsv1.2", "--tls-max", version]
    clients = ([], identity(certificates), identity(certificates / "foreign"))
    admitted = tuple(endpoint.curl(*tls, *client).stdout == "metrics\n" for client in clients)
    assert admitted == ADMITTED[mode]


def test_plain_http_is_told_that_this_is_https(certificates):
    """As Go's server does."""
    said = Endpoint(certificates, "NoClientCert").curl("--include", scheme="http")
    assert "400 Bad Request" in said.stdout
    assert "Client sent an HTTP request to an HTTPS server." in said.stdout


def test_a_minimum_version_is_kept(certificates):
    """TLS_MIN_VERSION holds here too."""
    endpoint = Endpoint(certificates, "NoClientCert", min_version="1.3")
    assert endpoint.curl("--tls-max", "1.2").returncode != 0
    assert endpoint.curl("--tls-max", "1.3").stdout == "metrics\n"


def test_clients_that_never_shake_hands_keep_no_scrape_out(certificates):
    """The library's own server would stand still in its accept."""
    endpoint = Endpoint(certificates, "NoClientCert")
    silent = [socket.create_connection(("127.0.0.1", endpoint.port)) for _ in range(20)]
    silent[0].sendall(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a hello
    assert endpoint.curl().stdout == "metrics\n"
    for client in silent:
        client.close()


def replaced(folder: Path, source: Path) -> None:
    """Put another server certificate into a folder, key first, as a careless script does."""
    for name in ("server.key", "server.crt"):
        (folder / name).write_bytes((source / name).read_bytes())


def test_renewed_certificates_serve_the_next_handshake(certificates, tmp_path):
    """Without a restart; while the two files do not match, the old ones stay."""
    for file in certificates.glob("*.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    endpoint = Endpoint(tmp_path, "NoClientCert")
    before = endpoint.serial()
    (tmp_path / "server.key").write_bytes((certificates / "foreign/server.key").read_bytes())
    assert endpoint.serial() == before
    assert endpoint.tls.reload_failures >= 1
    (tmp_path / "server.crt").write_bytes((certificates / "foreign/server.crt").read_bytes())
    after = endpoint.serial()
    assert before.startswith("serial=")
    assert after.startswith("serial=")
    assert after != before


def test_a_swapped_link_is_noticed(certificates, tmp_path):
    """Kubernetes replaces mounted secrets so."""
    (tmp_path / "now").symlink_to(certificates)
    endpoint = Endpoint(tmp_path / "now", "NoClientCert")
    before = endpoint.serial()
    (tmp_path / "next").symlink_to(certificates / "foreign")
    (tmp_path / "next").rename(tmp_path / "now")
    assert endpoint.serial() not in {before, ""}


def test_files_that_are_missing_at_first_may_come_later(certificates, tmp_path, caplog):
    """The server runs on meanwhile."""
    endpoint = Endpoint(tmp_path, "NoClientCert")
    assert endpoint.curl().returncode != 0
    assert "metrics certificates are no good" in caplog.text
    for file in certificates.glob("*.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert endpoint.curl().stdout == "metrics\n"


def test_an_expired_scraper_is_refused(certificates, tmp_path):
    """Where certificates are verified."""
    for file in certificates.glob("*.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=30)
    old = tmp_path / "old"
    old.mkdir()
    making.make(
        Plan(subjects=(Subject(stem="scraper", common_name="prometheus"),), days=1),
        old,
        now=long_ago,
    )
    (tmp_path / "typhaca.crt").write_bytes((old / "typhaca.crt").read_bytes())
    endpoint = Endpoint(tmp_path, "RequireAndVerifyClientCert")
    assert endpoint.curl(*identity(old)).returncode != 0
