"""From events to changes: one bad object harms only itself."""

import orjson
from hypothesis import given, strategies as st

from typha.datastore.ports import (
    ApiMissing,
    Changed,
    ListDone,
    Listed,
    Removed,
    StreamReport,
    StreamState,
    Undecodable,
)
from typha.model.resources import KV, ConversionError, Reading, Resource
from typha.syncers.catalog import Feed
from typha.syncers.intake import Intake
from typha.syncproto import schema
from typha.syncproto.messages import SyncerType, SyncStatus, UpdateType

FELIX, BGP = SyncerType.FELIX, SyncerType.BGP
KEY = "/calico/v1/config/{}"


def read(item, reading):
    """Read a toy object: its keys are what its data says."""
    metadata = item["metadata"]
    if item["data"] == "bad":
        raise ConversionError("data: 'bad' is not good")
    if item["data"] == "bug":
        raise KeyError("nobody thought of this")
    revision = f"{metadata['resourceVersion']}{'+' if reading.live else ''}"
    return Resource("Toy", "", metadata["name"], revision, item)


def process(resource):
    """Make a key of a toy object."""
    if resource.value["data"] == "none":
        return []
    return [KV(KEY.format(resource.name), resource.value["data"].encode(), resource.revision)]


def also(resource):
    """Make another key of the same object, for another syncer."""
    return [KV(KEY.format("bgp-" + resource.name), b"x", resource.revision)]


FEEDS = (
    Feed(resource="toys", read=read, process=process, syncers=frozenset({FELIX, BGP})),
    Feed(resource="toys", read=read, process=also, syncers=frozenset({BGP})),
    Feed(resource="others", read=read, process=process, syncers=frozenset({FELIX})),
)


def toy(name, data, version="1"):
    """Make a toy object."""
    return {"metadata": {"name": name, "resourceVersion": version}, "data": data}


def intake():
    """Make an intake of toys, with one built-in."""
    built_in = {"toys": Resource("Toy", "", "default", "1", toy("default", "d"))}
    return Intake(FEEDS, Reading(), built_in)


def told(made, event):
    """Show what an event comes to for felix: (name, type, has a value)."""
    return [
        (change.key.removeprefix(KEY.format("")), change.update_type, change.head > 0)
        for syncers, change in made.take(event)
        if FELIX in syncers
    ]


NEW, UPDATED, DELETED = UpdateType.NEW, UpdateType.UPDATED, UpdateType.DELETED


def test_a_syncer_is_in_sync_when_each_of_its_resources_was_listed():
    """Missing APIs count, and nothing goes back."""
    made = intake()
    assert made.status(FELIX) is SyncStatus.WAIT_FOR_READY
    told(made, Listed("toys", [toy("a", "1")], first=True))
    assert made.status(FELIX) is SyncStatus.RESYNC
    assert told(made, ListDone("toys")) == [("default", NEW, True)]
    assert made.status(BGP) is SyncStatus.IN_SYNC
    assert made.status(FELIX) is SyncStatus.RESYNC
    told(made, ApiMissing("others"))
    assert made.status(FELIX) is SyncStatus.IN_SYNC
    told(made, Listed("toys", [], first=True))
    assert made.status(FELIX) is SyncStatus.IN_SYNC


def test_one_object_serves_several_syncers_and_is_read_once():
    """The element is the same object in each store."""
    made = intake()
    first, second = made.take(Changed("toys", toy("a", "1")))
    assert first.syncers == {FELIX, BGP}
    assert second.syncers == {BGP}


def test_a_bad_object_is_absent_and_named_until_it_is_mended():
    """Its neighbours never notice, in a list or live."""
    made = intake()
    page = [toy("a", "1"), toy("b", "bad"), toy("c", "bug"), toy("d", "1")]
    assert told(made, Listed("toys", page, first=True)) == [("a", NEW, True), ("d", NEW, True)]
    assert {(r.name, r.resource) for r in made.refusals()} == {("b", "toys"), ("c", "toys")}
    assert "data: 'bad' is not good" in {r.reason for r in made.refusals()}
    told(made, ListDone("toys"))
    assert made.status(BGP) is SyncStatus.IN_SYNC
    assert told(made, Changed("toys", toy("a", "bad", "2"))) == [("a", DELETED, False)]
    assert told(made, Undecodable("toys", "", "d", "torn")) == [("d", DELETED, False)]
    assert len(made.refusals()) == 4
    assert told(made, Changed("toys", toy("a", "2", "3"))) == [("a", NEW, True)]
    assert told(made, Removed("toys", "", "b")) == []
    assert {r.name for r in made.refusals()} == {"c", "d"}


