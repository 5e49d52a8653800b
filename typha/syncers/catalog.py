"""Per syncer: which resources it is made from, and how each becomes keys.  One table.

A feed is read once per object whatever the number of syncers it serves; a resource with several
feeds is still listed and watched once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from typha.datastore.k8s import (
    affinities as block_affinities,
    cluster_policies,
    custom,
    ipam,
    migrations,
    namespaces,
    nodes,
    pods,
    policies as kubernetes_policies,
    services,
)
from typha.model import bgp, felix_fields, node_status
from typha.model.resources import Processor, Reader, Reading, Resource
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
from typha.syncproto.messages import SyncerType


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One row: the objects of a resource, turned into keys, for some syncers."""

    resource: str
    read: Reader
    process: Processor
    syncers: frozenset[SyncerType]
    contested: bool = False  # several objects may claim one key; the first by name has it


_FELIX: Final = frozenset({SyncerType.FELIX})
_BGP: Final = frozenset({SyncerType.BGP})
_TUNNELS: Final = frozenset({SyncerType.TUNNEL_IP_ALLOCATION})
_NODE_STATUS: Final = frozenset({SyncerType.NODE_STATUS})


def feeds(reading: Reading) -> tuple[Feed, ...]:
    """Return the rows that apply: with pod networks in place of IPAM, no blocks and affinities."""
    if reading.use_pod_cidr:
        return (*_ROWS, _NODES_WITH_BLOCKS)
    return (*_ROWS, _NODES, _BLOCKS, _AFFINITIES)


def built_in(reading: Reading) -> Mapping[str, Resource]:
    """Return, by resource, what its list has although no datastore lists it."""
    del reading
    return {"namespaces": namespaces.DEFAULT_ALLOW}


def _row(
    resource: str,
    read: Reader,
    process: Processor,
    syncers: frozenset[SyncerType] = _FELIX,
    *,
    contested: bool = False,
) -> Feed:
    return Feed(
        resource=resource, read=read, process=process, syncers=syncers, contested=contested
    )


def _policies(kind: str, plural: str) -> Feed:
    return _row(f"{plural}.projectcalico.org", custom.processed(kind), policies.process)


_NODES: Final = _row("nodes", nodes.read, felix_nodes.process)
_NODES_WITH_BLOCKS: Final = _row("nodes", nodes.read, felix_nodes.process_with_blocks)
_BLOCKS: Final = _row("ipamblocks.projectcalico.org", ipam.read, passthrough.process_block)
_AFFINITIES: Final = _row(
    "blockaffinities.projectcalico.org", block_affinities.read, affinities.process, _BGP
)

_ROWS: Final = (
    # Kubernetes' own
    _row("namespaces", namespaces.read_namespace, profiles.process),
    _row("serviceaccounts", namespaces.read_service_account, profiles.process),
    _row("pods", pods.read, workload_endpoints.process),
    _row("services", services.read_service, passthrough.process),
    _row("endpointslices.discovery.k8s.io", services.read_endpoint_slice, passthrough.process),
    _row("networkpolicies.networking.k8s.io", kubernetes_policies.read, policies.process),
    _row(
        "clusternetworkpolicies.policy.networking.k8s.io", cluster_policies.read, policies.process
    ),
    _row("virtualmachineinstancemigrations.kubevirt.io", migrations.read, passthrough.process),
    # Calico's, taken apart
    _policies("NetworkPolicy", "networkpolicies"),
    _policies("GlobalNetworkPolicy", "globalnetworkpolicies"),
    _policies("StagedNetworkPolicy", "stagednetworkpolicies"),
    _policies("StagedGlobalNetworkPolicy", "stagedglobalnetworkpolicies"),
    _policies("StagedKubernetesNetworkPolicy", "stagedkubernetesnetworkpolicies"),
    _row("tiers.projectcalico.org", custom.processed("Tier", custom.complete_tier), tiers.process),
    _row("networksets.projectcalico.org", custom.processed("NetworkSet"), network_sets.process),
    _row(
        "globalnetworksets.projectcalico.org",
        custom.processed("GlobalNetworkSet"),
        network_sets.process_global,
        contested=True,
    ),
    _row(
        "hostendpoints.projectcalico.org",
        custom.processed("HostEndpoint"),
        host_endpoints.process,
        contested=True,
    ),
    _row(
        "ippools.projectcalico.org",
        custom.processed("IPPool"),
        ip_pools.process,
        _FELIX | _BGP | _TUNNELS,
        contested=True,
    ),
    _row(
        "felixconfigurations.projectcalico.org",
        custom.passed_through("FelixConfiguration", spec=felix_fields.SPEC),
        felix_config.process,
    ),
    _row(
        "clusterinformations.projectcalico.org",
        custom.passed_through("ClusterInformation", spec=felix_fields.CLUSTER_INFORMATION),
        felix_config.process_cluster_information,
    ),
    # Calico's, passed through
    _row(
        "bgpconfigurations.projectcalico.org",
        custom.passed_through("BGPConfiguration", spec=bgp.CONFIGURATION),
        passthrough.process,
        _FELIX | _BGP,
    ),
    _row(
        "bgppeers.projectcalico.org",
        custom.passed_through("BGPPeer", spec=bgp.PEER),
        passthrough.process,
        _FELIX | _BGP,
    ),
    _row(
        "bgpfilters.projectcalico.org",
        custom.passed_through("BGPFilter", spec=bgp.FILTER),
        passthrough.process,
        _BGP,
    ),
    _row(
        "caliconodestatuses.projectcalico.org",
        custom.passed_through(
            "CalicoNodeStatus", spec=node_status.SPEC, status=node_status.STATUS
        ),
        passthrough.process,
        _NODE_STATUS,
    ),
    # Felix gets nodes taken apart as well, by a row that depends on the reading
    _row("nodes", nodes.read, passthrough.process, _FELIX | _BGP | _TUNNELS),
)
