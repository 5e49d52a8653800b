"""Names of workload endpoints, and what their specs hold."""

import pytest

from tests import golden_data
from typha.model import encoding, typed, workloads
from typha.model.resources import ConversionError

NAMES = golden_data.vectors("wep-names")


def vector_parts(vector):
    """Return the parts that a vector's name is made of."""
    return workloads.Parts(vector["node"], "k8s", vector["pod"], "eth0")


@pytest.mark.parametrize(
    "vector", [v for v in NAMES if not v.get("error")], ids=lambda v: v["pod"]
)
def test_a_name_is_made_and_taken_apart_as_recorded(vector):
    """Dashes are doubled."""
    assert workloads.name(vector_parts(vector)) == vector["v3name"]
    assert workloads.parts_of(vector["v3name"]) == vector_parts(vector)


@pytest.mark.parametrize("vector", [v for v in NAMES if v.get("error")], ids=lambda v: v["node"])
def test_a_part_that_would_make_a_name_ambiguous_is_refused(vector):
    """Empty, or a dash at an end."""
    with pytest.raises(ConversionError, match="is empty, or has a dash at an end"):
        workloads.name(vector_parts(vector))


@pytest.mark.parametrize("name", ["", "a", "a-k8s-b", "a-k8s-b-eth0-x", "a-k8s--eth0", "a-k8s-"])
def test_another_name_is_refused(name):
    """Four parts, none of them empty."""
    with pytest.raises(ConversionError, match="is not <node>-<orchestrator>"):
        workloads.parts_of(name)


def test_a_stored_spec_is_typed():
    """Networks, addresses, hardware addresses and protocols take their canonical forms."""
    spec = {
        "ipNetworks": ["10.65.0.2", "FD00::0003/128"],
        "mac": "66-AA-BB-CC-DD-01",
        "ipv4Gateway": "10.65.0.1/24",
        "ports": [{"name": "a", "protocol": "6", "port": 1}, {"protocol": "UDP", "port": 2}],
        "qosControls": {"dscp": "EF", "egressBurst": 5, "ingressBandwidth": 7},
        "workload": "w",
        "unknown": 1,
    }
    assert encoding.encode(typed.retype(workloads.SPEC, spec, "spec")) == (
        b'{"workload":"w","ipNetworks":["10.65.0.2/32","fd00::3/128"],"ipv4Gateway":"10.65.0.1",'
        b'"mac":"66:aa:bb:cc:dd:01","ports":[{"name":"a","protocol":6,"port":1},'
        b'{"protocol":"udp","port":2}],"qosControls":{"ingressBandwidth":7,"egressBurst":5,"dscp":"EF"}}'
    )


@pytest.mark.parametrize(
    "bad",
    [
        {"ipNetworks": ["elm"]},
        {"ipNetworks": ["10.0.0.1", None]},
        {"ipNetworks": [""]},
        {"allowSpoofedSourcePrefixes": [None]},
        {"mac": "zz"},
        {"ipv6Gateway": "elm"},
        {"ports": [{"protocol": 256}]},
    ],
)
def test_a_spec_that_cannot_be_read_is_refused(bad):
    """Naming the member."""
    with pytest.raises(ConversionError, match=r"^spec\."):
        typed.retype(workloads.SPEC, bad, "spec")
