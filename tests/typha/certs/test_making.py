"""Certificates, judged by openssl and by a real handshake."""

import datetime as dt
import socket
import ssl
import subprocess
import threading

import pytest

from typha.certs import making
from typha.certs.making import Plan, Subject

SUBJECTS = (
    Subject(stem="typha", common_name="calico-typha", server=True, uri="spiffe://x/typha"),
    Subject(stem="calico-node", common_name="calico-node"),
)


@pytest.fixture(scope="module", params=[False, True], ids=["P-256", "RSA"])
def folder(request, tmp_path_factory):
    """Return a folder with certificates of each kind of key, RSA shorter than ours to be quick."""
    made = tmp_path_factory.mktemp("certs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "_RSA_BITS", 2048)
        making.make(Plan(subjects=SUBJECTS, use_rsa=request.param), made)
    return made


def openssl(*arguments, **options):
    """Run openssl and return what it prints."""
    done = subprocess.run(
        ["openssl", *map(str, arguments)], capture_output=True, text=True, check=False, **options
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "purpose"), [("typha", "sslserver"), ("calico-node", "sslclient")]
)
def test_openssl_accepts_them_at_its_strictest(folder, name, purpose):
    """For the purpose each has."""
    certificate = folder / f"{name}.crt"
    strict = ["verify", "-x509_strict", "-CAfile", folder / "typhaca.crt"]
    assert openssl(*strict, "-purpose", purpose, certificate) == f"{certificate}: OK\n"


@pytest.mark.parametrize(
    ("name", "purpose"), [("typha", "sslclient"), ("calico-node", "sslserver")]
)
def test_and_for_no_other_purpose(folder, name, purpose):
    """A stolen client certificate serves nobody."""
    verify = ["verify", "-CAfile", folder / "typhaca.crt", "-purpose", purpose]
    assert "unsuitable certificate purpose" in openssl(*verify, folder / f"{name}.crt")


def test_a_leaf_cannot_sign(folder):
    """Only the authority can, and it no further authorities."""
    text = openssl("x509", "-noout", "-text", "-in", folder / "typha.crt")
    for part in (
        "X509v3 Basic Constraints: critical\n                CA:FALSE",
        "X509v3 Key Usage: critical\n                Digital Signature",
        "X509v3 Subject Key Identifier",
        "X509v3 Authority Key Identifier",
        "DNS:calico-typha, URI:spiffe://x/typha",
        "Subject: CN=calico-typha",
        "Issuer: CN=Calico Typha CA",
    ):
        assert part in text.replace("CN = ", "CN=")  # as before openssl 3.2
    authority = openssl("x509", "-noout", "-text", "-in", folder / "typhaca.crt")
    assert "X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0" in authority
    assert "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign" in authority


@pytest.mark.parametrize("name", ["typhaca", "typha", "calico-node"])
def test_each_key_belongs_to_its_certificate(folder, name):
    """And openssl reads it."""
    of_key = openssl("pkey", "-pubout", "-in", folder / f"{name}.key")
    of_certificate = openssl("x509", "-noout", "-pubkey", "-in", folder / f"{name}.crt")
    assert of_key == of_certificate
    assert of_key.startswith("-----BEGIN PUBLIC KEY-----")


def test_a_handshake_succeeds_between_the_two(folder):
    """With Python's ssl at its strictest on both sides."""
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "typhaca.crt")
    server.verify_mode = ssl.CERT_REQUIRED
    server.verify_flags |= ssl.VERIFY_X509_STRICT
    server.load_cert_chain(folder / "typha.crt", folder / "typha.key")
    client = ssl.create_default_context(cafile=folder / "typhaca.crt")
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    client.load_cert_chain(folder / "calico-node.crt", folder / "calico-node.key")
    left, right = socket.socketpair()
    seen = {}

    def serve():
        with server.wrap_socket(left, server_side=True) as connection:
            seen["subject"] = connection.getpeercert()["subject"]
            connection.send(b"!")

    thread = threading.Thread(target=serve)
    thread.start()
    with client.wrap_socket(right, server_hostname="calico-typha") as connection:
        assert connection.recv(1) == b"!"
    thread.join()
    assert seen["subject"] == ((("commonName", "calico-node"),),)


def test_they_are_valid_from_a_moment_ago_for_as_long_as_asked(tmp_path):
    """A node whose clock is a little behind accepts them."""
    now = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    making.make(Plan(subjects=SUBJECTS, days=10), tmp_path, now=now)
    for path in tmp_path.glob("*.crt"):
        dates = openssl("x509", "-noout", "-dates", "-in", path)
        assert dates == ("notBefore=Dec 31 23:55:00 2029 GMT\nnotAfter=Jan 11 00:00:00 2030 GMT\n")


def test_two_authorities_are_not_each_others(tmp_path):
    """Keys and serial numbers are fresh each time."""
    for name in ("a", "b"):
        making.make(Plan(subjects=SUBJECTS), tmp_path / name)
    verify = ["verify", "-CAfile", tmp_path / "a" / "typhaca.crt"]
    assert "OK" not in openssl(*verify, tmp_path / "b" / "typha.crt")
