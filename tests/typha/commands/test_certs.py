"""`typha certs`: files, refusals, advice."""

import re
import stat
import subprocess

NAMES = ["typhaca", "typha", "calico-node"]


def test_six_files_are_made(typha, tmp_path):
    """Named as in the installation guide; keys are their owner's alone."""
    done = typha("certs", "--dir", "out/certs")
    assert done.returncode == 0
    folder = tmp_path / "out" / "certs"
    expected = [f"out/certs/{name}.{ending}" for name in NAMES for ending in ("crt", "key")]
    assert done.stdout.splitlines() == expected
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        path.rpartition("/")[2] for path in expected
    )
    for name in NAMES:
        assert stat.S_IMODE((folder / f"{name}.key").stat().st_mode) == 0o600
    assert f"TYPHA_CAFILE={folder}/typhaca.crt" in done.stderr


def test_nothing_is_replaced_unless_one_says_so(typha, tmp_path):
    """Not even where only one file of the six is there."""
    (tmp_path / "calico-node.key").write_text("mine")
    done = typha("certs", "--dir", ".")
    assert done.returncode == 1
    assert done.stderr == "typha: calico-node.key is there already (--force replaces it)\n"
    assert [path.name for path in tmp_path.iterdir()] == ["calico-node.key"]
    assert typha("certs", "--dir", ".", "--force").returncode == 0
    assert stat.S_IMODE((tmp_path / "calico-node.key").stat().st_mode) == 0o600


def test_names_and_days_are_chosen(typha, tmp_path):
    """As openssl reads them."""
    options = ["--server-cn", "typha-server", "--client-cn", "typha client", "--days", "7"]
    done = typha("certs", "--dir", ".", *options, "--client-uri", "spiffe://cluster/node")
    assert done.returncode == 0
    server, client = (
        subprocess.run(
            [
                "openssl",
                "x509",
                "-noout",
                "-subject",
                "-ext",
                "subjectAltName",
                "-in",
                tmp_path / n,
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for n in ("typha.crt", "calico-node.crt")
    )
    assert re.search("CN ?= ?typha-server", server)  # openssl 3.2 took the blanks out
    assert "DNS:typha-server" in server
    assert re.search("CN ?= ?typha client", client)
    assert "URI:spiffe://cluster/node" in client
    assert "DNS:" not in client
    assert "TYPHA_CLIENTCN='typha client'" in done.stderr


def test_a_name_x509_cannot_hold_is_refused(typha, tmp_path):
    """Before any file is made."""
    done = typha("certs", "--dir", ".", "--client-cn", "x" * 65)
    assert done.returncode == 1
    assert done.stderr.startswith("typha: a certificate cannot hold this name")
    assert [*tmp_path.iterdir()] == []
