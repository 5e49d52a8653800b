"""Every resource is listed and watched, through whatever an API server does.

One module, for they share one stage and change with one module, `streams`.
"""

import logging
import threading
import time

import pytest

from tests.fake_api import Trouble
from tests.typha.datastore.k8s.conftest import PATHS
from tests.typha.datastore.recording import Recording
from typha.config.settings import DatastoreSettings, KubernetesSettings
from typha.datastore import waits
from typha.datastore.k8s import access, stream, streams
from typha.datastore.ports import Changed, ListDone, Listed, Removed, Undecodable

pytestmark = pytest.mark.usefixtures("hurried")

NODES = PATHS["nodes"]
TIERS = PATHS["tiers.projectcalico.org"]


def node(name: str, **spec) -> dict:
    """Write a node."""
    return {"metadata": {"name": name}, "spec": spec}


def test_every_resource_is_listed_and_then_watched(api, following):
    """Once each, from the list's revision."""
    with following() as inbox:
        inbox.wait_synced(*PATHS)
        assert inbox.names("nodes") == {"n1"}
        for path in PATHS.values():
            api.wait_for_request(path, watch=True)
        for n in range(20):
            api.put(NODES, node(f"m{n}"))
        api.delete(NODES, "n1")
        inbox.wait_for(lambda: inbox.names("nodes") == {f"m{n}" for n in range(20)})
    (first,) = api.asked(NODES, watch=False)
    assert first.query == {
        "limit": "500",
        "resourceVersion": "0",
        "resourceVersionMatch": "NotOlderThan",
    }
    (watch,) = api.asked(NODES, watch=True)
    assert watch.query["allowWatchBookmarks"] == "true"
    assert watch.headers["User-Agent"].startswith("typha/")
    (migrations,) = api.asked(PATHS["virtualmachineinstancemigrations.kubevirt.io"], watch=False)
    assert "limit" not in migrations.query


def test_a_list_of_many_pages_is_one_list(api, following):
    """Marked as such by its first part alone."""
    for n in range(1200):
        api.put(NODES, node(f"m{n}"))
    with following("nodes") as inbox:
        inbox.wait_synced("nodes")
        assert len(inbox.names("nodes")) == 1201
        kinds = [(type(event), getattr(event, "first", None)) for event in inbox.data_events()]
    assert kinds == [(Listed, True), (Listed, False), (Listed, False), (ListDone, None)]
    first, second, third = (request.query for request in api.asked(NODES, watch=False))
    assert "continue" not in first
    assert "resourceVersion" not in second
    assert second["continue"] != third["continue"]


def test_events_are_what_the_server_sent(api, following):
    """Created, altered, deleted."""
    with following("nodes") as inbox:
        inbox.wait_synced("nodes")
        api.wait_for_request(NODES, watch=True)
        before = len(inbox.data_events())
        api.put(NODES, node("m", a=1))
        api.put(NODES, node("m", a=2))
        api.delete(NODES, "m")
        inbox.wait_for(lambda: len(inbox.data_events()) == before + 3)
        first, second, third = inbox.data_events()[before:]
    assert isinstance(first, Changed)
    assert isinstance(second, Changed)
    assert (first.object["spec"], second.object["spec"]) == ({"a": 1}, {"a": 2})
    assert third == Removed("nodes", "", "m")


def test_a_watch_that_breaks_goes_on_where_it_was(api, following):
    """Without a list; nothing in between is lost."""
    with following("nodes") as inbox:
        inbox.wait_synced("nodes")
        api.wait_for_request(NODES, watch=True)
        api.trouble[NODES] = Trouble(watch=True, reset=True, times=2)
        api.drop_watches()
        api.put(NODES, node("m"))
        inbox.wait_for(lambda: "m" in inbox.names("nodes"))
    assert len(api.asked(NODES, watch=False)) == 1


@pytest.mark.parametrize("kind", ["http", "stream"])
def test_compaction_under_a_watch_is_one_list_and_only_differences_count(api, following, kind):
    """410, as a status or in the stream."""
    with following("nodes", "tiers.projectcalico.org") as inbox:
        inbox.wait_synced("nodes", "tiers.projectcalico.org")
        api.wait_for_request(NODES, watch=True)
        if kind == "stream":
            gone = {"kind": "Status", "code": 410, "reason": "Expired"}
            api.trouble[NODES] = Trouble(watch=True, in_stream=gone, times=1)
        else:
            api.trouble[NODES] = Trouble(status=410, watch=True, times=1)
        api.delete(NODES, "n1")
        api.drop_watches()
        api.put(NODES, node("n2"))
        api.wait_for_request(NODES, watch=False, count=2)
        inbox.wait_for(lambda: inbox.reports["nodes"].relists == 1)
        inbox.wait_for(lambda: inbox.names("nodes") == {"n2"})
    assert len(api.asked(NODES, watch=False)) == 2
    assert len(api.asked(TIERS, watch=False)) == 1


