"""An API server that can be harmed in every way there is, and mended."""

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

from benchmarks import free_ports
from tests.fake_api import FakeApi, Trouble
from typha.datastore.k8s import kinds
from typha.model.resources import ApiGroup

PATHS = {kind.name: kind.path(ApiGroup.CRD) for kind in kinds.KINDS}
SETS = PATHS["globalnetworksets.projectcalico.org"]
SET_KEY = "/calico/v1/netset/{}"


class Upstream:
    """The fake API server behind a relay, with bookmarks as a real one sends them."""

    def __init__(self, api: FakeApi, bookmark_seconds: float) -> None:
        """Start the relay and the bookmarks."""
        self.api = api
        self.port = free_ports.take()
        self._bookmark_seconds = bookmark_seconds
        self._over = threading.Event()
        self._relay = self._begin_relay()
        threading.Thread(target=self._bookmark_for_ever, daemon=True).start()

    @property
    def where(self) -> dict[str, str]:
        """Tell servers where it is, by their environment."""
        return {"K8S_API_ENDPOINT": f"http://127.0.0.1:{self.port}"}

    def close(self) -> None:
        """End everything."""
        self._over.set()
        self.kill()

    def put_set(self, name: str, *nets: str) -> None:
        """Write a GlobalNetworkSet."""
        self.api.put(SETS, {"metadata": {"name": name}, "spec": {"nets": list(nets)}})

    def bookmark(self) -> None:
        """Send a bookmark to every watch."""
        for path in PATHS.values():
            if path in self.api.objects:
                self.api.bookmark(path)

    # ---- harm

    def suspend(self) -> None:
        """Stop the process: its kernel goes on taking connections."""
        self._relay.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._relay.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once: connections are reset, new ones refused."""
        self._relay.kill()
        self._relay.communicate()

    def start(self) -> None:
        """Start it again, in the same place."""
        self._relay = self._begin_relay()

    def tell_relay(self, word: str) -> None:
        """Have the relay lose things; see there."""
        assert self._relay.stdin is not None
        assert self._relay.stdout is not None
        self._relay.stdin.write(f"{word}\n")
        self._relay.stdin.flush()
        self._relay.stdout.readline()

    def answer(self, status: int) -> None:
        """Answer everything with a status; watches that are open end."""
        self.api.trouble["*"] = Trouble(status=status)
        self.api.drop_watches()

    def answer_well(self) -> None:
        """End that."""
        self.api.trouble.clear()

    def fall_silent(self) -> None:
        """Go on answering, but send nothing on any watch."""
        self.api.silent_watches = True

    def speak(self) -> None:
        """End that, with a bookmark for everybody."""
        self.api.silent_watches = False
        self.bookmark()

    def back_up(self) -> None:
        """Keep all that there is."""
        self._backup = self.api.remember()

    def restore(self) -> None:
        """Go back to that, revision and all."""
        self.api.future_watches = True
        self.api.restore(self._backup)

    def _begin_relay(self) -> "subprocess.Popen[str]":
        target = self.api.url.rpartition(":")[2]
        command = [sys.executable, "-m", "tests.freshness.relay", str(self.port), target]
        relay = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert relay.stdout is not None
        assert relay.stdout.readline() == "ready\n"
        return relay

    def _bookmark_for_ever(self) -> None:
        while not self._over.wait(self._bookmark_seconds):
            self.bookmark()


@contextlib.contextmanager
def running(bookmark_seconds: float) -> Iterator[Upstream]:
    """Serve an empty cluster for as long as the block lasts."""
    with FakeApi() as api:
        for path in PATHS.values():
            api.serve(path)
        upstream = Upstream(api, bookmark_seconds)
        try:
            yield upstream
        finally:
            upstream.close()
