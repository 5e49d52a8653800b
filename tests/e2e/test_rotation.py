"""Certificates are renewed under the clients' feet: careless copies, links, new authorities."""

import shutil
import signal
import socket
import ssl
from pathlib import Path

import pytest

from tests.e2e.server import Server, make_certificates, running, wait_for

pytestmark = pytest.mark.e2e

FILES = ("typhaca.crt", "typha.crt", "typha.key")


@pytest.fixture
def sets(short_folder) -> Path:
    """Make two sets of certificates, of two authorities, in folders `old` and `new`."""
    for name in ("old", "new"):
        make_certificates(short_folder / name)
    (short_folder / "manifests").mkdir()
    return short_folder


def serving(folder: Path):
    """Serve with the certificates in `certs`, whatever that is."""
    return running(folder, folder / "manifests")


def presented(server: Server) -> bytes:
    """Return the certificate that new handshakes are shown; none while that is no use to ask."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # shows it, then refuses us
    shown: list[bytes] = []
    ours = server.tls
    context.load_cert_chain(ours.cert_file, ours.key_file)
    try:
        with (
            socket.create_connection(("127.0.0.1", server.port), 60) as plain,
            context.wrap_socket(plain) as secured,
        ):
            shown.append(secured.getpeercert(binary_form=True) or b"")
    except (ssl.SSLError, ConnectionError):
        return b""  # it has taken the other authority, which is not ours
    return shown[0]


def der(file: Path) -> bytes:
    """Read a certificate as it is sent."""
    return ssl.PEM_cert_to_DER_cert(file.read_text())


def test_files_that_are_overwritten_one_by_one_serve_once_they_fit(sets):
    """Half of a key and a key without its certificate change nothing; nobody is dropped."""
    shutil.copytree(sets / "old", sets / "certs")
    with serving(sets) as server:
        witness = server.follower()
        before = der(sets / "old" / "typha.crt")
        assert presented(server) == before
        key = (sets / "new" / "typha.key").read_bytes()
        (sets / "certs" / "typha.key").write_bytes(key[: len(key) // 2])
        server.process.send_signal(signal.SIGHUP)
        said(server, "changed certificates", 2)
        (sets / "certs" / "typha.key").write_bytes(key)
        server.process.send_signal(signal.SIGHUP)
        said(server, "changed certificates", 4)
        assert (
            f"ServerKeyFile '{sets / 'certs' / 'typha.key'}' cannot be used: key" in server.log()
        )
        assert presented(server) == before
        # Of the new authority, but clients of the old one are still let in: CAFile is as it was.
        shutil.copy(sets / "new" / "typha.crt", sets / "certs" / "typha.crt")
        server.process.send_signal(signal.SIGHUP)
        wait_for(
            lambda: presented(server) == der(sets / "new" / "typha.crt"), "the new certificate"
        )
        assert told_of_a_change(witness, sets)


def test_a_swapped_link_brings_a_whole_new_authority(sets):
    """As the kubelet replaces a mounted Secret: clients of the old one stay, new ones are new."""
    (sets / "certs").symlink_to("old")
    with serving(sets) as server:
        witness = server.follower()
        (sets / "next").symlink_to("new")
        (sets / "next").rename(sets / "certs")  # server.tls names the new files from now on
        wait_for(
            lambda: presented(server) == der(sets / "new" / "typha.crt"), "the new certificate"
        )
        assert told_of_a_change(witness, sets)
        assert told_of_a_change(server.follower(), sets, name="second")


def test_files_that_vanish_leave_those_before_in_use(sets):
    """They may be about to be written."""
    shutil.copytree(sets / "old", sets / "certs")
    with serving(sets) as server:
        for name in FILES:
            (sets / "certs" / name).rename(sets / "certs" / f"{name}.away")
        server.process.send_signal(signal.SIGHUP)
        said(server, "changed certificates", 2)
        (sets / "certs" / "typhaca.crt").symlink_to("typhaca.crt.away")  # for the client
        assert server.follower().status == 2


def told_of_a_change(follower, folder: Path, name: str = "first") -> bool:
    """Change the cluster, and wait until a client that was there all the time hears of it."""
    manifest = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n"
    (folder / "manifests" / f"{name}.yaml").write_text(manifest)
    follower.read_until(lambda f: f"/calico/v1/policy/profile/kns.{name}/labels" in f.state)
    return True


def said(server: Server, text: str, times: int) -> None:
    """Wait until the log has a text so many times."""
    wait_for(lambda: server.log().count(text) >= times, f"{text!r} in the log, {times} times")
