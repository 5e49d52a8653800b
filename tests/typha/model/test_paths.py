"""Keys travel under the original's paths, and are read back from them."""

import re

import pytest
from hypothesis import given, strategies as st

from tests import golden_data
from typha.model import paths
from typha.model.resources import ConversionError

BUILDERS = {
    "PolicyKey": (
        r"Policy\(Name=(?P<name>.*), Namespace=(?P<namespace>.*), Kind=(?P<kind>.*)\)",
        paths.policy,
    ),
    "TierKey": (r"Tier\(name=(?P<name>.*)\)", paths.tier),
    "ProfileRulesKey": (r"ProfileRules\(name=(?P<name>.*)\)", paths.profile_rules),
    "ProfileLabelsKey": (r"ProfileLabels\(name=(?P<name>.*)\)", paths.profile_labels),
    "WorkloadEndpointKey": (
        (
            r"WorkloadEndpoint\(node=(?P<host>.*), orchestrator=(?P<orchestrator>.*), "
            r"workload=(?P<workload>.*), name=(?P<endpoint>.*)\)"
        ),
        paths.workload_endpoint,
    ),
    "HostEndpointKey": (
        r"HostEndpoint\(node=(?P<host>.*), name=(?P<endpoint>.*)\)",
        paths.host_endpoint,
    ),
    "NetworkSetKey": (r"NetworkSet\(name=(?P<name>.*)\)", paths.network_set),
    "IPPoolKey": (r"IPPool\(cidr=(?P<cidr>.*)\)", paths.ip_pool),
    "BlockKey": (r"BlockKey\(cidr=(?P<cidr>.*)\)", paths.block),
    "HostIPKey": (r"Node\(name=(?P<host>.*)\)", paths.host_ip),
    "WireguardKey": (r"Node\(nodename=(?P<host>.*)\)", paths.wireguard),
    "HostConfigKey": (r"HostConfig\(node=(?P<host>.*),name=(?P<name>.*)\)", paths.host_config),
    "GlobalConfigKey": (r"GlobalFelixConfig\(name=(?P<name>.*)\)", paths.global_config),
    "ReadyFlagKey": (r"ReadyFlagKey\(\)", paths.ready),
    "ResourceKey": (r"(?P<kind>\w+)\((?:(?P<namespace>.*)/)?(?P<name>.*)\)", paths.resource),
}
KEYS = [v for v in golden_data.vectors("keys") if v["type"] != "model.HostMetadataKey"]


def built(vector):
    """Build the path of a recorded key, which is given as Go prints it."""
    pattern, build = BUILDERS[vector["type"].removeprefix("model.")]
    parts = re.fullmatch(pattern, vector["string"]).groupdict()
    return build(**{name: part or "" for name, part in parts.items()})


@pytest.mark.golden
@pytest.mark.parametrize("vector", KEYS, ids=lambda v: v["string"])
def test_every_recorded_key_has_the_recorded_path(vector):
    """Or is refused where the original refuses it."""
    if vector.get("error"):
        with pytest.raises(ConversionError):
            built(vector)
        return
    assert built(vector) == vector["path"]


@pytest.mark.golden
@pytest.mark.parametrize("vector", [v for v in KEYS if "path" in v], ids=lambda v: v["path"])
def test_every_recorded_path_is_read_back_to_its_parts(vector):
    """The parts, given to the function that makes this kind of path, make the same one."""
    key = paths.parse(vector["path"])
    kind = vector["type"].removeprefix("model.")
    assert key.type == kind.removesuffix("FlagKey").removesuffix("Key")
    assert BUILDERS[kind][1](*key.parts) == vector["path"]


@pytest.mark.golden
@pytest.mark.parametrize(
    "vector",
    [v for v in golden_data.vectors("keys-parse") if "upgraded" not in v],
    ids=lambda v: v["path"],
)
def test_paths_that_are_no_keys_are_not_read(vector):
    """The older policy paths apart, what the original cannot read is None here."""
    assert (paths.parse(vector["path"]) is None) == (vector["key"] is None)


def test_block_affinities_have_the_path_of_their_host():
    """IPv6 keeps its colons."""
    path = paths.block_affinity("host", "node1", "fd00:65::/122")
    assert path == "/calico/ipam/v2/host/node1/ipv6/block/fd00:65::-122"
    assert paths.parse(path) == ("BlockAffinity", ("host", "node1", "fd00:65::/122"))


@given(st.text())
def test_escaping_is_undone(text):
    """Also for names that look escaped already."""
    assert "/" not in paths.esc(text)
    assert paths.unesc(paths.esc(text)) == text
