"""A real etcd and a real kube-apiserver on 127.0.0.1, with RBAC on and the definitions we need."""

import base64
import contextlib
import os
import shutil
import signal
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any

import orjson
import urllib3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks import free_ports
from tests.integration import building, definitions
from tests.pki import Authority

Json = dict[str, Any]
START_SECONDS = 300.0  # a loaded machine is slow
STOP_SECONDS = 5.0  # an API server with open watches takes a minute
ADMIN, USER = "admin-token", "typha-token"


class Etcd:
    """One member of etcd; its data outlives `stop`."""

    def __init__(self, folder: Path) -> None:
        """Choose ports and a folder."""
        self._folder = folder
        self.url = f"http://127.0.0.1:{free_ports.take()}"
        self._peers = f"http://127.0.0.1:{free_ports.take()}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it, and wait until it is healthy."""
        program = shutil.which("etcd")
        assert program is not None
        self._process = _run(
            [
                program,
                f"--data-dir={self._folder / 'etcd'}",
                f"--listen-client-urls={self.url}",
                f"--advertise-client-urls={self.url}",
                f"--listen-peer-urls={self._peers}",
                f"--initial-advertise-peer-urls={self._peers}",
                f"--initial-cluster=default={self._peers}",
                "--unsafe-no-fsync" if _takes_no_fsync(program) else "--log-level=error",
            ],
            self._folder / "etcd.log",
        )
        _wait_for(f"{self.url}/health", self._process)

    def stop(self) -> None:
        """End it."""
        _end(self._process)

    def send(self, signum: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(signum)

    def back_up(self) -> None:
        """Keep what it holds now, over a restart."""
        self.stop()
        shutil.copytree(self._folder / "etcd", self._folder / "backup", dirs_exist_ok=True)
        self.start()

    def restore(self) -> None:
        """Go back to what was kept, over a restart: revisions come a second time."""
        self.stop()
        shutil.rmtree(self._folder / "etcd")
        (self._folder / "backup").rename(self._folder / "etcd")
        self.start()

    def ask(self, method: str, body: Json) -> Json:
        """Ask through its JSON gateway; keys and values are encoded here."""
        encoded = {
            key: base64.b64encode(value).decode() if isinstance(value, bytes) else value
            for key, value in body.items()
        }
        answer = urllib3.request("POST", f"{self.url}/v3/kv/{method}", json=encoded)
        assert answer.status == 200, answer.data
        return orjson.loads(answer.data)

    def compact(self) -> None:
        """Forget all history."""
        found = self.ask("range", {"key": b"/", "limit": 1})
        self.ask("compaction", {"revision": found["header"]["revision"], "physical": True})


class ApiServer:
    """A kube-apiserver over an etcd; restarts on the same port."""

    def __init__(self, folder: Path, etcd: Etcd) -> None:
        """Make its certificates and tokens."""
        self._folder = folder
        self._etcd = etcd
        self._port = free_ports.take()
        self.url = f"https://127.0.0.1:{self._port}"
        self.ca_file = self._make_files()
        self._process: subprocess.Popen[bytes] | None = None
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.load_verify_locations(self.ca_file)
        self._pool = urllib3.PoolManager(ssl_context=trusting, retries=False)

    def _make_files(self) -> Path:
        authority = Authority(self._folder)
        self._serving = authority.sign("apiserver", address="127.0.0.1")
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        (self._folder / "accounts.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        (self._folder / "tokens.csv").write_text(
            f'{ADMIN},admin,1,"system:masters"\n{USER},typha,2,\n'
        )
        return authority.file

    def start(self) -> None:
        """Run it, and wait until it is ready."""
        accounts = self._folder / "accounts.key"
        self._process = _run(
            [
                str(building.binary()),
                f"--etcd-servers={self._etcd.url}",
                "--bind-address=127.0.0.1",
                f"--secure-port={self._port}",
                f"--cert-dir={self._folder}",
                f"--tls-cert-file={self._serving.cert_file}",
                f"--tls-private-key-file={self._serving.key_file}",
                f"--client-ca-file={self.ca_file}",
                f"--token-auth-file={self._folder / 'tokens.csv'}",
                "--authorization-mode=RBAC",
                "--service-cluster-ip-range=10.96.0.0/24",
                "--service-account-issuer=https://127.0.0.1",
                f"--service-account-key-file={accounts}",
                f"--service-account-signing-key-file={accounts}",
                "--disable-admission-plugins=ServiceAccount",
                "--shutdown-delay-duration=0s",
            ],
            self._folder / "apiserver.log",
        )
        _wait_for(f"{self.url}/readyz", self._process, pool=self._pool, token=ADMIN)

    def stop(self, *, kill: bool = False) -> None:
        """End it, gently or at once."""
        _end(self._process, kill=kill)

    def send(self, signum: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(signum)

    def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """Ask as administrator, later if the server says so; the answer must be good."""
        deadline = time.monotonic() + START_SECONDS
        status, answer = self.try_to(method, path, body)
        while status in {429, 503} and time.monotonic() < deadline:
            time.sleep(0.2)
            status, answer = self.try_to(method, path, body)
        assert 200 <= status < 300, (status, answer)
        return answer

    def try_to(self, method: str, path: str, body: Json | None = None) -> tuple[int, Json]:
        """Ask as administrator; give the status as well."""
        patch = "merge-patch+" if method == "PATCH" else ""
        headers = {
            "Authorization": f"Bearer {ADMIN}",
            "Content-Type": f"application/{patch}json",
        }
        content = None if body is None else orjson.dumps(body)
        answer = self._pool.request(method, f"{self.url}{path}", body=content, headers=headers)
        with contextlib.suppress(orjson.JSONDecodeError):
            return answer.status, orjson.loads(answer.data)
        return answer.status, {"text": answer.data.decode(errors="replace")}

    def prepare(self) -> None:
        """Install the definitions, and the role of the user."""
        for definition in definitions.CRDS:
            self.ask("POST", definitions.CRD_PATH, definition)
        for definition in definitions.CRDS:
            self.wait_served(definitions.path_of(definition))
        self.ask("POST", f"{definitions.RBAC}/clusterroles", definitions.ROLE)
        self.ask("POST", f"{definitions.RBAC}/clusterrolebindings", definitions.BINDING)

    def wait_served(self, path: str) -> None:
        """Wait until the API has a resource."""
        deadline = time.monotonic() + START_SECONDS
        while self.try_to("GET", path)[0] != 200:
            assert time.monotonic() < deadline, path
            time.sleep(0.1)


def _run(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        return subprocess.Popen(
            command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env={**os.environ}
        )


def _takes_no_fsync(program: str) -> bool:
    shown = subprocess.run([program, "--help"], capture_output=True, check=False)
    return b"unsafe-no-fsync" in shown.stdout + shown.stderr


def _end(process: subprocess.Popen[bytes] | None, *, kill: bool = False) -> None:
    if process is None:
        return
    process.kill() if kill else process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_for(
    url: str,
    process: subprocess.Popen[bytes],
    *,
    pool: urllib3.PoolManager | None = None,
    token: str = "",
) -> None:
    pool = pool or urllib3.PoolManager(retries=False)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "it ended at once; see its log"
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            if pool.request("GET", url, headers=headers, timeout=10.0).status == 200:
                return
        time.sleep(0.1)
    raise AssertionError(f"{url} did not come up")
