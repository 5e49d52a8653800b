"""Everything goes wrong at random for a while; then every client must know what is so.

Kills and stops the server's processes, breaks the API server, floods the port, lets clients hang
up and dawdle, all under churn.  At the end, what each client was told is compared with the
datastore's state, key by key.
"""

import random
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import click

from benchmarks import faults, netns
from benchmarks.bench import Bench, Options, say
from benchmarks.children import Child
from benchmarks.report import align, tidy

OBJECTS: Final = 2_000
CHANGES_A_SECOND: Final = 300.0
PAUSES_SECONDS: Final = (0.5, 4.0)  # between faults
SAMPLE_SECONDS: Final = 1.0  # between looks at the memory
RECOVERY_SECONDS: Final = 120.0  # after the last fault


class Memory:
    """The memory of the server's tree over time, in MiB."""

    def __init__(self) -> None:
        self._samples: list[tuple[float, float]] = []

    def sample(self, bench: Bench) -> None:
        """Look at it, once a second at most."""
        now = time.monotonic()
        if not self._samples or now - self._samples[-1][0] >= SAMPLE_SECONDS:
            self._samples.append((now, bench.tree.pss_mib()))

    @property
    def peak(self) -> float:
        """Return the most that was seen."""
        return max(mib for _, mib in self._samples)

    @property
    def slope(self) -> float:
        """Return MiB a minute over the second half, by least squares."""
        half = self._samples[len(self._samples) // 2 :]
        mean_time = sum(at for at, _ in half) / len(half)
        mean_size = sum(mib for _, mib in half) / len(half)
        spread = sum((at - mean_time) ** 2 for at, _ in half)
        rise = sum((at - mean_time) * (mib - mean_size) for at, mib in half)
        return rise / spread * 60 if spread else 0.0


class Soak:
    """One server, its restless clients, and what is done to them."""

    def __init__(self, bench: Bench, swarm: Child, seed: int) -> None:
        self.bench: Final = bench
        self.swarm: Final = swarm
        self.memory: Final = Memory()
        self.done: Final[Counter[str]] = Counter()
        self._dice: Final = random.Random(seed)
        self._kinds: Final = faults.all_of_them(bench, swarm, self._dice)

    def trouble(self, seconds: float) -> None:
        """Cause faults at random moments."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.rest(min(left, self._dice.uniform(*PAUSES_SECONDS)))
            kind = self._dice.choice(sorted(self._kinds))
            say(f"{left:5.0f} s left: {kind}: {self._kinds[kind]()}")
            self.done[kind] += 1

    def rest(self, seconds: float) -> None:
        """Let time pass, looking at the memory."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.memory.sample(self.bench)
            time.sleep(0.1)

    def recovered(self, last: int) -> tuple[bool, float]:
        """Wait until all clients are back and know the last change; tells how long it took."""
        begun = time.monotonic()
        while (took := time.monotonic() - begun) < RECOVERY_SECONDS:
            now, late = self.swarm.ask("persist"), self.swarm.ask("waiting", stamp=last)["waiting"]
            if now["in_sync"] == now["clients"] and not late:
                return True, took
            self.rest(0.2)
        return False, took


def run(options: Options, minutes: float, log: Path | None = None) -> dict[str, Any]:
    """Soak one server; returns the figures.  What the server logged is kept at `log`."""
    with Bench(options) as bench:
        bench.start()
        with bench.clients_of("restless", f"--seed={options.seed}") as swarm:
            groups = [{"clients": options.clients}]
            arrived = swarm.ask("connect", groups=groups, port=bench.tree.port)
            say(f"{arrived['in_sync']} of {options.clients} clients in sync; now the trouble")
            swarm.ask("persist")
            soak = Soak(bench, swarm, options.seed)
            bench.load.ask("wild", rate=CHANGES_A_SECOND, seed=options.seed)
            soak.trouble(minutes * 60)
            faults.calm(bench)
            quiet = bench.load.ask("calm")
            say(f"{quiet['sent']} changes were made; waiting until everybody knows")
            recovered, took = soak.recovered(quiet["last"])
            found = swarm.ask("check", state=bench.load.ask("state"))
            lost = swarm.ask("persist")["lost"]
            if log:
                shutil.copy(bench.tree.log, log)
            bench.tree.alive()
    return {
        "minutes": minutes,
        "clients": options.clients,
        "checked": found["checked"],
        "divergent": found["divergent"] + options.clients - found["checked"],
        "wrong": found["wrong"],
        "missing": found["missing"],
        "changes": quiet["sent"],
        "recovered": recovered,
        "recovered_after_s": took,
        "peak_pss_mib": soak.memory.peak,
        "slope_mib_per_minute": soak.memory.slope,
        "faults": dict(sorted(soak.done.items())),
        "connections_lost": lost,
    }


@click.command(help=__doc__)
@click.option("--minutes", default=5.0, show_default=True, help="How long things go wrong.")
@click.option("--clients", default=200, show_default=True, help="Simulated Felix clients.")
@click.option("--kvs", default=OBJECTS, show_default=True, help="Objects in the datastore.")
@click.option("--workers", default=2, show_default=True, help="Worker processes of the server.")
@click.option("--seed", default=1, show_default=True, help="What goes wrong when.")
@click.option("--netns", "isolated", is_flag=True, help="A network of its own (needs root).")
@click.option("--log", type=click.Path(path_type=Path), help="Where to keep the server's log.")
def main(minutes: float, log: Path | None, *, isolated: bool, **given: Any) -> None:
    """Run, print, and exit with 1 if a client knows anything else than what is so."""
    if isolated:
        netns.enter()
    figures = run(Options(samplers=2, **given), minutes, log)
    counted = {name: figures.pop(name) for name in ("faults", "connections_lost")}
    lines = [[name, str(tidy(value))] for name, value in figures.items()]
    for heading, counts in counted.items():
        lines += [[f"{heading}: {name}", str(count)] for name, count in counts.items()]
    click.echo(align(lines))
    sys.exit(1 if figures["divergent"] or not figures["recovered"] else 0)


if __name__ == "__main__":
    main()
