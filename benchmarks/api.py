"""A Kubernetes API server for load: one family of objects, empty lists of everything else.

usage: python -m benchmarks.api [--family NAME] [--count N] [--port P]

Prints `{"port": P}`, then obeys a JSON object a line on standard input and answers each with one:
`churn` (rate, seconds) and `burst` (count) change objects, `state` tells what they are now, and
`drop`, `forget`, `refuse` (seconds) and `mute` (seconds) are what goes wrong with API servers.
"""

import argparse
import threading
from collections.abc import Callable
from typing import Any

from benchmarks import children, rest
from benchmarks.cluster import Cluster
from benchmarks.load import Load
from benchmarks.objects import FAMILIES


def faults(server: rest.Server) -> dict[str, Callable[..., dict[str, Any]]]:
    """Return what can go wrong on request, by name."""
    return {
        "drop": lambda: {"dropped": server.drop()},
        "forget": lambda: {"forgotten": server.forget()},
        "refuse": lambda seconds: {"refusing": server.refuse(seconds)},
        "mute": lambda seconds: {"muted": server.mute(seconds)},
        "requests": lambda: {"requests": dict(server.requests)},
    }


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
    verbs = Load(cluster, options.seed).verbs() | faults(server)
    for order in children.orders():
        children.tell(verbs[order.pop("do")](**order))


if __name__ == "__main__":
    main()
