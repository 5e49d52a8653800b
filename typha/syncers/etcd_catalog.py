"""The catalog for etcd: what each syncer is made from where Calico's resources are stored there.

The rows are fewer than Kubernetes': its policies, pods, namespaces and accounts are stored as
Calico's own by whoever put them there.  The processors are the same.
"""

from collections.abc import Mapping
from typing import Final

from typha.datastore.etcd import objects
from typha.datastore.k8s import namespaces
from typha.model import bgp, felix_fields, node_status, paths, stored, workloads
from typha.model.resources import KV, Processor, Reader, Reading, Resource
from typha.processors import (
    affinities,
    felix_config,
    felix_nodes,
    host_endpoints,
    ip_pools,
    network_sets,
    passthrough,
    policies,
    profiles,
    tiers,
    workload_endpoints,
)
from typha.syncers.catalog import Feed
from typha.syncproto.messages import SyncerType

_FELIX: Final = frozenset({SyncerType.FELIX})
_BGP: Final = frozenset({SyncerType.BGP})
_TUNNELS: Final = frozenset({SyncerType.TUNNEL_IP_ALLOCATION})
_NODE_STATUS: Final = frozenset({SyncerType.NODE_STATUS})


def feeds(reading: Reading) -> tuple[Feed, ...]:
    """Return the rows; pod networks never take IPAM's place here, as in the original."""
    del reading
    return _ROWS


def built_in(reading: Reading) -> Mapping[str, Resource]:
    """Return, by resource, what its list has although no datastore lists it."""
    del reading
    return {"profiles.projectcalico.org": namespaces.DEFAULT_ALLOW}


def _process_block(resource: Resource) -> list[KV]:
    """Return a block under the network in its key, whatever its value says."""
    return [KV(paths.block(resource.name), resource.value, resource.revision)]


def _row(
    plural: str,
    read: Reader,
    process: Processor,
    syncers: frozenset[SyncerType] = _FELIX,
    *,
    contested: bool = False,
) -> Feed:
    return Feed(
        resource=f"{plural}.projectcalico.org",
        read=read,
        process=process,
        syncers=syncers,
        contested=contested,
    )


def _policies(kind: str, plural: str) -> Feed:
    return _row(plural, objects.processed(kind), policies.process)


_READ_NODE: Final = objects.passed_through("Node", spec=stored.NODE, status=stored.NODE_STATUS)

_ROWS: Final = (
    # Taken apart
    _policies("NetworkPolicy", "networkpolicies"),
    _policies("GlobalNetworkPolicy", "globalnetworkpolicies"),
    _policies("StagedNetworkPolicy", "stagednetworkpolicies"),
    _policies("StagedGlobalNetworkPolicy", "stagedglobalnetworkpolicies"),
    _policies("StagedKubernetesNetworkPolicy", "stagedkubernetesnetworkpolicies"),
    _row("tiers", objects.processed("Tier"), tiers.process),
    _row("networksets", objects.processed("NetworkSet"), network_sets.process),
    _row(
        "globalnetworksets",
        objects.processed("GlobalNetworkSet"),
        network_sets.process_global,
        contested=True,
    ),
    _row(
        "hostendpoints", objects.processed("HostEndpoint"), host_endpoints.process, contested=True
    ),
    _row(
        "ippools",
        objects.processed("IPPool"),
        ip_pools.process,
        _FELIX | _BGP | _TUNNELS,
        contested=True,
    ),
    _row(
        "workloadendpoints",
        objects.passed_through(workloads.KIND, spec=workloads.SPEC),
        workload_endpoints.process,
    ),
    _row("profiles", objects.profile(), profiles.process),
    _row("nodes", _READ_NODE, felix_nodes.process),
    _row(
        "felixconfigurations",
        objects.passed_through("FelixConfiguration", spec=felix_fields.SPEC),
        felix_config.process,
    ),
    _row(
        "clusterinformations",
        objects.passed_through("ClusterInformation", spec=felix_fields.CLUSTER_INFORMATION),
        felix_config.process_cluster_information,
    ),
    _row("ipamblocks", objects.read_block, _process_block),
    # Passed through
    _row("blockaffinities", objects.read_affinity, affinities.process, _BGP),
    _row("nodes", _READ_NODE, passthrough.process, _FELIX | _BGP | _TUNNELS),
    _row(
        "livemigrations",
        objects.passed_through("LiveMigration", spec=stored.LIVE_MIGRATION),
        passthrough.process,
    ),
    _row(
        "bgpconfigurations",
        objects.passed_through("BGPConfiguration", spec=bgp.CONFIGURATION),
        passthrough.process,
        _FELIX | _BGP,
    ),
    _row(
        "bgppeers",
        objects.passed_through("BGPPeer", spec=bgp.PEER),
        passthrough.process,
        _FELIX | _BGP,
    ),
    _row(
        "bgpfilters",
        objects.passed_through("BGPFilter", spec=bgp.FILTER),
        passthrough.process,
        _BGP,
    ),
    _row(
        "caliconodestatuses",
        objects.passed_through(
            "CalicoNodeStatus", spec=node_status.SPEC, status=node_status.STATUS
        ),
        passthrough.process,
        _NODE_STATUS,
    ),
)
