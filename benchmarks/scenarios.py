"""What is done to the server, and what is read off it: one function a scenario."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from benchmarks.bench import Bench, say
from benchmarks.felix import Group
from benchmarks.report import Outcome, Row, percentiles

LONE_UPDATES: Final = 10
LONE_PAUSE_SECONDS: Final = 1.0
BURST: Final = 10_000  # updates
# Where only what comes after is measured: a storm of thousands lasts longer than a handshake may.
ARRIVALS_A_SECOND: Final = 100.0
QUIET_SECONDS: Final = 1.0  # between connecting and measuring


class Measurement:
    """The CPU of the server's tree from here to `finish`."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._before = bench.tree.settled()
        self.begun: Final = time.monotonic()
        self.cpu = 0.0
        self.by_process: dict[str, float] = {}

    def finish(self, *, settle: bool = True) -> None:
        """Stop counting, once the server is done with what it was given."""
        after = self._bench.tree.settled() if settle else self._bench.tree.usage()
        self.cpu = after.total - self._before.total
        names = self._bench.tree.roles()
        used = sorted(after.since(self._before).items())
        self.by_process = {f"{names.get(pid, 'ended')} {pid}": cpu for pid, cpu in used}


def start(bench: Bench) -> Outcome:
    """From nothing to the first client that is in sync."""
    begun = time.monotonic()
    bench.start()
    with bench.swarm(samplers=0) as scout:
        scout.order("connect", groups=[{"clients": 1}], port=bench.tree.port)
        answer = scout.answer()
        wall = time.monotonic() - begun
        used = bench.tree.usage()
    names = bench.tree.roles()
    row = Row(
        **common(bench, "start", clients=1),
        cpu_s=used.total,
        wall_s=wall,
        pss_mib=bench.tree.pss_mib(),
        missing=answer["failed"] * bench.options.kvs,
    )
    by_process = {f"{names.get(pid, '')} {pid}": cpu for pid, cpu in used.by_process.items()}
    return Outcome(row=row, cpu_by_process=by_process)


def storm(bench: Bench) -> Outcome:
    """All clients connect at once; until the last one is in sync."""
    ensure_server(bench)
    bench.disconnect()
    measured = Measurement(bench)
    arrival = bench.connect([Group(clients=bench.options.clients)])
    measured.finish()
    pss, notes = bench.tree.pss_mib(), problems(arrival)
    bench.report()
    checked = bench.check()
    floor = bench.floor(bench.options.clients, handshakes=True)
    return outcome(
        measured,
        Row(
            **common(bench, "storm"),
            **against_floor(measured.cpu, floor, bench.options.kvs * bench.options.clients),
            wall_s=arrival["last_s"],
            pss_mib=pss,
            wrong=checked["wrong"],
            missing=checked["missing"] + arrival["failed"] * bench.options.kvs,
        ),
        notes=notes,
    )


def idle(bench: Bench) -> Outcome:
    """Nothing happens but pings."""
    ensure_clients(bench)
    bench.mark()
    measured = Measurement(bench)
    time.sleep(bench.options.seconds)
    measured.finish(settle=False)
    wall, pss = time.monotonic() - measured.begun, bench.tree.pss_mib()
    received = bench.report()
    floor = bench.floor(received["clients"])
    return outcome(
        measured,
        Row(
            **common(bench, "idle"),
            cpu_s=measured.cpu,
            ratio_to_floor=measured.cpu / floor if floor else None,
            pss_mib=pss,
            wall_s=wall,
            missing=received["closed"],
        ),
    )


def churn(bench: Bench, rate: float | None = None, name: str = "churn") -> Outcome:
    """Evenly spaced updates for a while."""
    ensure_clients(bench)
    wanted = rate or bench.options.rate
    return fed(
        bench, name, wanted, {"do": "churn", "rate": wanted, "seconds": bench.options.seconds}
    )


def burst(bench: Bench, count: int = BURST) -> Outcome:
    """Many updates as fast as the datastore can make them."""
    ensure_clients(bench)
    return fed(bench, "burst", None, {"do": "burst", "count": count})


def lone(bench: Bench) -> Outcome:
    """Send one update after an idle second, again and again: how fast can it be."""
    ensure_clients(bench)
    rate = 1.0 / LONE_PAUSE_SECONDS
    seconds = LONE_UPDATES * LONE_PAUSE_SECONDS
    return fed(bench, "lone", rate, {"do": "churn", "rate": rate, "seconds": seconds})


