"""How many Typhas there are, and where: asked of the API server time and again, on a thread.

Asks with an account of its own, KUBECONFIG or the pod's, wherever the datastore is.  Knows nothing
of limits, and never holds up whoever reads what was found.
"""

import logging
import random
import threading
import time
from collections import deque
from typing import Any, Final

import orjson

from typha.config.settings import KubernetesSettings, RebalancingSettings
from typha.datastore.k8s.client import Client, ClosedError, RequestError, Times
from typha.watcher import service
from typha.watcher.rebalance import JITTER
from typha.watcher.service import Found, Unknown

log = logging.getLogger(__name__)

POLL_LIMIT_SECONDS: Final = 30.0  # for one poll, as the reference has it

_TIMES: Final = Times(read=POLL_LIMIT_SECONDS, patience=POLL_LIMIT_SECONDS)


class _TooLongError(Exception):
    """An answer that comes, but too slowly."""


class Neighbours:
    """The Typhas behind a Service, as last seen."""

    def __init__(self, settings: RebalancingSettings) -> None:
        """Note whom to ask for what; nothing is asked yet."""
        self._settings = settings
        self._client = Client(KubernetesSettings(kubeconfig=settings.kubeconfig))
        self._news: deque[Found | Unknown] = deque(maxlen=1)  # of one thread for another
        self._path = f"/apis/discovery.k8s.io/v1/namespaces/{settings.namespace}/endpointslices"
        self._stopping = threading.Event()
        self._chance = random.Random()  # noqa: S311 - spreads load
        self._query = {"labelSelector": f"kubernetes.io/service-name={settings.service_name}"}

    def start(self) -> None:
        """Begin to ask, the first time after one interval."""
        threading.Thread(target=self._poll_for_ever, name="neighbours", daemon=True).start()

    def stop(self) -> None:
        """Ask no more."""
        self._stopping.set()
        self._client.close()

    def take(self) -> Found | Unknown | None:
        """Give, once, what the newest poll came to; None if there was none since."""
        return self._news.popleft() if self._news else None

    def poll(self) -> Found | Unknown:
        """Ask once."""
        try:
            answer = self._ask()
        except RequestError as error:
            return Unknown(str(error))
        except _TooLongError:
            return Unknown(f"no whole answer within {POLL_LIMIT_SECONDS:g} s")
        except ValueError:
            return Unknown("the answer is not JSON")
        return service.read(answer, self._settings.port_name)

    def _poll_for_ever(self) -> None:
        before, interval = "", self._settings.poll_interval
        while not self._stopping.wait(interval * (1 + JITTER * self._chance.random())):
            try:
                news = self.poll()
            except ClosedError:
                return
            except Exception as problem:  # a bug of ours must not end the counting for good
                log.exception("the Typhas are counted anew")
                news = Unknown(f"{type(problem).__name__}: {problem}")
            error = news.error if isinstance(news, Unknown) else ""
            if error and error != before:
                log.warning("cannot count the Typhas", extra={"error": error})
            before = error
            self._news.append(news)

    def _ask(self) -> Any:
        until = time.monotonic() + POLL_LIMIT_SECONDS
        pieces = []
        with self._client.get(self._path, self._query, _TIMES) as answer:
            for piece in answer.pieces():
                pieces.append(piece)
                if time.monotonic() > until:
                    raise _TooLongError
        return orjson.loads(b"".join(pieces))
