"""A whole worker in this process, over a real bus: what it does when its turn comes."""

import socket
import threading
import time

import pytest

from tests.whole import processes
from tests.whole.processes import Client
from typha.bus.publisher import Publisher
from typha.certs import making
from typha.config.settings import ServerSettings, Settings, TlsSettings
from typha.ops import hello
from typha.scoreboard import Phase, Scoreboard
from typha.syncproto.messages import SyncerType
from typha.telemetry import reporting
from typha.watcher.answers import Answers
from typha.watcher.broadcast import Broadcast
from workers import process
from workers.process import Worker

SECONDS = 60.0  # of patience; a loaded machine is slow
PLAIN = Settings(server=ServerSettings())


class Server:
    """A worker, and as much of a watcher as answers it."""

    def __init__(self, folder, settings):
        self.board = Scoreboard(1)
        self.board.server.phase = Phase.SERVING
        self.slot = self.board.worker(0)
        self.slot.reset(1, time.monotonic())
        self.listening = socket.create_server(("127.0.0.1", 0))
        self._publisher = Publisher(folder)
        pipeline = processes.pipeline()
        self._answers = Answers(pipeline, folder, 100)
        self._broadcast = Broadcast(self._publisher, pipeline.epoch, 100)
        self.worker = Worker(0, self.listening, settings, self.board)
        self.worker.open(folder)
        self.clients = []

    def admit(self):
        """Give a client its end of a connection."""
        end = socket.create_connection(self.listening.getsockname())
        end.settimeout(0)
        return end

    def come(self):
        """Let a client come."""
        self.clients.append(Client("v3.32.1", SyncerType.FELIX))
        self.clients[-1].connect(self)

    def connect(self, count=1):
        """Let clients come, until all are told what there is."""
        for _ in range(count):
            self.come()
        self.until(lambda: self.settled() == len(self.clients))

    def settled(self):
        """Count those who might go."""
        self.worker._chores_at = 0.0
        return self.slot.sheddable

    def until(self, is_so):
        """Have all take turns until something is so."""
        deadline = time.monotonic() + SECONDS
        while not is_so():
            assert time.monotonic() < deadline
            self.turn()

    def turn(self):
        """Have all do what there is to do."""
        self.worker.turn()
        self._broadcast.hear_subscriptions()
        for worker, question in self._publisher.questions():
            self._publisher.answer(worker, self._answers.answer(question))
        for client in self.clients:
            client.read(100_000)

    def gone(self):
        """Tell which clients the server has closed, by their place."""
        return [place for place, client in enumerate(self.clients) if client.cut_off]

    def close(self):
        """End all."""
        for client in self.clients:
            client.hang_up()
        for connection in self.worker._shard.connections.values():
            connection.socket.close()
        self.worker._probe.close()
        self.worker._reporter.close()
        self.worker._bus.close()
        self._publisher.close()
        self.listening.close()