def test_a_list_of_what_is_known_converts_nothing_again():
    """The same resource version is the same object; the rest is swept."""
    made = intake()
    told(made, Listed("toys", [toy(n, "1") for n in "abc"], first=True))
    told(made, ListDone("toys"))
    page = Listed("toys", [toy("a", "1"), toy("b", "2", "2")], first=True)
    assert told(made, page) == [("b", UPDATED, True)]
    assert made.unchanged["toys"] == 1
    assert told(made, ListDone("toys")) == [
        ("default", UPDATED, True),
        ("c", DELETED, False),
    ]
    assert told(made, Listed("toys", [toy("c", "1"), *page.objects], first=True)) == [
        ("c", NEW, True)  # it is back, whatever its version
    ]
    assert made.unchanged["toys"] == 3


def test_a_list_without_a_bad_object_ends_its_refusal():
    """It was deleted while nobody was looking."""
    made = intake()
    told(made, Listed("toys", [toy("a", "bad")], first=True))
    told(made, ListDone("toys"))
    assert [r.name for r in made.refusals()] == ["a"]
    told(made, Listed("toys", [], first=True))
    told(made, ListDone("toys"))
    assert made.refusals() == []


def test_a_reader_knows_whether_an_object_was_listed_or_watched():
    """Some revisions depend on it, as in the original."""
    made = intake()
    (listed, _) = made.take(Listed("toys", [toy("a", "1")], first=True))
    (watched, _) = made.take(Changed("toys", toy("b", "1")))
    assert listed.change.element == schema.element(KEY.format("a"), b"1", "1", "", NEW)
    assert watched.change.element == schema.element(KEY.format("b"), b"1", "1+", "", NEW)


def test_an_object_that_a_reader_has_no_use_for_is_not_left_out():
    """Nothing is wrong with it; what it was before is gone."""
    feed = Feed(
        resource="toys",
        read=lambda item, reading: None if item["data"] == "useless" else read(item, reading),
        process=process,
        syncers=frozenset({FELIX}),
    )
    made = Intake([feed], Reading(), {})
    assert told(made, Changed("toys", toy("a", "1"))) == [("a", NEW, True)]
    assert told(made, Changed("toys", toy("a", "useless", "2"))) == [("a", DELETED, False)]
    assert made.refusals() == []


def test_how_a_stream_stands_is_no_news_of_its_objects():
    """Nor does it begin a syncer."""
    made = intake()
    for resource in ("toys", "unheard of"):
        assert told(made, StreamReport(resource=resource, state=StreamState.LISTING)) == []
    assert made.status(FELIX) is SyncStatus.WAIT_FOR_READY


def test_an_unfit_value_is_told_as_none_and_counts_as_sent():
    """As in the original: the key, its type and revision stay; mended, it is an update.

    The version of the resource goes with the value: change 48 of the golden data.
    """
    key = "/calico/v1/policy/GlobalNetworkPolicy//p"

    def policy(resource):
        return [KV(key, {"selector": resource.value["data"]}, resource.revision, "7")]

    feed = Feed(resource="toys", read=read, process=policy, syncers=frozenset({FELIX}))
    made = Intake([feed], Reading(), {})
    (unfit,) = made.take(Changed("toys", toy("p", "not a selector")))
    assert (unfit.change.update_type, unfit.change.head) == (NEW, 0)
    assert unfit.change.element == schema.element(key, None, "1+", "", NEW)
    assert [r.name for r in made.refusals()] == [key]
    (mended,) = made.take(Changed("toys", toy("p", "all()", "2")))
    assert (mended.change.update_type, mended.change.head > 0) == (UPDATED, True)
    assert made.refusals() == []
    list(made.take(Changed("toys", toy("p", "not a selector", "3"))))
    (gone,) = made.take(Removed("toys", "", "p"))
    assert gone.change.update_type == DELETED
    assert made.refusals() == []