def test_pages_that_expire_in_the_middle_are_listed_in_one(api, following):
    """410 for a page after the first."""
    for n in range(600):
        api.put(NODES, node(f"m{n}"))
    original = api.page

    def expire_once(path: str, query: dict) -> tuple[int, bytes]:
        if "continue" in query:
            api.compact()
        return original(path, query)

    api.page = expire_once
    with following("nodes") as inbox:
        inbox.wait_synced("nodes")
        assert len(inbox.names("nodes")) == 601
    assert "limit" not in api.asked(NODES, watch=False)[-1].query


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble(status=500, times=3),
        Trouble(status=429, times=1, headers={"Retry-After": "0"}),
        Trouble(status=503, body=b"not JSON", times=2),
        Trouble(status=302, headers={"Location": "http://127.0.0.1:1/"}, times=1),
        Trouble(reset=True, times=2),
        Trouble(cut_after=20, times=2),
        Trouble(cut_after=0, times=1),
        Trouble(status=200, body=b"garbage", times=2),
        Trouble(status=200, body=b'{"kind":"Status"}', times=1),
    ],
    ids=lambda trouble: f"{trouble.status}-{trouble.reset}-{trouble.cut_after}-{trouble.body}",
)
def test_trouble_passes(api, following, trouble):
    """Whatever the answer was, a good one is asked for again, and others are not held up."""
    api.trouble[NODES] = trouble
    with following("nodes", "pods") as inbox:
        inbox.wait_synced("pods")
        inbox.wait_synced("nodes")
        inbox.wait_for(lambda: inbox.state("nodes") == "watching")
        assert inbox.names("nodes") == {"n1"}
    assert trouble.times == 0


def test_retry_after_is_honoured(api, following):
    """The server knows best."""
    api.trouble[NODES] = Trouble(status=429, times=1, headers={"Retry-After": "1"})
    with following("nodes") as inbox:
        inbox.wait_synced("nodes")
    first, second = api.asked(NODES, watch=False)[:2]
    assert second.at - first.at >= 1


def test_a_body_that_drips_still_arrives(api, following):
    """Slowness is no failure."""
    api.trouble[NODES] = Trouble(watch=False, drip=0.001)
    with following("nodes") as inbox:
        inbox.wait_synced("nodes")
        assert inbox.names("nodes") == {"n1"}


def test_a_missing_api_counts_as_synced_and_is_found_when_it_comes(api, following):
    """Of Calico's own the list is empty; of others nothing is said."""
    migrations = PATHS["virtualmachineinstancemigrations.kubevirt.io"]
    api.unserve(migrations)
    api.unserve(TIERS)
    with following() as inbox:
        inbox.wait_synced(*PATHS)
        assert inbox.missing == {"virtualmachineinstancemigrations.kubevirt.io"}
        inbox.wait_for(lambda: inbox.state("tiers.projectcalico.org") == "missing")
        api.serve(TIERS)
        api.put(TIERS, {"metadata": {"name": "t"}})
        inbox.wait_for(lambda: "t" in inbox.names("tiers.projectcalico.org"))


def test_keys_go_when_a_definition_is_deleted_and_come_back_with_it(api, following):
    """Also where the objects' own deletions were not seen."""
    api.put(TIERS, {"metadata": {"name": "t"}})
    with following() as inbox:
        inbox.wait_synced(*PATHS)
        assert "t" in inbox.names("tiers.projectcalico.org")
        api.silent_watches = True
        api.unserve(TIERS)
        inbox.wait_for(lambda: not inbox.names("tiers.projectcalico.org"))
        api.silent_watches = False
        api.serve(TIERS)
        api.put(TIERS, {"metadata": {"name": "t"}})
        inbox.wait_for(lambda: "t" in inbox.names("tiers.projectcalico.org"))


