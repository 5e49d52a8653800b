"""/metrics: the families of the whole server under their exact names, and each worker's.

The one importer of prometheus_client, whose metric objects and registry are used; its text form
is not, as it gives every counter the ending `_total`, which the original's names do not have.
"""

import gzip
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.utils import floatToGoString

from typha.ops.httpd import Answer, Request
from typha.ops.ledger import Ledger
from typha.scoreboard import Scoreboard
from typha.telemetry import families, figures
from typha.telemetry.families import Family, Kind
from typha.telemetry.figures import Figures
from typha.telemetry.sketch import Sketch

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"

T = TypeVar("T")
Clock = Callable[[], float]


class FiguresCollector:
    """All families of the table, for the server and for each worker."""

    def __init__(self, ledger: Ledger, board: Scoreboard, clock: Clock) -> None:
        """Take where the figures are; `clock` is monotonic."""
        self._ledger = ledger
        self._posts = [(str(i), f"worker-{i}") for i in range(len(board.workers))]
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """Give the server's families, then the workers'."""
        now = self._clock()
        whole = self._ledger.whole()
        for family in families.ALL:
            yield _metric(family, whole, now)
        parts = [(label, self._ledger.of_post(name)) for label, name in self._posts]
        for family in families.ALL:
            if family.by_worker:
                yield _by_worker(family, parts)


def registry(collectors: Iterable[object]) -> CollectorRegistry:
    """Return a registry of these collectors and nothing else."""
    made = CollectorRegistry(auto_describe=False)
    for collector in collectors:
        made.register(collector)  # type: ignore[arg-type]  # all that is needed is collect()
    return made


def respond_from(source: CollectorRegistry) -> Callable[[Request], Answer]:
    """Return what answers a scrape."""

    def respond(request: Request) -> Answer:
        body = render(source.collect())
        if request.takes_gzip:
            body = gzip.compress(body, compresslevel=1)
        return Answer(HTTPStatus.OK, CONTENT_TYPE, body, is_gzip=request.takes_gzip)

    return respond


def render(metrics: Iterable[Metric]) -> bytes:
    """Write metrics in Prometheus' text format, under the names they have."""
    lines: list[str] = []
    for metric in metrics:
        lines.append(f"# HELP {metric.name} {_escaped(metric.documentation)}")
        lines.append(f"# TYPE {metric.name} {metric.type}")
        lines += [_line(each.name, each.labels, each.value) for each in metric.samples]
    return ("\n".join(lines) + "\n").encode("utf-8", errors="backslashreplace")


def _line(name: str, labels: dict[str, str], value: float) -> str:
    pairs = ",".join(f'{label}="{_escaped(text, quote=True)}"' for label, text in labels.items())
    number = floatToGoString(value)  # type: ignore[no-untyped-call]  # the library's
    return f"{name}{'{' + pairs + '}' if pairs else ''} {number}"


def _escaped(text: str, *, quote: bool = False) -> str:
    text = text.replace("\\", r"\\").replace("\n", r"\n")
    return text.replace('"', r"\"") if quote else text


def _metric(family: Family, whole: Figures, now: float) -> Metric:
    """Return one family for the server, with all the label values known to exist."""
    metric = Metric(family.name, family.help, family.kind)
    match family.kind:
        case Kind.SUMMARY:
            age = figures.age_at(family, now)
            for label, sketch in _filled(family, whole.summaries.get(family.name, {}), Sketch):
                quantiles = _quantiles(family, sketch, age)
                _add_quantiles(metric, _labels(family, label), quantiles)
                _add_sums(metric, _labels(family, label), sketch)
        case Kind.COUNTER:
            values = whole.counters.get(family.name, {})
            _add_values(metric, family, _filled(family, values, float), {})
        case Kind.GAUGE:
            values = whole.gauges.get(family.name, {})
            _add_values(metric, family, _filled(family, values, float), {})
    return metric


def _by_worker(family: Family, parts: Sequence[tuple[str, Figures]]) -> Metric:
    """Return one family worker by worker; of a summary count and sum, as quantiles do not add."""
    name = family.name.replace("typha_", "typha_worker_", 1)
    if family.kind is Kind.COUNTER:  # these are ours, so they end as counters should
        name = f"{name.removesuffix('_total')}_total"
    metric = Metric(name, f"{family.help}  By worker.", family.kind)
    for worker, part in parts:
        own = {"worker": worker}
        if family.kind is Kind.SUMMARY:
            for label, sketch in _filled(family, part.summaries.get(family.name, {}), Sketch):
                _add_sums(metric, own | _labels(family, label), sketch)
        else:
            kind = part.counters if family.kind is Kind.COUNTER else part.gauges
            _add_values(metric, family, _filled(family, kind.get(family.name, {}), float), own)
    return metric


def _filled(family: Family, values: dict[str, T], empty: Callable[[], T]) -> list[tuple[str, T]]:
    """Return the values by label, the known labels first and nothing where there is none."""
    known = [(label, values.get(label) or empty()) for label in family.known]
    return known + sorted(item for item in values.items() if item[0] not in family.known)


def _labels(family: Family, value: str) -> dict[str, str]:
    return {family.label: value} if family.label else {}


def _add_values(
    metric: Metric, family: Family, values: Iterable[tuple[str, float]], own: dict[str, str]
) -> None:
    for label, value in values:
        metric.add_sample(metric.name, own | _labels(family, label), value)


def _quantiles(family: Family, sketch: Sketch, age: int) -> list[float]:
    """Return the quantiles; of whole numbers below 100 they are exact."""
    found = sketch.quantiles(families.QUANTILES, age)
    if family.whole:  # what stands for a bucket is its upper border, a little above
        return [each if math.isnan(each) else math.floor(each) for each in found]
    return found


def _add_quantiles(metric: Metric, labels: dict[str, str], quantiles: Sequence[float]) -> None:
    for share, value in zip(families.QUANTILES, quantiles, strict=True):
        metric.add_sample(metric.name, {**labels, "quantile": str(share)}, value)


def _add_sums(metric: Metric, labels: dict[str, str], sketch: Sketch) -> None:
    metric.add_sample(f"{metric.name}_sum", labels, sketch.total)
    metric.add_sample(f"{metric.name}_count", labels, sketch.count)
