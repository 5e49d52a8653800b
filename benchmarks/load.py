"""Who changes the objects of a cluster, on request."""

import random
import threading
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
        self._calm = threading.Event()
        self._wild: threading.Thread | None = None
        self._raged = 0
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

    def wild(self, rate: float, seed: int) -> dict[str, Any]:
        """Begin to change, remove and create objects at random, in uneven bursts, until calm."""
        self._calm.clear()
        self._wild = threading.Thread(target=self._rage, args=(rate, random.Random(seed)))
        self._wild.start()
        return {"wild": rate}

    def calm(self) -> dict[str, Any]:
        """End what `wild` began, with one last change."""
        self._calm.set()
        if self._wild:
            self._wild.join()
        return {"sent": self._raged, "last": self._change()}

    def _rage(self, rate: float, dice: random.Random) -> None:
        begun = time.monotonic()
        while not self._calm.wait(dice.random() * 0.1):
            for _ in range(int((time.monotonic() - begun) * rate) - self._raged):
                number = dice.randrange(len(self._cluster))
                if dice.random() < REMOVED:
                    self._cluster.remove(number)
                else:
                    self._cluster.update(number)
                self._raged += 1

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
            "wild": self.wild,
            "calm": self.calm,
            "state": self.state,
        }

    def _change(self) -> int:
        self._done += 1
        return self._cluster.update(self._done * STRIDE % len(self._cluster))