def test_no_access_holds_what_must_be_there_and_not_what_is_optional(api, following, caplog):
    """The log names the resource; access given later is noticed."""
    migrations = PATHS["virtualmachineinstancemigrations.kubevirt.io"]
    api.trouble[NODES] = Trouble(status=403)
    api.trouble[migrations] = Trouble(status=403)
    with caplog.at_level(logging.WARNING), following() as inbox:
        inbox.wait_synced(*(set(PATHS) - {"nodes"}))
        inbox.wait_for(lambda: inbox.state("nodes") == "forbidden")
        assert "nodes" not in inbox.synced
        assert inbox.missing == {"virtualmachineinstancemigrations.kubevirt.io"}
        del api.trouble[NODES]
        inbox.wait_synced("nodes")
    told = {record.resource for record in caplog.records if hasattr(record, "resource")}
    assert told == {"nodes", "virtualmachineinstancemigrations.kubevirt.io"}


def test_access_that_is_given_is_noticed_long_before_the_next_attempt(api, following, monkeypatch):
    """A review is asked for meanwhile; that it is granted hurries each resource once."""
    monkeypatch.setattr(waits, "FORBIDDEN", waits.Growth(1000.0, 1000.0))
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(streams, "ACCESS_SECONDS", 0.02)
    for path in (NODES, TIERS):
        api.trouble[path] = Trouble(status=403)
    api.denied.add(("list", "nodes"))
    api.denied.add(("list", "tiers"))
    with following() as inbox:
        inbox.wait_for(lambda: inbox.state("nodes") == "forbidden")
        inbox.wait_for(lambda: inbox.state("tiers.projectcalico.org") == "forbidden")
        api.denied.clear()  # and yet the list is refused
        api.wait_for_request(NODES, watch=False, count=2)
        time.sleep(0.2)
        assert len(api.asked(NODES)) == 2
        reviews = [request for request in api.requests if request.path == access.REVIEWS]
        assert reviews
        assert inbox.state("nodes") == "forbidden"


def test_what_was_forbidden_is_read_when_a_review_grants_it(api, following, monkeypatch, caplog):
    """However long the next attempt would have been away; the log tells of both."""
    caplog.set_level(logging.INFO, "typha.datastore.k8s.stream")
    monkeypatch.setattr(waits, "FORBIDDEN", waits.Growth(1000.0, 1000.0))
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(streams, "ACCESS_SECONDS", 0.02)
    api.trouble[NODES] = Trouble(status=403)
    api.denied.add(("list", "nodes"))
    with following() as inbox:
        inbox.wait_for(lambda: inbox.state("nodes") == "forbidden")
        api.trouble.clear()
        api.denied.clear()
        inbox.wait_for(lambda: inbox.state("nodes") == "watching")
    told = [(one.message, one.state) for one in caplog.records if hasattr(one, "state")]
    assert told == [("stream in trouble", "forbidden"), ("stream is well again", "watching")]


def test_a_server_that_refuses_us_before_anything_is_told_of(api, following, caplog):
    """Where it is and what it says, once; nothing else would say why nobody is served."""
    api.trouble["/apis"] = Trouble(status=401)
    with following() as inbox:
        inbox.wait_for(lambda: inbox.state("nodes") == "failing")
        api.trouble.clear()
        inbox.wait_synced(*PATHS)
    (told,) = [one for one in caplog.records if "API groups" in one.message]
    assert (told.url, told.error) == (f"{api.url}/apis", "told to say 401")


def test_trouble_that_an_absence_ends_in_is_told_of(api, following, caplog):
    """As when the API server comes back and does not know us any more."""
    with following() as inbox:
        inbox.wait_synced(*PATHS)
        api.stop()
        inbox.wait_for(lambda: inbox.state("nodes") == "failing")
        api.trouble[NODES] = Trouble(status=401)
        api.restart()
        inbox.wait_for(lambda: "401" in inbox.reports["nodes"].error)
    told = [one.error for one in caplog.records if one.message == "stream in trouble"]
    assert told.count("told to say 401") == 1


def test_why_the_datastore_is_not_prepared_is_told_once(api, following, caplog):
    """However often that is tried."""
    mine = f"{PATHS['clusterinformations.projectcalico.org']}/default"
    api.trouble[mine] = Trouble(status=500)
    with following():
        api.wait_for_request(mine, watch=False, count=3)
    told = [one.error for one in caplog.records if one.message == "datastore not prepared yet"]
    assert told.count("told to say 500") == 1  # the last attempt may have been broken off


