"""Every fuzz target for a moment: on noise, and on recorded streams with pieces exchanged."""

import pytest
from hypothesis import given, settings, strategies as st

from tests import recordings
from tests.fuzz import __main__ as running, seeds
from tests.fuzz.targets import TARGETS
from typha.syncproto import schema, snappy

SEEDS = [
    recordings.named("v3.32.1/ping-pong").sent_by_client,
    recordings.named("v3.32.1/raw-future-hello").sent_by_client,
    recordings.named("v3.32.1/deltas").sent_by_server,
    recordings.named("v3.9.0/deltas").sent_by_server,
    schema.PREAMBLE + schema.kvs([schema.element("/k", b"v" * 200, "12", "7", 1)] * 3),
    schema.element("/k", b"v" * 200, "12", "7", 1) * 2,
    snappy.compress(b"abc" * 100) + snappy.compress(bytes(range(100))),
    seeds.SETTINGS.encode(),
    seeds.MANIFEST.encode(),
]


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """Draw a seed of which a few pieces are cut out, repeated, or replaced."""
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(start + draw(st.integers(0, 8)), len(data))
        replacement = draw(st.binary(max_size=4)) * draw(st.sampled_from([1, 1, 50]))
        data = data[:start] + replacement + data[draw(st.sampled_from([start, end])) :]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_on_its_corpus(name: str) -> None:
    """On the seeds, and on what fuzzers found worth keeping."""
    kept = list((seeds.CORPUS / name).iterdir())
    assert kept
    for file in kept:
        TARGETS[name](file.read_bytes())


def test_every_target_can_be_run_by_name() -> None:
    """And every corpus is some target's."""
    assert running.names() == sorted(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.binary(max_size=300) | mutations())
@settings(deadline=None, max_examples=60)
def test_a_target_holds(name: str, data: bytes) -> None:
    """Its invariant, and no other errors than it names."""
    TARGETS[name](data)