def stuck(bench: Bench) -> Outcome:
    """Churn as ever while some clients have stopped reading."""
    ensure_clients(bench)
    count = bench.options.stuck
    with bench.swarm(number=900_000, samplers=0) as heavy:
        group = {"clients": count, "stuck": count}
        heavy.order("connect", groups=[group], port=bench.tree.port)
        say(f"{count} clients stop reading: {heavy.answer()['in_sync']} in sync before they did")
        return churn(bench, name="stuck")


def mixed(bench: Bench) -> Outcome:
    """Old and new clients, of all syncers, under churn."""
    ensure_server(bench)
    bench.disconnect()
    total = bench.options.clients
    part = max(total // 10, 1)
    others = [
        *(Group(clients=part, release=release) for release in ("v3.28", "v3.24", "v3.8")),
        *(Group(clients=part, syncer=syncer) for syncer in OTHER_SYNCERS),
    ]
    modern = Group(clients=max(total - part * len(others), 1))
    arrival = bench.connect([modern, *others])
    time.sleep(QUIET_SECONDS)
    found = churn(bench, name="mixed")
    bench.disconnect()
    return replace(found, notes=(*found.notes, *problems(arrival)))


OTHER_SYNCERS: Final = ("bgp", "tunnel-ip-allocation", "node-status")
SCENARIOS: Final[dict[str, Callable[[Bench], Outcome]]] = {
    "start": start,
    "storm": storm,
    "idle": idle,
    "lone": lone,
    "churn": churn,
    "burst": burst,
    "stuck": stuck,
    "mixed": mixed,
}


def fed(bench: Bench, name: str, rate: float | None, order: dict[str, Any]) -> Outcome:
    """Let the datastore change, wait until every client knows, and read everything off."""
    bench.mark()
    measured = Measurement(bench)
    begun = time.monotonic()
    made = bench.load.ask(**order)
    wall = bench.delivered(made["last"]) - begun
    measured.finish()
    pss, received = bench.tree.pss_mib(), bench.report()
    checked, floor = bench.check(), bench.floor(received["clients"])
    sent: int = made["sent"]
    say(
        f"{sent} updates, {received['messages'] / max(received['clients'], 1):.0f} messages of"
        f" {received['kvs'] / max(received['messages'], 1):.1f} KVs to each client"
    )
    row = Row(
        **common(bench, name, clients=received["clients"], rate=rate),
        **against_floor(measured.cpu, floor, sent * received["clients"]),
        **percentiles(received["latency"]),
        pss_mib=pss,
        wall_s=wall,
        wrong=checked["wrong"],
        missing=checked["missing"] + received["closed"],
    )
    notes = tuple(f"closed: {error}" for error in received["errors"])
    return outcome(measured, row, received["latency"], notes)


def outcome(
    measured: Measurement,
    row: Row,
    latency: Counter[int] | None = None,
    notes: tuple[str, ...] = (),
) -> Outcome:
    """Put together what a scenario found."""
    return Outcome(
        row=row,
        latency=latency or Counter(),
        cpu_by_process=measured.by_process,
        notes=notes,
    )


def ensure_server(bench: Bench) -> None:
    """Start the server if it is not there, without measuring it."""
    if not bench.running:
        say("starting the server")
        bench.start()


def ensure_clients(bench: Bench) -> None:
    """Start and connect whatever is not yet there, without measuring it."""
    ensure_server(bench)
    if not bench.connected:
        say(f"connecting {bench.options.clients} clients")
        everybody = [Group(clients=bench.options.clients)]
        arrival = bench.connect(everybody, ARRIVALS_A_SECOND)
        for problem in problems(arrival):
            say(problem)
        time.sleep(QUIET_SECONDS)


def problems(arrival: dict[str, Any]) -> tuple[str, ...]:
    """Say what went wrong while clients connected."""
    failed = arrival["failed"]
    return (f"{failed} clients not in sync: {arrival['errors']}",) if failed else ()


def common(
    bench: Bench, scenario: str, *, clients: int | None = None, rate: float | None = None
) -> dict[str, Any]:
    """Return what every row tells of the circumstances."""
    return {
        "scenario": scenario,
        "clients": bench.options.clients if clients is None else clients,
        "workers": bench.options.workers,
        "kvs": bench.options.kvs,
        "rate": rate,
    }


def against_floor(cpu: float, floor: float | None, kv_clients: int) -> dict[str, Any]:
    """Compare CPU seconds with the floor's."""
    return {
        "cpu_s": cpu,
        "cpu_us_per_kv_client": cpu * 1e6 / kv_clients if kv_clients else None,
        "floor_us_per_kv_client": floor * 1e6 / kv_clients if floor and kv_clients else None,
        "ratio_to_floor": cpu / floor if floor else None,
    }