def test_a_datastore_that_has_become_older_is_listed_again(api, following, caplog):
    """Though its watches wait in peace for revisions that have been."""
    api.future_watches = True
    backup = api.remember()
    api.put(NODES, node("n1", unschedulable=True))
    api.put(NODES, node("lost"))
    api.put(TIERS, {"metadata": {"name": "lost"}})
    with following() as inbox:
        inbox.wait_synced(*PATHS)
        for path in PATHS.values():
            api.wait_for_request(path, watch=True)
        api.restore(backup)
        inbox.wait_for(lambda: inbox.names("nodes") == {"n1"})
        inbox.wait_for(lambda: not inbox.names("tiers.projectcalico.org"))
        inbox.wait_for(lambda: "spec" not in inbox.objects["nodes"]["", "n1"])
        for name in PATHS:
            inbox.wait_for(lambda name=name: inbox.state(name) == "watching")
    assert "the datastore has become older: all is listed again" in caplog.messages


def test_a_bad_object_in_a_list_harms_only_itself(api, following):
    """And comes back when it is mended."""
    deep = b'{"metadata":{"name":"deep","resourceVersion":"1"},"spec":' + b"[" * 2000
    for n in range(999):
        api.put(NODES, node(f"m{n}"))
    api.put(NODES, node("deep"), raw=deep + b"]" * 2000 + b"}")
    with following("nodes") as inbox:
        inbox.wait_synced("nodes")
        assert len(inbox.names("nodes")) == 1000
        assert list(inbox.undecodable) == [("nodes", "", "deep")]
        api.put(NODES, node("deep"))
        inbox.wait_for(lambda: "deep" in inbox.names("nodes"))
        assert not inbox.undecodable


def test_a_bad_object_in_a_watch_harms_only_itself(api, following):
    """A list isolates it; later changes come as before."""
    with following("nodes") as inbox:
        inbox.wait_synced("nodes")
        api.wait_for_request(NODES, watch=True)
        deep = b'{"metadata":{"name":"n1","resourceVersion":"1"},"spec":' + b"[" * 2000
        api.put(NODES, node("n1"), raw=deep + b"]" * 2000 + b"}")
        api.put(NODES, node("m"))
        inbox.wait_for(lambda: inbox.names("nodes") == {"m"})
        assert any(isinstance(event, Undecodable) for event in inbox.events)


def test_silence_is_noticed_named_and_ended_by_an_event(api, following):
    """A watch that never sends anything, though the server answers."""
    api.silent_watches = True
    with following("nodes", silent_after=0.2) as inbox:
        inbox.wait_synced("nodes")
        inbox.wait_for(lambda: inbox.state("nodes") == "failing")
        assert "no event or bookmark" in inbox.reports["nodes"].error
        api.put(NODES, node("m"))
        inbox.wait_for(lambda: "m" in inbox.names("nodes"))
        inbox.wait_for(lambda: inbox.reports["nodes"].relists >= 3)
        assert inbox.state("nodes") == "failing"
        api.silent_watches = False
        while_bookmarks_come(api, lambda: inbox.state("nodes") == "watching")


def test_bookmarks_are_proof_of_life(api, following):
    """They move the revision, and nothing else."""
    with following("nodes") as inbox:
        inbox.wait_synced("nodes")
        api.wait_for_request(NODES, watch=True)
        before = inbox.data_events()
        api.put(TIERS, {"metadata": {"name": "t"}})
        # Reports that say the same come once a second.
        while_bookmarks_come(api, lambda: inbox.reports["nodes"].revision == str(api.revision))
        assert inbox.data_events() == before


def while_bookmarks_come(api, condition) -> None:
    """Send bookmarks until a condition holds."""
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline
        api.bookmark(NODES)
        time.sleep(0.02)


def test_a_server_that_hangs_is_named_for_every_resource_and_forgiven(api, following, monkeypatch):
    """Its open watches look alive, so the probe tells."""
    monkeypatch.setattr(streams, "PROBE_ANSWER_SECONDS", 0.5)
    with following() as inbox:
        inbox.wait_synced(*PATHS)
        for name in PATHS:
            inbox.wait_for(lambda name=name: inbox.state(name) == "watching")
        api.trouble["*"] = Trouble(hang=True)
        for name in PATHS:
            inbox.wait_for(lambda name=name: inbox.state(name) == "failing")
        del api.trouble["*"]
        api.drop_watches()
        for name in PATHS:
            inbox.wait_for(lambda name=name: inbox.state(name) == "watching")


def test_a_restarted_server_is_found_again_and_only_differences_count(api, following):
    """All watches broke; none lists anew."""
    with following() as inbox:
        inbox.wait_synced(*PATHS)
        for path in PATHS.values():
            api.wait_for_request(path, watch=True)
        before = len(inbox.data_events())
        api.stop()
        inbox.wait_for(lambda: inbox.state("nodes") == "failing")
        api.put(NODES, node("m"))
        api.restart()
        inbox.wait_for(lambda: "m" in inbox.names("nodes"))
        for name in PATHS:
            inbox.wait_for(lambda name=name: inbox.state(name) == "watching")
        assert [type(event) for event in inbox.data_events()[before:]] == [Changed]


