"""The etcd source against a real etcd: lists, changes, compaction, silence, another history."""

import json
import shutil

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
from typha.datastore.etcd import client, kinds, source
from typha.datastore.ports import StreamState

pytestmark = [pytest.mark.integration, needs_etcd]

V3 = kinds.V3_PREFIX
TIERS = "tiers.projectcalico.org"
POOLS = "ippools.projectcalico.org"
ENDPOINTS = "workloadendpoints.projectcalico.org"


@pytest.fixture
def etcd(tmp_path):
    """Run a single etcd."""
    with running(tmp_path) as member:
        yield member


@pytest.fixture
def line(etcd):
    """Lay a line to it."""
    line = Line(etcd.port)
    yield line
    line.close()


def test_a_list_of_several_pages_is_complete(etcd):
    """With what the source wrote itself."""
    with connect(etcd.url) as connection:
        for number in range(2 * source.PAGE_KEYS + 1):
            put(connection, f"{V3}workloadendpoints/ns/wep-{number}")
        with following(etcd.url) as recorder:
            assert recorder.objects == stored(connection)
        assert len(recorder.objects[ENDPOINTS]) == 2 * source.PAGE_KEYS + 1
        assert set(recorder.objects[TIERS]) == {"/default", "/kube-admin", "/kube-baseline"}
        assert recorder.relists() == 0


def test_changes_arrive(etcd):
    """Created, altered, garbage, mended, deleted, and keys that are nobody's."""
    with connect(etcd.url) as connection, following(etcd.url) as recorder:
        before = recorder.changes
        put(connection, f"{V3}tiers/a", '{"spec": 1}')
        put(connection, f"{V3}tiers/a", '{"spec": 2}')
        put(connection, f"{V3}tiers/b", "garbage")
        put(connection, f"{V3}tiers/b", "{}")
        put(connection, f"{V3}tiers/too/deep", "{}")
        put(connection, "/calico/ipam/v2/host/n/ipv4/block/10.0.0.0-26", "")
        control(etcd.url, "del", f"{V3}tiers/a")
        wait_for(lambda: recorder.changes - before == 6, "six changes")
        assert recorder.objects == stored(connection)
        assert "/b" in recorder.objects[TIERS]


def test_a_cut_line_is_taken_up_where_it_was_cut(etcd, line):
    """Nothing is listed again, nothing is missed."""
    with connect(etcd.url) as connection, following(line.url) as recorder:
        line.cut()
        put(connection, f"{V3}tiers/while-cut")
        control(etcd.url, "del", f"{V3}tiers/kube-admin")
        wait_for(lambda: recorder.are_all(StreamState.FAILING), "the source to notice")
        assert "/kube-admin" in recorder.objects[TIERS]
        line.mend()
        wait_for(lambda: recorder.is_watching, "the source to be back")
        wait_for(lambda: recorder.objects == stored(connection), "what it had missed")
        assert recorder.relists() == 0


def test_what_is_compacted_is_listed_again(etcd, line):
    """And only marks and sweeps: what stayed the same is not forgotten in between."""
    with connect(etcd.url) as connection, following(line.url) as recorder:
        put(connection, f"{V3}tiers/stays")
        put(connection, f"{V3}tiers/goes")
        wait_for(lambda: "/goes" in recorder.objects[TIERS], "both tiers")
        line.cut()
        for number in range(50):
            put(connection, f"{V3}ippools/pool-{number}")
        control(etcd.url, "del", f"{V3}tiers/goes")
        control(etcd.url, "compact", str(connection.page(b"x", b"", limit=1).header.revision))
        line.mend()
        wait_for(lambda: recorder.has_relisted_everything, "a list of everything")
        wait_for(lambda: recorder.is_watching, "the source to be back")
        wait_for(lambda: recorder.objects == stored(connection), "what it had missed")
        assert len(recorder.objects[POOLS]) == 50
        put(connection, f"{V3}tiers/after")
        wait_for(lambda: "/after" in recorder.objects[TIERS], "changes after the lists")


