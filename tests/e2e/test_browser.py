"""The status page in a real browser, with nothing between it and the server."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks import free_ports
from tests.e2e.server import running, wait_for
from tests.typha.ops.test_status_page import CLIENT, STATUS
from typha.ops import status_page

BROWSER = shutil.which("chromium")
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    "--disable-dev-shm-usage",  # it is small in many a container
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        BROWSER is None, reason="needs chromium (Debian: apt-get install chromium)"
    ),
]


def dom(address: str, profile: Path, width: int = 1280) -> str:
    """Load a page, and return what the browser has made of it."""
    where = f"--user-data-dir={profile}"
    command = [BROWSER, *OPTIONS, where, f"--window-size={width},900", "--dump-dom", address]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


def rows(page: str, section: str) -> list[list[str]]:
    """Read a section's table: the text of each cell, without the headings."""
    (body,) = re.findall(rf'<section id="{section}">.*?</section>', page, re.DOTALL)
    lines = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    return [re.findall(r"<td[^>]*>(.*?)</td>", line) for line in lines[1:]]


def test_a_browser_shows_who_is_connected(short_folder):
    """Every process, stream and client has its row."""
    (short_folder / "manifests").mkdir()
    port = free_ports.take()
    health = {"HealthEnabled": "true", "HealthPort": str(port)}
    with running(short_folder, short_folder / "manifests", **health) as server:
        server.connect_all(3)
        address = f"http://127.0.0.1:{port}/"
        shown: list[str] = []

        def is_complete() -> bool:
            shown.append(dom(address, short_folder / "profile"))
            return ">ready</b>" in shown[-1] and len(rows(shown[-1], "clients")) == 3

        wait_for(is_complete, "three clients on the page")
        page = shown[-1]
    assert [row[0] for row in rows(page, "clients")] == ["test-node"] * 3
    assert {row[0] for row in rows(page, "processes")} == {
        "ops",
        "watcher",
        "worker-0",
        "worker-1",
    }
    assert len(rows(page, "datastore")) == 27


@pytest.mark.parametrize("width", [420, 1400])
def test_only_tables_scroll_sideways(short_folder, width):
    """However narrow the window, the page itself fits."""
    shown = "document.title = document.documentElement.scrollWidth + ' of ' + innerWidth"
    long = [{"resource": "pods", "name": "x" * 300, "reason": "y" * 300}]
    page = status_page.page_of({**STATUS, "invalid": long}, [CLIENT | {"cn": "z" * 300}])
    file = short_folder / "page.html"
    file.write_text(page.replace("</body>", f"<script>{shown}</script></body>"))
    drawn = dom(file.as_uri(), short_folder / "profile", width)
    needed, given = re.findall(r"<title>(\d+) of (\d+)</title>", drawn)[0]
    assert int(needed) <= int(given)
