"""`typha check`: its sections, its formats, its exit codes."""

import json

import pytest

from benchmarks import free_ports
from typha.certs import making
from typha.certs.making import Plan

MANIFEST = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: red\n"


@pytest.fixture
def environ(tmp_path):
    """Return the settings of a server that has nothing to complain of."""
    making.make(Plan(), tmp_path / "certs")
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "red.yaml").write_text(MANIFEST)
    return {
        "TYPHA_DATASTORETYPE": "file",
        "TYPHA_MANIFESTDIR": str(tmp_path / "manifests"),
        "TYPHA_SERVERHOST": "127.0.0.1",
        "TYPHA_SERVERPORT": str(free_ports.take()),
        "TYPHA_LOGFILEPATH": "none",
        "TYPHA_CAFILE": str(tmp_path / "certs" / "typhaca.crt"),
        "TYPHA_SERVERCERTFILE": str(tmp_path / "certs" / "typha.crt"),
        "TYPHA_SERVERKEYFILE": str(tmp_path / "certs" / "typha.key"),
        "TYPHA_CLIENTCN": "calico-node",
    }


def test_a_configuration_without_fault_is_exit_0(typha, environ):
    """Every section has something to say."""
    done = typha("check", **environ)
    assert (done.returncode, done.stderr) == (0, "")
    titles = [line for line in done.stdout.splitlines() if line and not line.startswith(" ")]
    assert titles[:4] == ["Settings", "Certificates", "Folders and ports", "Datastore"]
    assert titles[4].startswith("errors: 0, warnings: 0, ok: ")
    assert "ok    ManifestDir: 1 objects in" in done.stdout


def test_a_warning_is_exit_1(typha, environ, tmp_path):
    """Such as one broken manifest."""
    (tmp_path / "manifests" / "broken.yaml").write_text("a: [\n")
    done = typha("check", **environ)
    assert done.returncode == 1
    assert "  WARN  ManifestDir: " in done.stdout
    assert "broken.yaml" in done.stdout


def test_a_file_that_was_named_and_is_not_there(typha, environ, tmp_path):
    """The server would go on without it."""
    done = typha("check", "--config-file", str(tmp_path / "typo.cfg"), **environ)
    assert done.returncode == 1
    assert f"  WARN  --config-file: {tmp_path / 'typo.cfg'} does not exist" in done.stdout


def test_an_error_is_exit_2(typha, environ):
    """However many warnings there are."""
    done = typha("check", **environ | {"TYPHA_CAFILE": "/gone", "TYPHA_HEALTHPORT": "x"})
    assert done.returncode == 2
    assert "  ERROR TYPHA_CAFILE: '/gone' cannot be used" in done.stdout


def test_json_is_one_finding_a_line(typha, environ):
    """For programs."""
    done = typha("check", "--format", "json", **environ)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert {tuple(each) for each in found} == {
        ("section", "subject", "verdict", "message", "hint")
    }
    assert {each["section"] for each in found} == {
        *("Settings", "Certificates", "Folders and ports", "Datastore")
    }


def test_a_path_that_is_not_utf_8_is_told_in_both_formats(typha, environ):
    """JSON has no bytes: the replacement character stands for them."""
    place = {**environ, "TYPHA_MANIFESTDIR": "/nonexistent\udcff"}
    place["PYTHONIOENCODING"] = "utf-8:strict"  # as most locales have it
    assert "/nonexistent\\udcff cannot be read" in typha("check", **place).stdout
    done = typha("check", "--format", "json", **place)
    told = [json.loads(line)["message"] for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (2, "")
    assert any(message.startswith("/nonexistent\ufffd cannot be read") for message in told)


def test_datastores_that_are_not_there_are_errors(typha, environ, tmp_path):
    """Each in its own words; nothing waits."""
    gone = {**environ, "TYPHA_MANIFESTDIR": str(tmp_path / "gone")}
    assert "ManifestDir" in typha("check", **gone).stdout
    etcd = {
        **environ,
        "TYPHA_DATASTORETYPE": "etcdv3",
        "TYPHA_ETCDENDPOINTS": "http://127.0.0.1:1",
    }
    done = typha("check", **etcd)
    assert done.returncode == 2
    assert "ERROR etcd: http://127.0.0.1:1 cannot be reached" in done.stdout
    api = {"TYPHA_DATASTORETYPE": "kubernetes", "K8S_API_ENDPOINT": "http://127.0.0.1:1"}
    done = typha("check", **environ | api)
    assert (done.returncode, done.stderr) == (2, "")
    assert "ERROR API server: no answer" in done.stdout
