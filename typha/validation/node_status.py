"""Rules for CalicoNodeStatus.  That `classes` are needed is known where the spec is typed."""

from collections.abc import Iterator
from typing import Final

from typha.model.resources import JsonObject
from typha.validation import primitives

_LONGEST_PERIOD_SECONDS: Final = 86400


def reasons(value: JsonObject) -> Iterator[str]:
    """Give the reasons why a CalicoNodeStatus is unfit; what a node reports is not judged."""
    spec = value["spec"]
    if not primitives.is_name(spec.get("node", "")):
        yield f"spec.node: {spec.get('node')!r} is no name"
    classes = spec.get("classes", ())
    if len(set(classes)) != len(classes):
        yield "spec.classes: one is given twice"
    period = spec.get("updatePeriodSeconds")
    if period is None or period > _LONGEST_PERIOD_SECONDS:
        yield f"spec.updatePeriodSeconds: {period} is not from 0 to {_LONGEST_PERIOD_SECONDS}"
