"""What the benchmarks believe a client must be told, against what the converters make of it."""

import orjson
import pytest

from benchmarks import micro, objects
from typha.model import encoding
from typha.model.resources import Reading


@pytest.mark.parametrize(
    "family", [objects.POLICIES, objects.PODS, objects.LARGE_PODS], ids=lambda f: f.name
)
@pytest.mark.parametrize("number", [0, 1, 249, 62_501, 99_999])
def test_keys_and_values_are_those_that_the_converters_make(
    family: objects.Family, number: int
) -> None:
    """Two independent spellings of one object agree to the byte."""
    feed = micro.feed_of(family)
    resource = feed.read(orjson.loads(family.spell(number, 77, 1234)), Reading())
    [kv] = feed.process(resource)
    assert (kv.key, kv.revision) == (family.key(number), "77")
    assert encoding.encode(kv.value) == family.value(number, 1234)


def test_values_are_of_the_size_of_real_ones() -> None:
    """About 600 bytes, with the marker that tells their age."""
    for family in objects.FAMILIES.values():
        value = family.value(54_321, 987)
        assert 550 < len(value) < 700
        assert objects.stamps(value) == (987,)


def test_large_pods_have_five_kibibytes() -> None:
    """As the goals of ingestion have them."""
    assert len(objects.spell_large_pod(99_999, 77, 1234)) == pytest.approx(5120, rel=0.03)


def test_older_clients_know_policies_by_other_keys_and_pods_by_the_same() -> None:
    """The spelling changed with v3.32, for policies alone."""
    assert objects.POLICIES.key_for(7, modern=False) == (
        "/calico/v1/policy/tier/default/policy/default.shop-000007"
    )
    assert objects.PODS.key_for(7, modern=False) == objects.PODS.key_for(7, modern=True)
