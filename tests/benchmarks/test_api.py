"""The API server of the benchmarks, as the real server's client sees it."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any

import pytest

from benchmarks import objects
from benchmarks.children import Child

COUNT = 1203


class Api:
    """The child process, and requests to it."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.port = child.answer()["port"]

    def open(self, path: str, body: dict[str, Any] | None = None) -> HTTPResponse:
        """Send one request."""
        data = json.dumps(body).encode() if body else None
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers)
        return urllib.request.urlopen(request, timeout=60)

    def get(self, path: str) -> dict[str, Any]:
        """Fetch JSON."""
        with self.open(path) as answer:
            return json.load(answer)


@pytest.fixture(params=["policies", "pods"])
def api(request: pytest.FixtureRequest) -> Iterator[Api]:
    """Serve one family of objects."""
    with Child("api", "--family", request.param, "--count", str(COUNT)) as child:
        yield Api(child)


def listed(api: Api, path: str) -> tuple[list[str], str, int]:
    """List page by page; returns names, revision, pages."""
    names, following, pages = [], "", 0
    while True:
        page = api.get(f"{path}?limit=500" + (f"&continue={following}" if following else ""))
        names += [item["metadata"]["name"] for item in page["items"]]
        following, pages = page["metadata"]["continue"], pages + 1
        if not following:
            return names, page["metadata"]["resourceVersion"], pages


def test_a_list_comes_whole_from_the_cache_and_else_in_pages(api: Api) -> None:
    """As a real server has it: `limit` means nothing with resourceVersion=0."""
    path = next(f.path for f in (objects.POLICIES, objects.PODS) if count(api, f.path))
    cached = api.get(f"{path}?limit=500&resourceVersion=0&resourceVersionMatch=NotOlderThan")
    names, _, pages = listed(api, path)
    assert len(cached["items"]) == len(set(names)) == COUNT
    assert pages == 3


def count(api: Api, path: str) -> int:
    """Count what a list holds."""
    return len(api.get(f"{path}?resourceVersion=0")["items"])


def test_a_watch_tells_every_change_after_its_revision(api: Api) -> None:
    """In order, and the last one is what a new list shows."""
    state = api.child.ask("state")
    family = objects.FAMILIES[state["family"]]
    _, revision, _ = listed(api, family.path)
    made = api.child.ask("burst", count=300)
    with api.open(f"{family.path}?watch=true&resourceVersion={revision}") as watch:
        events = [json.loads(watch.readline()) for _ in range(300)]
    assert {event["type"] for event in events} == {"MODIFIED"}
    revisions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert revisions == list(range(int(revision) + 1, int(revision) + 301))
    assert objects.stamps(json.dumps(events[-1]).encode()) == (made["last"],)
    assert len(api.child.ask("state")["known"]) == 300


def test_a_watch_older_than_the_history_is_told_to_list_again(api: Api) -> None:
    """That is what compaction does to a server that was away."""
    family = objects.FAMILIES[api.child.ask("state")["family"]]
    _, revision, _ = listed(api, family.path)
    api.child.ask("burst", count=1)
    api.child.ask("forget")
    with api.open(f"{family.path}?watch=true&resourceVersion={revision}") as watch:
        event = json.loads(watch.readline())
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


def test_what_is_created_can_be_read_and_not_created_again(api: Api) -> None:
    """A server that initialises the datastore creates tiers and the ClusterInformation."""
    path = "/apis/crd.projectcalico.org/v1/tiers"
    tier = {"kind": "Tier", "metadata": {"name": "default"}, "spec": {"order": 1}}
    assert count(api, path) == 0
    with api.open(path, tier) as answer:
        assert json.load(answer)["metadata"]["resourceVersion"]
    assert api.get(f"{path}/default")["spec"] == {"order": 1}
    assert count(api, path) == 1
    with pytest.raises(urllib.error.HTTPError, match="Conflict"):
        api.open(path, tier)


def test_a_server_that_refuses_says_so_and_recovers(api: Api) -> None:
    """503 for as long as was asked for."""
    api.child.ask("refuse", seconds=0.3)
    with pytest.raises(urllib.error.HTTPError, match="503"):
        api.get("/apis/crd.projectcalico.org/v1/ippools")
    while True:
        try:
            assert api.get("/apis/crd.projectcalico.org/v1/ippools")["items"] == []
            break
        except urllib.error.HTTPError:
            continue


def test_discovery_lists_the_groups_that_are_served(api: Api) -> None:
    """A client decides by it which API group holds Calico's objects."""
    groups = {group["name"] for group in api.get("/apis")["groups"]}
    assert {"crd.projectcalico.org", "policy.networking.k8s.io"} <= groups
    resources = api.get("/apis/crd.projectcalico.org/v1")["resources"]
    assert "globalnetworkpolicies" in {resource["name"] for resource in resources}
