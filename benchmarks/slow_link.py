"""Many clients at once behind a narrow link: `python -m benchmarks.slow_link`.

Once without limits, once with snapshots sent at most so fast, as both limits say: are all in sync
in the end, and how many bytes did that take, in snapshots for each client?
"""

from typing import Any, Final

import click

from benchmarks.bench import Bench, Options, say
from benchmarks.children import Child

MIB: Final = 1 << 20
SHARE: Final = 0.9  # of the link that the server is told to use


def measured(bench: Bench, rate: float, patience: float) -> dict[str, Any]:
    """Let all clients come through the link; the first comes directly, to see what it takes."""
    clients = bench.options.clients
    bench.start()
    with Child("link", "--to", str(bench.tree.port), "--rate", "1e12") as wide:
        snapshot = arrived(bench, wide, 1, patience)["bytes"]
    with Child("link", "--to", str(bench.tree.port), "--rate", str(rate)) as link:
        answer = arrived(bench, link, clients, patience)
    return answer | {
        "snapshot": snapshot,
        "ratio": answer["bytes"] / snapshot / clients,
        "worst": answer["most"] / snapshot,
    }


def arrived(bench: Bench, link: Child, clients: int, patience: float) -> dict[str, Any]:
    """Connect clients through a link; tell how it went, and what went through."""
    port = link.answer()["port"]
    with bench.swarm(samplers=0) as swarm:
        swarm.order("connect", groups=[{"clients": clients}], port=port, patience=patience)
        answer = swarm.answer(patience + 60)
        return answer | link.ask("count")


@click.command()
@click.option("--clients", default=1000, show_default=True)
@click.option("--kvs", default=10_000, show_default=True)
@click.option("--workers", default=2, show_default=True)
@click.option("--mib", default=20.0, show_default=True, help="That the link carries a second.")
@click.option("--limits", default="none,count,rate", show_default=True)
def main(clients: int, kvs: int, workers: int, mib: float, limits: str) -> None:
    """Print, without limits and with each, how it went."""
    rate = str(max(1, int(mib * SHARE)))
    known: dict[str, dict[str, str]] = {
        "none": {},
        "count": {"TYPHA_MAXCONCURRENTSNAPSHOTS": "8"},
        "rate": {"TYPHA_MAXEGRESSMIBPERSEC": rate},
    }
    cases = {name: known[name] for name in limits.split(",")}
    heading = (
        "limit",
        "in sync",
        "lost",
        "first, s",
        "half, s",
        "last, s",
        "snapshots a client",
        "at most",
    )
    click.echo(" | ".join(heading))
    failed = 0
    for name, settings in cases.items():
        options = Options(clients=clients, kvs=kvs, workers=workers, settings=settings)
        with Bench(options) as bench:
            say(name)
            patience = 60 + clients * kvs * 150 / (mib * MIB)
            found = measured(bench, mib * MIB, patience)
        failed += found["failed"]
        click.echo(
            f"{name} | {found['in_sync']} | {found['failed']} | {found['first_s']:.1f} | "
            f"{found['half_s']:.1f} | "
            f"{found['last_s']:.1f} | {found['ratio']:.3f} | {found['worst']:.3f}"
        )
        for error in found["errors"]:
            click.echo(f"  {error}")
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
