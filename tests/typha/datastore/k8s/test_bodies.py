"""Lists and watches are decoded while they arrive, and one bad item harms only itself."""

import orjson
import pytest
from hypothesis import given, settings, strategies as st

from tests import golden_data
from typha.datastore.answers import BadItem
from typha.datastore.k8s import bodies
from typha.datastore.k8s.bodies import ListDecoder, WatchDecoder

DEEP = b'{"metadata":{"name":"deep","namespace":"ns"},"spec":' + b"[" * 2000 + b"]" * 2000 + b"}"


def decode(body: bytes, step: int) -> tuple[list, bodies.Page]:
    """Feed a body in pieces; give all items and the last page."""
    decoder, items = ListDecoder(), []
    for start in range(0, len(body), step):
        items += decoder.feed(body[start : start + step])
    page = decoder.finish()
    return items + page.items, page


def listing(items: list[bytes], *, tail_metadata: bool = False) -> bytes:
    """Write a list as an API server does: core types say their revision first, Calico's last."""
    metadata = b'"metadata":{"resourceVersion":"7","continue":"more"}'
    inside = b'"items":[' + b",".join(items) + b"]"
    if tail_metadata:
        return b'{"apiVersion":"x/v1",' + inside + b',"kind":"XList",' + metadata + b"}\n"
    return b'{"kind":"XList","apiVersion":"v1",' + metadata + b"," + inside + b"}\n"


def pod(name: str, **more) -> bytes:
    """Write one item."""
    return orjson.dumps({"metadata": {"name": name, "namespace": "ns"}, **more})


@pytest.fixture(autouse=True)
def small_cuts(monkeypatch):
    """Cut early, so that small lists go the way of large ones."""
    monkeypatch.setattr(bodies, "CUT_BYTES", 64)


def test_a_recorded_list_is_decoded_as_a_whole_decodes_it():
    """Whatever the size of the pieces, for every resource a real API server answered."""
    for answer in golden_data.objects("crd").values():
        body = orjson.dumps(answer)
        items, page = decode(body, 1000)
        assert items == answer["items"]
        assert page.revision == answer["metadata"]["resourceVersion"]
        assert page.token == ""
        assert not page.bad


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"kind":"Status","metadata":{},"message":"try again"}', "not a list: try again"),
        (b'{"metadata":{"resourceVersion":"7"}}', "not a list"),
        (b'{"metadata":{},"items":{}}', "not a list"),
        (b"null", "not a list"),
    ],
)
def test_a_good_answer_without_items_is_not_an_empty_list(body, reason):
    """It would have everything deleted, and all a proxy has to do is to lose a status."""
    with pytest.raises(bodies.BodyError, match=reason):
        decode(body, 1000)


def test_an_empty_list_may_be_null():
    """As Go writes it."""
    items, page = decode(b'{"metadata":{"resourceVersion":"7"},"items":null}', 1000)
    assert (items, page.revision) == ([], "7")


@pytest.mark.parametrize("tail_metadata", [True, False])
def test_items_are_given_while_the_rest_is_on_its_way(tail_metadata):
    """So what waits is no more than what is cut off at once, however long the list."""
    body = listing([pod(f"p{n}", text="x" * 20) for n in range(1000)], tail_metadata=tail_metadata)
    decoder, waiting = ListDecoder(), 0
    for start in range(0, len(body), 100):
        waiting += 100
        waiting -= sum(len(orjson.dumps(item)) for item in decoder.feed(body[start : start + 100]))
        assert waiting < 3000  # commas, and the beginning
    assert len(decoder.finish().items) < 5


