"""The thread beside the watcher's: what it writes, when, and that it never raises."""

import dataclasses
import time

import orjson
import pytest

import typha
from typha.config.settings import DatastoreSettings, EtcdSettings, KubernetesSettings
from typha.journal import checkpoint
from typha.journal.checkpoint import Copy
from typha.journal.log import Journal
from typha.watcher import checkpointing
from typha.watcher.checkpointing import Checkpointing, identity


def kept(tmp_path, folder) -> Checkpointing:
    """Make a thread that copies a journal into a folder."""
    return Checkpointing(Copy(tmp_path / "journal", folder, {"version": "1"}))


def wait_for(condition):
    """Wait until something holds, at most 90 seconds."""
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_nothing_is_written_before_there_is_reason_to(tmp_path):
    """An older checkpoint may know more than a server that has listed nothing."""
    Journal(tmp_path / "journal", 77)
    kept(tmp_path, tmp_path / "volume").end()
    assert not (tmp_path / "volume").exists()


def test_it_is_written_at_once_and_at_the_end(tmp_path):
    """In between every few seconds."""
    Journal(tmp_path / "journal", 77)
    thread = kept(tmp_path, tmp_path / "volume")
    thread.begin()
    thread.begin()  # as the watcher does each second
    wait_for(lambda: thread.updated_at)
    before = thread.size
    with (tmp_path / "journal").open("ab") as journal:
        journal.write(b"more")
    thread.end()
    assert thread.size == before + 4 == (tmp_path / "volume" / checkpoint.NAME).stat().st_size
    assert thread.failures == 0


def test_failures_are_counted_and_mended(tmp_path, monkeypatch, caplog):
    """A file in the folder's place, taken away later."""
    monkeypatch.setattr(checkpointing, "PAUSE_SECONDS", 0.01)
    Journal(tmp_path / "journal", 77)
    (tmp_path / "volume").touch()
    thread = kept(tmp_path, tmp_path / "volume")
    thread.begin()
    wait_for(lambda: thread.failures > 1)
    assert "checkpoint not written" in caplog.text
    (tmp_path / "volume").unlink()
    wait_for(lambda: thread.updated_at)
    thread.end()


PREMISES = DatastoreSettings(type="kubernetes")


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(PREMISES, type="etcdv3"),
        dataclasses.replace(PREMISES, use_pod_cidr=True),
        dataclasses.replace(PREMISES, interface_prefix="eth"),
        dataclasses.replace(PREMISES, strip_managed_fields=True),
        dataclasses.replace(PREMISES, kubernetes=KubernetesSettings(endpoint="https://other")),
        dataclasses.replace(PREMISES, kubernetes=KubernetesSettings(api_group="x/v3")),
        dataclasses.replace(PREMISES, kubernetes=KubernetesSettings(ca_file=__file__)),
    ],
)
def test_whatever_changes_values_changes_the_identity(other):
    """And so a checkpoint that was written before is not used."""
    assert identity(other) != identity(PREMISES)


def test_a_place_whose_name_is_no_text_has_an_identity_that_can_be_written():
    """It becomes JSON in the file's head; two such places are two."""
    first, second = (
        identity(DatastoreSettings(type="file", manifest_dir=f"/m{name}"))
        for name in ("\udcff", "\udcfe")
    )
    assert orjson.loads(orjson.dumps(first)) == first != second


def test_another_release_has_another_identity(monkeypatch):
    """It may make other values of the same objects."""
    before = identity(PREMISES)
    monkeypatch.setattr(typha, "__version__", "0.0.0")
    assert identity(PREMISES) != before


def test_what_changes_no_value_does_not():
    """Credentials, and what counts as stale; secrets are not in it."""
    account = KubernetesSettings(token="secret", qps=5)
    assert identity(dataclasses.replace(PREMISES, kubernetes=account)) == identity(PREMISES)
    patient = dataclasses.replace(PREMISES, upstream_stale_after=5.0, watch_silent_after=5.0)
    assert identity(patient) == identity(PREMISES)
    etcd = DatastoreSettings(etcd=EtcdSettings(endpoints=("b", "a"), password="secret"))
    assert identity(etcd)["place"] == "a,b"
    assert "secret" not in str(identity(etcd))
