"""The live picture."""

import os
import pty
import sys

import click

from typha.commands import top

CLIENT = {
    "hostname": "node-1",
    "address": "10.0.0.1",
    "syncer": "felix",
    "version": "v3.32.1",
    "worker": 0,
    "state": "streaming",
    "behind": 0,
    "behind_seconds": 0.0,
    "queued_bytes": 0,
    "last_pong": 1.0,
}


def status(uptime: float, sequence: int) -> dict:
    """Return a server's status."""
    return {
        "version": "1.0",
        "ready": True,
        "phase": "serving",
        "uptime_seconds": uptime,
        "connections": 2,
        "connection_limit": 0,
        "problems": [],
        "processes": [{"name": "ops", "pid": 5}],
        "syncers": [
            {"syncer": "felix", "status": "in-sync", "sequence": sequence},
            {"syncer": "bgp", "status": "in-sync", "sequence": 1},
        ],
    }


def test_rates_are_what_changed_between_two_looks():
    """Per second, by syncer."""
    rows = top.syncers(status(10.0, 100), status(12.0, 150), [CLIENT, CLIENT])
    assert [(row["rate"], row["clients"]) for row in rows] == [(25.0, 2), (0.0, 0)]


def test_the_first_look_knows_no_rate():
    """There is nothing to compare with."""
    assert [row["rate"] for row in top.syncers({}, status(10.0, 100), [])] == [0.0, 0.0]


def test_a_restarted_server_shows_no_negative_rate():
    """Its sequence and its time begin anew."""
    rows = top.syncers(status(1000.0, 500), status(1.0, 10), [])
    assert [row["rate"] for row in rows] == [0.0, 0.0]


def test_a_picture_fits_the_terminal():
    """As many clients as there is room for."""
    picture = click.unstyle(top.picture({}, status(10.0, 1), [CLIENT] * 100, lines=24))
    assert len(picture.splitlines()) <= 24
    assert picture.count("node-1") >= 3


def test_a_terminal_that_cannot_draw_is_shown_pictures_all_the_same(monkeypatch):
    """One below the other: rich draws none for it, and says nothing."""
    terminal, end = pty.openpty()
    with os.fdopen(end, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        monkeypatch.setenv("TERM", "dumb")
        with top.screen() as draw:
            draw("picture")
        assert os.read(terminal, 100) == b"picture\r\n\r\n"
    os.close(terminal)
