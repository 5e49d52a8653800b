"""A client that sleeps through many updates: `python -m benchmarks.sleeper --seconds 120`.

It comes in sync and reads nothing for so long, while another one reads all there is.  Then it
wakes: is it still connected, is its state the other's, and how much less was it sent?
"""

import threading
import time
from typing import Final

import click

from benchmarks.bench import Bench, Options, say
from benchmarks.follower import Follower
from typha import dialing
from typha.dialing import Address, Tls
from typha.syncproto import generations
from typha.syncproto.messages import SyncerType

QUIET_SECONDS: Final = 1.5  # without a KV: everything has come


class Quiet:
    """Tells when nothing has come to a client for a while, once something is done."""

    def __init__(self, done: threading.Event) -> None:
        """Begin to listen."""
        self._done = done
        self._count = 0
        self._since = time.monotonic()

    def __call__(self, client: Follower) -> bool:
        """Look at the client; it is still heard, or it is quiet."""
        if len(client.updates) != self._count:
            self._count, self._since = len(client.updates), time.monotonic()
        return self._done.is_set() and time.monotonic() - self._since >= QUIET_SECONDS


def in_sync(bench: Bench, name: str) -> Follower:
    """Connect a client, and let it come in sync; what it was sent for that does not count."""
    certs = bench.certs
    tls = Tls(
        ca_file=str(certs / "typhaca.crt"),
        cert_file=str(certs / "calico-node.crt"),
        key_file=str(certs / "calico-node.key"),
    )
    hello = generations.hello(SyncerType.FELIX, hostname=name)
    follower = Follower(dialing.connect(Address("127.0.0.1", bench.tree.port), hello, tls=tls))
    follower.read_until_in_sync()
    follower.updates.clear()
    return follower


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
        awake, sleeper = in_sync(bench, "awake"), in_sync(bench, "sleeper")
        done = threading.Event()
        reading = threading.Thread(target=awake.read_until, args=(Quiet(done),), daemon=True)
        reading.start()
        say(f"{rate:g} updates a second for {seconds:g} s, and one client sleeps")
        bench.load.order("churn", rate=rate, seconds=seconds)
        time.sleep(seconds)
        sent = bench.load.answer()["sent"]
        done.set()
        reading.join()
        sleeper.read_until(Quiet(done))
        agree = sleeper.state == awake.state
        for name, client in (("awake", awake), ("sleeper", sleeper)):
            size = sum(len(each.key) + len(each.value or b"") for each in client.updates)
            click.echo(f"{name}: {len(client.updates)} updates, {size / 2**20:.1f} MiB")
        click.echo(f"of {sent}; the same in the end: {'yes' if agree else 'NO'}")
        if not agree:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
