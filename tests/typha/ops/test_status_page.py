"""The page for people."""

from typha.ops import columns, status_page
from typha.syncers.intake import Refusal

STATUS = {
    "version": "1.0",
    "phase": "serving",
    "ready": True,
    "problems": (),
    "uptime_seconds": 3700.0,
    "connections": 2,
    "connection_limit": 10000,
    "processes": [{"name": "ops", "pid": 12, "restarts": 1}],
    "syncers": [{"syncer": "felix", "status": "in-sync", "sequence": 77}],
    "streams": [],
    "invalid": [],
}
CLIENT = {
    "hostname": "node-1",
    "since": 1795348093.1,
    "behind_seconds": 0.25,
    "cert_not_after": "",
}


def test_the_page_shows_what_the_json_holds():
    """In sections."""
    page = status_page.page_of(STATUS, [CLIENT])
    for text in ("serving for 1 h 1 min", "connections of 10000", ">77</td>", "node-1"):
        assert text in page
    assert "<td>2026-11-22 11:48:13</td>" in page
    assert "<b>ready</b>" in page


def test_columns_without_anything_are_left_out():
    """A table is as wide as what there is to tell."""
    page = status_page.page_of(STATUS, [CLIENT, {**CLIENT, "cn": "calico-node"}])
    assert "<th>CN</th>" in page
    assert "certificate until" not in page


def test_what_is_odd_catches_the_eye():
    """And leads to where it is told."""
    streams = [{"resource": "pods", "state": "failing", "relists": 3, "error": "no route"}]
    invalid = [{"resource": "pods", "name": "shop/a", "reason": "no address"}]
    page = status_page.page_of({**STATUS, "streams": streams, "invalid": invalid}, [])
    assert "<td class='bad'>failing</td>" in page
    assert "<td class='odd w'>no route</td>" in page
    assert "<a href='#datastore'><strong class='odd'>0 of 1</strong>watched</a>" in page
    assert "<a href='#left-out'><strong class='bad'>1</strong>invalid objects</a>" in page


def test_what_others_call_themselves_is_no_markup():
    """A host may have any name it likes."""
    hostile = '<script>alert("x")</script>\'"&\x00\u202e'
    status = {**STATUS, "problems": (hostile,), "invalid": [{"name": hostile, "reason": hostile}]}
    page = status_page.page_of(status, [{**CLIENT, "hostname": hostile, "cn": hostile}])
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 5


def test_problems_come_first():
    """Above everything that is fine."""
    page = status_page.page_of({**STATUS, "ready": False, "problems": ("stale: pods",)}, [])
    assert "<b class=bad>not ready</b>" in page
    assert page.index("stale: pods") < page.index("Processes")


def test_a_page_shows_so_many_clients_and_says_how_many_more_there_are():
    """Five thousand rows are of no use to anybody."""
    page = status_page.page_of(STATUS, [CLIENT] * (status_page.ROWS_SHOWN + 12))
    assert page.count("node-1") == status_page.ROWS_SHOWN
    assert "Furthest behind first. 12 more are in the JSON." in page


def test_what_is_left_out_has_the_columns_of_what_is_told():
    """None that is always empty."""
    assert tuple(columns.INVALID) == Refusal._fields
