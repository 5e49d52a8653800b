"""Who changes the objects of a cluster, on request."""

import random
import time
from collections.abc import Callable
from typing import Any, Final

from benchmarks.cluster import Cluster

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

    def state(self) -> dict[str, Any]:
        """Tell what there is: the objects that have been changed, and how to know the others."""
        cluster = self._cluster
        return {
            "family": cluster.family.name,
            "count": len(cluster),
            "revision": cluster.first_revision,
            "known": cluster.known(),
        }

    def verbs(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return what can be asked for, by name."""
        return {
            "churn": self.churn,
            "burst": self.burst,
            "flicker": self.flicker,
            "state": self.state,
        }

    def _change(self) -> int:
        self._done += 1
        return self._cluster.update(self._done * STRIDE % len(self._cluster))
