"""The etcd source on a cluster of three: members die, leaders change, nothing is lost."""

import pytest

from tests.integration.etcd_servers import (
    PATIENCE_SECONDS,
    connect,
    following,
    needs_etcd,
    running_cluster,
    serves,
    starting,
    stored,
    wait_for,
)
from tests.integration.etcd_writing import Writer, compact, leader_of
from tests.typha.datastore.etcd.name_servers import name_server
from typha.datastore.etcd import discovery
from typha.datastore.etcd.discovery import Record
from typha.datastore.ports import StreamState

pytestmark = [pytest.mark.integration, needs_etcd]

POOLS = "ippools.projectcalico.org"
DOMAIN = "example.org"
WRITES = 10_000


@pytest.fixture
def members(tmp_path):
    """Run three members."""
    with running_cluster(tmp_path) as cluster:
        yield cluster


def test_members_may_die_while_thousands_of_writes_go_on(members):
    """A member killed, a compaction, a leader killed: the state is that of a fresh list."""
    with following(*(member.url for member in members)) as recorder:
        writer = Writer(members, WRITES)
        leader = leader_of(members)
        follower = next(member for member in members if member is not leader)

        wait_for(lambda: writer.done > WRITES // 5, "the first writes")
        follower.kill()
        wait_for(lambda: writer.done > 2 * WRITES // 5, "writes without a follower")
        compact(leader)
        follower.start()
        wait_for(lambda: serves(follower.url), "the follower to be back")

        wait_for(lambda: writer.done > 3 * WRITES // 5, "writes by all three")
        leader.kill()
        rest = [member for member in members if member is not leader]
        wait_for(lambda: any(serves(member.url) for member in rest), "another leader")
        writer.thread.join(PATIENCE_SECONDS)
        assert writer.done == WRITES

        with connect(next(member for member in rest if serves(member.url)).url) as connection:
            wait_for(lambda: recorder.objects == stored(connection), "the state of a fresh list")
        wait_for(lambda: recorder.is_watching, "every stream to be well")
        assert len(recorder.objects[POOLS]) == 300
        assert recorder.changes > 300


def test_a_member_cut_off_from_the_others_is_left(members):
    """Its clients would hear nothing and not know: the stream ends, another member is asked."""
    urls = [member.url for member in members]
    with following(*urls) as recorder:
        for member in members[:2]:
            member.kill()
        wait_for(lambda: not recorder.is_watching, "the source to notice that nobody leads")
        assert not serves(members[2].url)
        for member in members[:2]:
            member.start()
        wait_for(lambda: recorder.is_watching, "the source to be back")
        assert recorder.relists() == 0


def test_members_that_are_away_are_passed_over(members):
    """Wherever the source begins."""
    members[0].kill()
    members[1].kill()
    members[1].start()
    wait_for(lambda: serves(members[2].url), "a quorum")
    for _ in range(3):
        with following(*(member.url for member in members)) as recorder:
            assert recorder.is_synced


def test_members_are_found_by_dns(members, monkeypatch):
    """Their SRV records name them; when all have failed they are looked up anew."""
    records = [Record(0, 0, member.port, "localhost") for member in members]
    with name_server({f"_etcd-client._tcp.{DOMAIN}": records}) as server:
        monkeypatch.setattr(discovery, "servers", lambda _: [server])
        with following(discovery_srv=DOMAIN) as recorder:
            for member in members:
                member.kill()
            wait_for(lambda: not recorder.is_watching, "the source to notice")
            for member in members:
                member.start()
            wait_for(lambda: recorder.is_watching, "the source to be back")
            assert recorder.relists() == 0


def test_a_domain_without_members_is_told(monkeypatch):
    """With the names that were looked up."""
    with name_server({}) as server:
        monkeypatch.setattr(discovery, "servers", lambda _: [server])
        with starting(discovery_srv=DOMAIN) as recorder:
            wait_for(lambda: recorder.are_all(StreamState.FAILING), "the failure")
            assert DOMAIN in recorder.reports[POOLS].error