nested = st.recursive(
    st.integers(0, 9) | st.sampled_from(['},{"metadata":{', "]", "{", '\\"', "\\", ","]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["metadata", "items", "a"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=100)
@given(st.lists(nested, max_size=6), st.integers(1, 90), st.booleans())
def test_where_the_pieces_end_means_nothing(specs, step, tail_metadata):
    """Items with what looks like borders inside them, in texts and in nested lists."""
    expected = [
        {"metadata": {"name": str(n)}, "spec": spec, "list": [{"x": 1}, {"metadata": {}}]}
        for n, spec in enumerate(specs)
    ]
    body = listing([orjson.dumps(item) for item in expected], tail_metadata=tail_metadata)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies, "CUT_BYTES", 32)
        items, page = decode(body, step)
    assert items == expected
    assert (page.revision, page.token) == ("7", "more")


@pytest.mark.parametrize("tail_metadata", [True, False])
@pytest.mark.parametrize("step", [50, 777, 100_000])
@pytest.mark.parametrize("place", [0, 500, 999])
def test_one_item_that_cannot_be_decoded_harms_only_itself(place, step, tail_metadata):
    """It is named although it is nested too deep for any decoder."""
    items = [pod(f"p{n}", text='},{"metadata":') for n in range(999)]
    items.insert(place, DEEP)
    found, page = decode(listing(items, tail_metadata=tail_metadata), step)
    assert [item["metadata"]["name"] for item in found] == [f"p{n}" for n in range(999)]
    ((namespace, name, reason),) = page.bad
    assert (namespace, name) == ("ns", "deep")
    assert "depth" in reason or "recursion" in reason


def test_an_item_is_named_wherever_its_names_stand():
    """Items of Calico's own say first what they are."""
    deep = DEEP.replace(b'{"metadata"', b'{"kind":"X","apiVersion":"x/v1","metadata"', 1)
    _, page = decode(listing([deep]), 100)
    assert page.bad[0][:2] == ("ns", "deep")


def test_an_item_whose_very_names_cannot_be_decoded_is_shown():
    """Its beginning is in the reason."""
    broken = b'{"metadata":{"name":"\xff"}}'
    _, page = decode(listing([pod("a"), broken]), 100)
    assert page.bad[0][:2] == ("", "")
    assert "\\xff" in page.bad[0].reason
    for nameless in (b'{"spec":\xff}', b'{"metadata":{},"spec":\xff}'):
        _, page = decode(listing([pod("a"), nameless]), 100)
        assert page.bad == (BadItem("", "", page.bad[0].reason),)


@pytest.mark.parametrize("items", [b"null", b"[]", b"[ ]"])
def test_an_empty_list_is_a_list(items):
    """Go writes an empty one as null."""
    body = b'{"kind":"XList","metadata":{"resourceVersion":"7"},"items":' + items + b"}"
    assert decode(body, 10) == ([], bodies.Page([], "7", ""))


def test_a_list_written_with_blanks_is_a_list():
    """As a proxy may rewrite it."""
    body = orjson.dumps(
        {"metadata": {"resourceVersion": "7"}, "items": [{"a": 1}, {"a": 2}]},
        option=orjson.OPT_INDENT_2,
    )
    assert decode(body, 10)[0] == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"404 page not found\n",
        b"[]",
        b'{"kind":"Status"}',
        b'{"metadata":[],"items":[]}',
        b'{"metadata":{},"items":{}}',
        listing([pod(f"p{n}") for n in range(20)])[:-30],
        listing([pod(f"p{n}") for n in range(20)], tail_metadata=True)[:-3],
        listing([b"\xff", b"\xff"])[:-3],
    ],
)
def test_what_is_no_complete_list_is_refused(body):
    """Also one that was cut short after many items."""
    with pytest.raises(bodies.BodyError):
        decode(body, 100)


@settings(deadline=None, max_examples=60)
@given(st.lists(nested, max_size=5), st.integers(1, 50))
def test_watch_events_are_found_whatever_the_pieces(values, step):
    """Lines end events; a line that has not ended is kept."""
    events = [{"type": "ADDED", "object": {"spec": value}} for value in values]
    body = b"".join(orjson.dumps(event) + b"\n" for event in events) + b'{"type":'
    decoder, found = WatchDecoder(), []
    for start in range(0, len(body), step):
        found += decoder.feed(body[start : start + step])
    assert found == events


@pytest.mark.parametrize("line", [b"garbage", b"[]", b"{}", b'{"type":"ADDED","object":5}'])
def test_a_line_that_is_no_event_is_refused(line):
    """The caller lists anew."""
    with pytest.raises(bodies.BodyError):
        WatchDecoder().feed(line + b"\n")


def test_an_endless_line_is_refused(monkeypatch):
    """Memory is bounded whatever the server sends."""
    monkeypatch.setattr(bodies, "MAX_LINE_BYTES", 100)
    decoder = WatchDecoder()
    decoder.feed(b"x" * 100)
    with pytest.raises(bodies.BodyError):
        decoder.feed(b"x")
