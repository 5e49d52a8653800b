"""`typha render` of a saved dump of etcd."""

import base64
import gzip
import json

import pytest

from tests import golden_data
from typha.syncproto.messages import SyncerType


@pytest.fixture
def dump(tmp_path):
    """Unpack the recorded dump."""
    path = tmp_path / "keys.json"
    packed = golden_data.DATA / "datastore/etcd/keys.json.gz"
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    return path


@pytest.mark.golden
@pytest.mark.parametrize("syncer", SyncerType)
def test_each_syncers_clients_are_shown_what_was_recorded(typha, dump, syncer):
    """Byte for byte, and what is left out is named."""
    done = typha("render", "--from", dump, "--syncer", syncer.value, "--format", "json")
    assert done.returncode == 0
    shown = [json.loads(line) for line in done.stdout.splitlines()]
    expected = golden_data.snapshot("etcd", syncer.value)
    found = {
        each["key"]: (base64.b64decode(each["raw"]), each["revision"], each["v3_resource_version"])
        for each in shown
    }
    assert found == {
        key: (sent.value, sent.revision, sent.v3_resource_version)
        for key, sent in expected.items()
    }
    assert [each["key"] for each in shown] == sorted(expected)
    assert "not-json is left out" in done.stderr


def test_a_broken_dump_is_an_error_that_names_the_entry(typha, tmp_path):
    """Nothing is shown of it."""
    path = tmp_path / "keys.json"
    path.write_text('{"keys": [{"key": "/calico/x"}]}')
    done = typha("render", "--from", path)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "entry 0" in done.stderr