def test_a_list_goes_on_while_its_revision_is_compacted(etcd, monkeypatch):
    """It begins again from the first page."""
    monkeypatch.setattr(source, "PAGE_KEYS", 2)
    with connect(etcd.url) as connection:
        for number in range(9):
            put(connection, f"{V3}ippools/pool-{number}")
        real, pages = client.Connection.page, []

        def page(self, key, range_end, *, limit, revision=0):
            if key.startswith(f"{V3}ippools/".encode()):
                pages.append(revision)
                if len(pages) == 3:
                    put(connection, f"{V3}ippools/pool-0", '{"again": 1}')
                    now = real(connection, b"x", b"", limit=1).header.revision
                    control(etcd.url, "compact", str(now))
            return real(self, key, range_end, limit=limit, revision=revision)

        monkeypatch.setattr(client.Connection, "page", page)
        with following(etcd.url) as recorder:
            assert recorder.objects[POOLS] == stored(connection)[POOLS]
        assert pages[0] == pages[3] == 0
        assert len(recorder.objects[POOLS]) == 9


def test_a_stream_that_has_fallen_silent_is_given_up(etcd, line, monkeypatch):
    """A line may die without a word; the stream is asked, does not answer, and is replaced."""
    monkeypatch.setattr(client, "PROBE_SECONDS", 0.2)
    monkeypatch.setattr(client, "SILENCE_SECONDS", 0.8)
    with connect(etcd.url) as connection, following(line.url) as recorder:
        before = len(recorder.states[TIERS])
        line.freeze()
        put(connection, f"{V3}tiers/unheard")
        wait_for(lambda: "/unheard" in recorder.objects[TIERS], "another line")
        assert StreamState.FAILING in recorder.states[TIERS][before:]
        assert recorder.relists() == 0


def test_an_idle_stream_proves_that_it_lives(etcd, monkeypatch):
    """By answering; readiness depends on it."""
    monkeypatch.setattr(client, "PROBE_SECONDS", 0.2)
    with following(etcd.url) as recorder:
        alive_at = {resource: r.alive_at for resource, r in recorder.reports.items()}
        assert alive_at.keys() == kinds.KINDS.keys()
        wait_for(
            lambda: all(r.alive_at > alive_at[n] + 1 for n, r in recorder.reports.items()),
            "a later proof of every resource",
        )
        assert recorder.is_watching


def test_an_etcd_that_began_anew_is_listed_again(etcd):
    """Its revisions come a second time: what is not there any more goes."""
    with following(etcd.url) as recorder:
        with connect(etcd.url) as connection:
            for number in range(20):
                put(connection, f"{V3}ippools/pool-{number}")
            wait_for(lambda: len(recorder.objects[POOLS]) == 20, "the pools")
        etcd.kill()
        shutil.rmtree(etcd.folder / etcd.name)
        etcd.start()
        wait_for(lambda: recorder.has_relisted_everything, "a list of everything")
        with connect(etcd.url) as connection:
            wait_for(lambda: recorder.objects == stored(connection), "the new contents")
        assert recorder.objects[POOLS] == {}
        assert set(recorder.objects[TIERS]) == {"/default", "/kube-admin", "/kube-baseline"}


def test_an_etcd_that_is_away_at_first_is_waited_for(etcd):
    """The server starts without it."""
    etcd.kill()
    with starting(etcd.url) as recorder:
        wait_for(lambda: recorder.are_all(StreamState.FAILING), "the first failure")
        assert not any(recorder.lists.values())
        etcd.start()
        wait_for(lambda: recorder.is_watching, "the source to watch everything")


def test_two_servers_prepare_one_datastore_once(etcd):
    """Whoever is first creates, and nobody overwrites."""
    with following(etcd.url) as one, following(etcd.url) as other:
        wait_for(lambda: one.objects == other.objects, "both to know what either wrote")
    with connect(etcd.url) as connection:
        [entry] = connection.page(
            f"{V3}clusterinformations/default".encode(), b"", limit=1
        ).entries
    assert json.loads(entry.value)["spec"]["clusterType"] == "typha"
