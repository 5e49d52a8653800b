"""A client that sleeps through many updates: `python -m benchmarks.sleeper --seconds 120`.

It comes in sync and reads nothing for so long, while another one reads all there is.  Then it
wakes: is it still connected, is its state the other's, and how much less was it sent?
"""

import threading
import time
from typing import Final

import click

from benchmarks.bench import Bench, Options, say
from typha import dialing
from typha.dialing import Address, Connection, Tls
from typha.syncproto import generations
from typha.syncproto.messages import KVs, SyncerType, SyncStatus, SyncStatusMessage

QUIET_SECONDS: Final = 1.5  # without a KV: everything has come


class Follower:
    """A client that keeps what it was told, and counts."""

    def __init__(self, bench: Bench, name: str) -> None:
        """Connect, and come in sync."""
        certs = bench.certs
        tls = Tls(
            ca_file=str(certs / "typhaca.crt"),
            cert_file=str(certs / "calico-node.crt"),
            key_file=str(certs / "calico-node.key"),
        )
        hello = generations.hello(SyncerType.FELIX, hostname=name)
        address = Address("127.0.0.1", bench.tree.port)
        self.connection: Connection = dialing.connect(address, hello, tls=tls)
        self.state: dict[str, bytes] = {}
        self.updates = 0
        self.bytes = 0
        self.status: int | None = None
        self.came_at = 0.0
        while self.status != SyncStatus.IN_SYNC:
            self.read()
        self.updates = self.bytes = 0

    def read(self) -> None:
        """Take one message; pings are answered on the way."""
        message = self.connection.receive()
        if isinstance(message, SyncStatusMessage):
            self.status = message.status
        elif isinstance(message, KVs):
            self.came_at = time.monotonic()
            for update in message.updates:
                self.updates += 1
                self.bytes += len(update.key) + len(update.value or b"")
                if update.value is None:
                    self.state.pop(update.key, None)
                else:
                    self.state[update.key] = update.value

    def read_until(self, done: threading.Event) -> None:
        """Read until nothing comes any more after an event."""
        self.came_at = time.monotonic()
        while not done.is_set() or time.monotonic() - self.came_at < QUIET_SECONDS:
            self.read()


@click.command()
@click.option("--seconds", default=120.0, show_default=True, help="Of sleep.")
@click.option("--rate", default=500.0, show_default=True, help="Updates a second.")
@click.option("--kvs", default=10_000, show_default=True)
@click.option("--ping", default=10, show_default=True, help="Seconds between pings.")
def main(seconds: float, rate: float, kvs: int, ping: int) -> None:
    """Print what each of the two was sent, and whether they agree in the end."""
    settings = {"TYPHA_SERVERPINGINTERVALSECS": str(ping)}
    with Bench(Options(kvs=kvs, settings=settings)) as bench:
        bench.start()
        awake, sleeper = Follower(bench, "awake"), Follower(bench, "sleeper")
        done = threading.Event()
        reading = threading.Thread(target=awake.read_until, args=(done,), daemon=True)
        reading.start()
        say(f"{rate:g} updates a second for {seconds:g} s, and one client sleeps")
        bench.load.order("churn", rate=rate, seconds=seconds)
        time.sleep(seconds)
        sent = bench.load.answer()["sent"]
        done.set()
        reading.join()
        sleeper.read_until(done)
        agree = sleeper.state == awake.state
        for name, client in (("awake", awake), ("sleeper", sleeper)):
            click.echo(f"{name}: {client.updates} updates, {client.bytes / 2**20:.1f} MiB")
        click.echo(f"of {sent}; the same in the end: {'yes' if agree else 'NO'}")
        if not agree:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
