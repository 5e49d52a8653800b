"""The page for people."""

from typha.ops import status_page

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
    for text in ("serving for 1 h 1 min", "2 of 10000 connections", "<td>77</td>", "node-1"):
        assert text in page
    assert "<td>2026-11-22 11:48:13</td>" in page
    assert "<span class=good>ready</span>" in page


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
    assert "<span class=bad>not ready</span>" in page
    assert page.index("stale: pods") < page.index("Processes")


def test_a_page_shows_so_many_clients_and_says_how_many_more_there_are():
    """Five thousand rows are of no use to anybody."""
    page = status_page.page_of(STATUS, [CLIENT] * (status_page.CLIENTS_SHOWN + 12))
    assert page.count("node-1") == status_page.CLIENTS_SHOWN
    assert "The 12 others are in clients.json." in page