def test_a_server_that_comes_late_is_waited_for(api, following):
    """Nothing is synced until then, and the reports say why."""
    api.stop()
    with following() as inbox:
        inbox.wait_for(lambda: inbox.state("nodes") == "failing")
        assert "refused" in inbox.reports["nodes"].error
        assert not inbox.synced
        api.restart()
        inbox.wait_synced(*PATHS)


def test_the_newer_group_is_taken_where_only_it_is_stored(api, following):
    """As the API server's groups say."""
    for name in ("tiers", "clusterinformations"):
        api.unserve(f"/apis/crd.projectcalico.org/v1/{name}")
        api.serve(f"/apis/projectcalico.org/v3/{name}")
    api.put("/apis/projectcalico.org/v3/tiers", {"metadata": {"name": "t"}})
    with following() as inbox:
        inbox.wait_synced(*PATHS)
        assert "t" in inbox.names("tiers.projectcalico.org")


def test_a_cluster_information_that_cannot_be_written_again_holds_nothing_up(api, following):
    """JSON is read deeper than it is written."""
    deep = b'{"metadata": {}, "spec": {"deep": ' + b"[" * 500 + b"]" * 500 + b"}}"
    mine = f"{PATHS['clusterinformations.projectcalico.org']}/default"
    api.trouble[mine] = Trouble(status=200, body=deep)
    with following() as inbox:
        inbox.wait_synced(*PATHS)


def test_an_answer_without_groups_decides_nothing(api, following):
    """It would stand, and the wrong group has no objects."""
    for name in ("tiers", "clusterinformations"):
        api.unserve(f"/apis/crd.projectcalico.org/v1/{name}")
        api.serve(f"/apis/projectcalico.org/v3/{name}")
    api.trouble["/apis"] = Trouble(status=200, times=2, body={"kind": "Status", "metadata": {}})
    api.put("/apis/projectcalico.org/v3/tiers", {"metadata": {"name": "t"}})
    with following() as inbox:
        inbox.wait_synced(*PATHS)
        assert "t" in inbox.names("tiers.projectcalico.org")


def test_the_configured_group_is_not_asked_for(api, following):
    """CALICO_API_GROUP decides."""
    with following(api_group="something/else") as inbox:
        inbox.wait_synced(*PATHS)
    assert not api.asked("/apis")


def test_managed_fields_are_left_out_where_that_is_asked_for(api):
    """In lists and in events."""
    api.put(NODES, {"metadata": {"name": "a", "managedFields": [{}]}})
    settings = DatastoreSettings(
        kubernetes=KubernetesSettings(endpoint=api.url), strip_managed_fields=True
    )
    inbox, source = Recording(), streams.open_source(settings, ["nodes"])
    source.start(inbox)
    try:
        inbox.wait_synced("nodes")
        api.put(NODES, {"metadata": {"name": "b", "managedFields": [{}]}})
        inbox.wait_for(lambda: "b" in inbox.names("nodes"))
    finally:
        source.stop()
    for value in inbox.objects["nodes"].values():
        assert "managedFields" not in value["metadata"]


def test_where_no_thread_can_be_had_the_rest_is_begun_later(following, monkeypatch, caplog):
    """Nothing is listed twice for that, and nothing is left out."""
    start = threading.Thread.start
    refused = iter(range(1))

    def grudging(thread: threading.Thread) -> None:
        if thread.name == "tiers.projectcalico.org" and next(refused, None) is not None:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", grudging)
    monkeypatch.setattr(streams, "CRASH_SECONDS", 0.1)
    with following() as inbox:
        inbox.wait_synced(*PATHS)
    assert [record.getMessage() for record in caplog.records if record.exc_info] == [
        "the API server is begun with anew"
    ]


def test_a_bug_in_a_stream_begins_it_anew(following, monkeypatch, caplog):
    """And shows in the log."""
    monkeypatch.setattr(stream, "CRASH_SECONDS", 0.01)
    original, crashes = stream.Stream._list, []

    def crash_once(self: stream.Stream, query: dict) -> None:
        if not crashes:
            crashes.append(query)
            raise LookupError("a bug")
        original(self, query)

    monkeypatch.setattr(stream.Stream, "_list", crash_once)
    with following("nodes") as inbox:
        inbox.wait_synced("nodes")
    assert any(record.message == "stream begun anew" for record in caplog.records)
