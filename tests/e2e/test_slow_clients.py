"""Clients that sleep, crawl or come all at once: nobody is cut off, nobody costs the others."""

import secrets
import time

import orjson
import pytest

from tests.e2e.server import Follower, running

pytestmark = pytest.mark.e2e

NAMESPACES = 300
PONG_SECONDS = 10  # enough for a loaded machine to fill the buffers of one who sleeps
KEY = "/calico/v1/policy/profile/kns.shop-{}/labels"


def write(folder, round_number):
    """Write all namespaces anew, with labels that no compression makes smaller."""
    items = [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": f"shop-{number}",
                "labels": {
                    "round": f"{number}-of-{round_number}",
                    **{f"noise-{turn}": f"x{secrets.token_hex(30)}" for turn in range(8)},
                },
            },
        }
        for number in range(NAMESPACES)
    ]
    half = folder / ".half"
    half.write_bytes(orjson.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    half.rename(folder / "all.json")


def has_round(round_number):
    """Make a condition: a follower has heard of this round of all namespaces."""
    needles = [
        (KEY.format(number), f'"{number}-of-{round_number}"'.encode())
        for number in range(NAMESPACES)
    ]
    return lambda f: all(needle in f.state.get(key, b"") for key, needle in needles)


def ended(server):
    """Return what the log says of clients that were closed."""
    return [
        line
        for line in server.log().splitlines()
        if "client closed" in line and "test-node" in line
    ]


@pytest.fixture
def manifests(tmp_path):
    """Make a folder with many namespaces."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    write(folder, 0)
    return folder


def test_who_sleeps_through_many_changes_is_told_what_has_become_of_them(tmp_path, manifests):
    """Longer than pings may stay unanswered; and gets less than all it slept through."""
    settings = {
        "serverpingintervalsecs": "1",
        "serverpongtimeoutsecs": str(PONG_SECONDS),
        "replaywindowmib": "1",
    }
    with running(tmp_path, manifests, **settings) as server:
        sleeper, awake = server.connect_all(2)
        before = {client: len(client.updates) for client in (sleeper, awake)}
        woken = time.monotonic() + 1.5 * PONG_SECONDS
        rounds = 0
        while rounds < 20 or time.monotonic() < woken:
            rounds += 1
            write(manifests, rounds)
            awake.read_until(has_round(rounds))
        sleeper.read_until(has_round(rounds))
        assert sleeper.state == awake.state
        told = {client: len(client.updates) - count for client, count in before.items()}
        assert told[sleeper] < told[awake] / 2
        assert ended(server) == []


@pytest.mark.parametrize("version", ["v3.32.1", "v3.8.9"])
def test_who_waits_for_its_turn_is_pinged(tmp_path, manifests, version):
    """And served when whoever came before it takes nothing, who is not given up either."""
    settings = {
        "serverpingintervalsecs": "0.5",
        "serverpongtimeoutsecs": "4",  # less than the turn of one who takes nothing
        "maxconcurrentsnapshots": "1",
    }
    with running(tmp_path, manifests, **settings) as server:
        first, second = (Follower(server.connect(version=version)) for _ in range(2))
        server.clients += [first, second]
        second.read_until_in_sync()  # when the first has taken nothing for long enough
        assert first.status is None
        first.read_until_in_sync()
        assert first.state == second.state
        assert ended(server) == []