@pytest.fixture
def serving(short_folder):
    """Begin servers, and end them."""
    servers = []

    def begin(settings=PLAIN):
        servers.append(Server(short_folder, settings))
        return servers[-1]

    yield begin
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def _hurried(monkeypatch):
    """Wait for less, where there is nothing to do."""
    monkeypatch.setattr(process, "LONGEST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(process, "SHEDDING_WAIT_SECONDS", 0.001)


def closed(server):
    """Tell why connections ended."""
    return {reason.value: count for reason, count in server.worker._counts.closed.items()}


def test_the_scoreboard_shows_who_is_served(serving):
    """The watcher limits by it, and other workers accept by it."""
    server = serving()
    server.connect(3)
    slot = server.slot
    assert (slot.accepted, slot.active, slot.streaming, slot.sheddable) == (3, 3, 3, 3)
    assert (slot.clients["felix"], slot.clients["bgp"]) == (3, 0)
    server.clients[0].hang_up()
    server.until(lambda: server.settled() == 2)
    assert (slot.active, slot.streaming, slot.clients["felix"]) == (2, 2, 2)
    before = slot.beaten_at
    server.turn()
    assert slot.beaten_at > before


def test_nobody_is_accepted_but_while_the_server_serves(serving):
    """Before, clients are refused by the kernel; while it stops, they find another."""
    server = serving()
    for phase in (Phase.STARTING, Phase.DRAINING):
        server.board.server.phase = phase
        waiting = server.admit()
        for _ in range(3):
            server.turn()
        assert server.slot.active == 0
        waiting.close()
    server.board.server.phase = Phase.SERVING
    server.connect()


def test_at_the_shutdown_as_many_go_as_are_asked_to(serving):
    """And where there are fewer, nothing is owed: those who are gone need not go."""
    server = serving()
    server.connect(3)
    server.board.server.phase = Phase.DRAINING
    server.slot.drains_asked = 2
    server.until(lambda: len(server.gone()) == 2)
    assert server.slot.drains_done == 2
    server.slot.drains_asked += 5
    server.until(lambda: len(server.gone()) == 3)
    assert server.slot.drains_wanted() == 0
    assert closed(server) == {"shutdown": 3}


def test_for_balance_the_newest_go_but_for_newcomers(serving):
    """Whoever was sent here a moment ago is not sent on while there is somebody else."""
    server = serving()
    for _ in range(3):
        server.connect()
    server.slot.sheds_asked = 1
    server.until(lambda: server.gone() == [2])
    first, second = server.worker._shard.connections.values()
    first.accepted_at -= 100
    server.board.server.newcomer_seconds = 50.0
    server.slot.sheds_asked += 1
    server.until(lambda: server.gone() == [0, 2])
    assert server.slot.sheds_done == 2
    assert closed(server) == {"rebalanced": 2}
    assert not second.ending


def test_what_nobody_can_do_yet_stays_owed(serving):
    """Whoever waits for a snapshot would have to begin again elsewhere."""
    server = serving()
    silent = server.admit()
    server.until(lambda: server.slot.active == 1)
    server.slot.sheds_asked = 1
    for _ in range(5):
        server.turn()
    assert (server.slot.sheds_done, server.slot.sheds_wanted()) == (0, 1)
    server.come()
    server.until(lambda: server.gone() == [0])
    assert server.slot.sheds_wanted() == 0
    silent.close()


@pytest.fixture
def secured(tmp_path):
    """Give settings with certificates."""
    making.make(making.Plan(days=2), tmp_path)
    names = {"cert_file": "typha.crt", "key_file": "typha.key", "ca_file": "typhaca.crt"}
    files = {setting: str(tmp_path / name) for setting, name in names.items()}
    return Settings(tls=TlsSettings(client_cn="calico-node", **files))


def test_certificates_that_changed_are_taken_by_themselves_and_on_request(
    serving, secured, tmp_path, monkeypatch, caplog
):
    """A broken one is counted and told of, and the old one stays in force."""
    caplog.set_level("INFO", "workers")
    server = serving(secured)
    certificates = server.worker._certificates
    server.turn()
    first = certificates.context
    making.make(making.Plan(days=2), tmp_path)
    for _ in range(3):
        server.settled()
        server.turn()
    assert certificates.context is first  # it was looked at a moment ago
    server.board.server.reloads += 1
    server.until(lambda: server.settled() == 0 and certificates.context is not first)
    second = certificates.context
    (tmp_path / "typha.crt").write_text("half of")
    monkeypatch.setattr(process, "CERTIFICATE_LOOK_SECONDS", 0.0)
    server.worker._look_at = 0.0
    server.until(lambda: server.settled() == 0 and server.worker._counts.reload_failures)
    for _ in range(3):
        server.settled()
        server.turn()
    assert server.worker._counts.reload_failures == 1
    assert certificates.context is second
    told = [record.message for record in caplog.records]
    assert told == [
        "certificates reloaded for new connections",
        "changed certificates are no good, keeping the old",
    ]


def test_probes_are_answered_between_turns(serving, short_folder):
    """As long as the loop turns; and they count for nobody."""
    server = serving()
    found = []
    path = reporting.probe_path(short_folder, 0)
    asking = threading.Thread(target=lambda: found.append(hello.problem(path)))
    asking.start()
    server.until(lambda: found)
    asking.join()
    assert found == [""]
    assert server.slot.accepted == 0
