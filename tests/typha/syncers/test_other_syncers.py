"""The bgp, tunnel-ip-allocation and node-status rows, against what the real Typha sent."""

import pytest

from tests import golden_data
from tests.replaying import Replay, differences
from typha.model.resources import ApiGroup, Reading
from typha.syncers import catalog
from typha.syncproto.messages import SyncerType

READINGS = {
    "crd": Reading(),
    "v3-crds": Reading(api_group=ApiGroup.V3),
    "outage": Reading(),
    "pod-cidr": Reading(use_pod_cidr=True),
}
SYNCERS = [SyncerType.BGP, SyncerType.TUNNEL_IP_ALLOCATION, SyncerType.NODE_STATUS]
LEAST = {  # keys that the main corpora have, so that no comparison is of nothing with nothing
    SyncerType.BGP: 38,
    SyncerType.TUNNEL_IP_ALLOCATION: 27,
    SyncerType.NODE_STATUS: 2,
}
UNPARSABLE = "/calico/ipam/v2/virtual/"  # for every client; docs/deviations.md


def recorded(folder, syncer, *, final=False):
    """Return what a snapshot says of each key that must be the same."""
    return {
        key: (sent.value, sent.revision, sent.v3_resource_version)
        for key, sent in golden_data.snapshot(folder, syncer.value, final=final).items()
        if not key.startswith(UNPARSABLE)
    }


@pytest.mark.golden
@pytest.mark.parametrize("syncer", SYNCERS)
@pytest.mark.parametrize("folder", READINGS)
def test_the_first_snapshot_is_the_recorded_one(folder, syncer):
    """Every key: value, revision and resource version."""
    replay = Replay.of(folder, syncer, READINGS[folder])
    expected = recorded(folder, syncer)
    assert not differences(expected, replay.values)
    assert len(expected) >= (LEAST[syncer] if "crd" in folder else 0)


@pytest.mark.golden
@pytest.mark.parametrize("syncer", SYNCERS)
@pytest.mark.parametrize("folder", ["crd", "v3-crds", "pod-cidr"])
def test_each_change_sends_what_was_recorded(folder, syncer):
    """In order per key; and in the end every key has the recorded value."""
    replay = Replay.of(folder, syncer, READINGS[folder])
    deltas = golden_data.deltas(folder, syncer.value)
    for mutation in golden_data.mutations(folder):
        expected = {}
        for sent in deltas.get(mutation.number, ()):
            expected.setdefault(sent.key, []).append(sent)
        assert not differences(expected, replay.play(mutation)), mutation.name
    values = {key: said[0] for key, said in recorded(folder, syncer, final=True).items()}
    assert not differences(values, {key: said[0] for key, said in replay.values.items()})


@pytest.mark.golden
@pytest.mark.parametrize("folder", ["crd", "v3-crds"])
def test_affinities_that_no_client_can_parse_are_left_out(folder):
    """The original sends one, of a load balancer; clients log a warning and skip it."""
    sent = golden_data.snapshot(folder, SyncerType.BGP.value)
    assert any(key.startswith(UNPARSABLE) for key in sent)
    replay = Replay.of(folder, SyncerType.BGP, READINGS[folder])
    assert not any(key.startswith(UNPARSABLE) for key in replay.values)


def resources(syncer, reading):
    """Return the resources that a syncer is made from."""
    return {feed.resource for feed in catalog.feeds(reading) if syncer in feed.syncers}


def test_each_syncer_is_made_from_what_the_original_makes_it_from():
    """Six kinds for bgp, two for the tunnels, one for node-status."""
    calico = ".projectcalico.org"
    assert resources(SyncerType.TUNNEL_IP_ALLOCATION, Reading()) == {"nodes", "ippools" + calico}
    assert resources(SyncerType.NODE_STATUS, Reading()) == {"caliconodestatuses" + calico}
    plurals = ("ippools", "bgpconfigurations", "bgppeers", "bgpfilters", "blockaffinities")
    bgp = {"nodes", *(plural + calico for plural in plurals)}
    assert resources(SyncerType.BGP, Reading()) == bgp
    without_ipam = bgp - {"blockaffinities" + calico}
    assert resources(SyncerType.BGP, Reading(use_pod_cidr=True)) == without_ipam