def test_a_value_that_cannot_be_written_is_told_as_none():
    """JSON may be nested deeper than it can be written again; the pipeline must outlive that."""

    def whole(resource):
        return [KV(f"/{resource.name}", resource.value, resource.revision)]

    feed = Feed(resource="toys", read=read, process=whole, syncers=frozenset({FELIX}))
    made = Intake([feed], Reading(), {})
    deep = orjson.loads(b"[" * 1000 + b"]" * 1000)
    assert told(made, Changed("toys", toy("a", deep))) == [("/a", NEW, False)]
    (refusal,) = made.refusals()
    assert (refusal.resource, refusal.name) == ("toys", "/a")
    assert "ecursion" in refusal.reason
    assert told(made, Changed("toys", toy("a", "good", "2"))) == [("/a", UPDATED, True)]
    assert made.refusals() == []


def test_objects_without_proper_metadata_harm_nobody():
    """Hostile, or from another world."""
    made = intake()
    page = [{}, {"metadata": None}, {"metadata": {"name": 7}}, toy("a", "1")]
    assert told(made, Listed("toys", page, first=True)) == [("a", NEW, True)]


stories = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.sampled_from("abc"), st.sampled_from(["1", "2", "bad"])),
        st.tuples(st.just("delete"), st.sampled_from("abc"), st.just("")),
        st.tuples(st.just("relist"), st.just(""), st.just("")),
    ),
    max_size=30,
)


@given(stories, st.randoms(use_true_random=False))
def test_any_story_ends_in_the_state_of_a_fresh_list(story, chance):
    """Also when watch events are lost before a list brings the truth."""
    made = intake()
    truth, state = {}, {}
    for version, (what, name, data) in enumerate([*story, ("relist", "", "")], start=2):
        events = [Removed("toys", "", name)]
        if what == "set":
            truth[name] = toy(name, data, str(version))
            events = [Changed("toys", truth[name])]
        elif what == "delete":
            truth.pop(name, None)
        if what == "relist":
            events = [Listed("toys", list(truth.values()), first=True), ListDone("toys")]
        elif chance.random() < 0.3:
            events = []  # lost
        for event in events:
            for key, update_type, has_value in told(made, event):
                assert (update_type is DELETED) == (not has_value)
                assert has_value or state[key]
                state[key] = has_value
    good = {name for name, item in truth.items() if item["data"] != "bad"}
    assert {key for key, has_value in state.items() if has_value} == good | {"default"}
    assert {r.name for r in made.refusals()} == truth.keys() - good


def test_a_heartbeat_is_not_even_converted():
    """Only what changes a key is; the rest is counted."""
    feed = Feed(
        resource="pods",
        read=lambda item, _reading: Resource("Pod", "", "p", "1", item),
        process=lambda resource: [KV(KEY.format("p"), b"v", resource.revision)],
        syncers=frozenset({FELIX}),
    )
    made = Intake([feed], Reading(), {})

    def pod(version, phase, **status):
        metadata = {"name": "p", "namespace": "n", "resourceVersion": version}
        return {"metadata": metadata, "spec": {}, "status": {"phase": phase, **status}}

    assert told(made, Changed("pods", pod("1", "Pending"))) == [("p", NEW, True)]
    assert told(made, Changed("pods", pod("2", "Pending", conditions=[{}]))) == []
    assert made.unchanged["pods"] == 1
    assert told(made, Changed("pods", pod("3", "Running"))) == [("p", UPDATED, True)]
    told(made, Listed("pods", [pod("4", "Failed")], first=True))
    assert told(made, Changed("pods", pod("5", "Running"))) == [("p", UPDATED, True)]
    strange = pod("6", "Running")
    del strange["spec"]
    assert told(made, Changed("pods", strange)) == [("p", UPDATED, True)]
    assert told(made, Changed("pods", pod("7", "Running"))) == [("p", UPDATED, True)]
    told(made, Removed("pods", "n", "p"))
    assert told(made, Changed("pods", pod("4", "Running"))) == [("p", NEW, True)]
