"""A Kubernetes API server for load: one family of objects, empty lists of everything else.

usage: python -m benchmarks.api [--family policies|pods] [--count N] [--port P]

Prints `{"port": P}`, then obeys a JSON object a line on standard input and answers each with one:
`churn` (rate, seconds) and `burst` (count) change objects, `state` tells what they are now, and
`drop`, `forget`, `refuse` (seconds) and `mute` (seconds) are what goes wrong with API servers.
"""

import argparse
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from benchmarks import children, rest
from benchmarks.cluster import Cluster
from benchmarks.objects import FAMILIES

STRIDE: Final = 7919  # a prime: successive changes touch objects far apart
REMOVED: Final = 0.15  # the share of removals among random changes
BURST_STEP: Final = 100  # changes after which a burst lets the watches be written


class Load:
    """Who changes the objects, one after another in an order that looks random and is not."""

    def __init__(self, cluster: Cluster, seed: int) -> None:
        self._cluster = cluster
        self._done = random.Random(seed).randrange(len(cluster))

    def churn(self, rate: float, seconds: float) -> dict[str, Any]:
        """Change `rate` objects a second, evenly spaced."""
        begun, count, last = time.monotonic(), int(rate * seconds), 0
        first = time.time_ns()
        for turn in range(count):
            if (early := begun + turn / rate - time.monotonic()) > 0:
                time.sleep(early)
            last = self._change()
        return {"sent": count, "first": first, "last": last, "seconds": time.monotonic() - begun}

    def burst(self, count: int) -> dict[str, Any]:
        """Change `count` objects as fast as they can be."""
        begun, last, first = time.monotonic(), 0, time.time_ns()
        for turn in range(count):
            last = self._change()
            if turn % BURST_STEP == BURST_STEP - 1:
                time.sleep(0)  # the threads that write the watches get their turn
        return {"sent": count, "first": first, "last": last, "seconds": time.monotonic() - begun}

    def flicker(self, rate: float, seconds: float, seed: int) -> dict[str, Any]:
        """Change, remove and create objects at random, in uneven bursts."""
        dice, begun, count = random.Random(seed), time.monotonic(), 0
        while (now := time.monotonic() - begun) < seconds:
            for _ in range(int(now * rate) - count):
                number = dice.randrange(len(self._cluster))
                if dice.random() < REMOVED:
                    self._cluster.remove(number)
                else:
                    self._cluster.update(number)
                count += 1
            time.sleep(dice.random() * 0.1)
        return {"sent": count, "last": self._change()}

    def _change(self) -> int:
        self._done += 1
        return self._cluster.update(self._done * STRIDE % len(self._cluster))


def obey(
    order: dict[str, Any], load: Load, cluster: Cluster, server: rest.Server
) -> dict[str, Any]:
    """Do what one line asks; raises KeyError for an order there is not."""
    verb, given = order.pop("do"), order
    verbs: dict[str, Callable[[], dict[str, Any]]] = {
        "churn": lambda: load.churn(**given),
        "burst": lambda: load.burst(**given),
        "flicker": lambda: load.flicker(**given),
        "state": lambda: {
            "family": cluster.family.name,
            "count": len(cluster),
            "revision": cluster.first_revision,
            "known": cluster.known(),
        },
        "drop": lambda: {"dropped": server.drop()},
        "forget": lambda: {"forgotten": server.forget()},
        "refuse": lambda: {"refusing": server.refuse(**given)},
        "mute": lambda: {"muted": server.mute(**given)},
        "requests": lambda: {"requests": dict(server.requests)},
    }
    return verbs[verb]()


def main() -> None:
    """Serve until standard input ends."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.api")
    arguments.add_argument("--family", choices=sorted(FAMILIES), default="policies")
    arguments.add_argument("--count", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=1, help="which objects change when")
    arguments.add_argument("--port", type=int, default=0)
    options = arguments.parse_args()
    cluster = Cluster(FAMILIES[options.family], options.count)
    server = rest.Server(cluster, options.port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    children.tell({"port": server.server_address[1]})
    load = Load(cluster, options.seed)
    for order in children.orders():
        children.tell(obey(order, load, cluster, server))


if __name__ == "__main__":
    main()
    sys.exit(0)
