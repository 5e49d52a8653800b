"""Every resource a syncer may be made from: its name, where the API serves it, and its nature.

One line a resource.  Knows no client and no object.
"""

from dataclasses import dataclass
from typing import Final

from typha.model.resources import ApiGroup

CALICO: Final = "projectcalico.org"  # the group in the name of a resource of Calico's own


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource of the API."""

    name: str  # as ports.py names resources
    kind: str
    api_version: str  # "" for Calico's own, whose group is found out at start
    plural: str
    namespaced: bool = False
    paged: bool = True  # whether the list takes a limit
    optional: bool = False  # absent from most clusters: no access to it counts as absent

    @property
    def calico(self) -> bool:
        """Whether the resource is Calico's own, stored in either of its groups."""
        return not self.api_version

    def version_in(self, api_group: str) -> str:
        """Give the apiVersion of the resource where Calico's own are stored in `api_group`."""
        return self.api_version or api_group

    def path(self, api_group: str) -> str:
        """Give the path of the list of all namespaces."""
        version = self.version_in(api_group)
        return f"/{'apis' if '/' in version else 'api'}/{version}/{self.plural}"


def _calico(kind: str, plural: str, *, namespaced: bool = False) -> Kind:
    return Kind(f"{plural}.{CALICO}", kind, "", plural, namespaced=namespaced)


KINDS: Final = (
    Kind("pods", "Pod", "v1", "pods", namespaced=True),
    Kind("nodes", "Node", "v1", "nodes"),
    Kind("namespaces", "Namespace", "v1", "namespaces"),
    Kind("serviceaccounts", "ServiceAccount", "v1", "serviceaccounts", namespaced=True),
    Kind("services", "Service", "v1", "services", namespaced=True),
    Kind(
        "endpointslices.discovery.k8s.io",
        "EndpointSlice",
        "discovery.k8s.io/v1",
        "endpointslices",
        namespaced=True,
    ),
    Kind(
        "networkpolicies.networking.k8s.io",
        "NetworkPolicy",
        "networking.k8s.io/v1",
        "networkpolicies",
        namespaced=True,
    ),
    Kind(
        "clusternetworkpolicies.policy.networking.k8s.io",
        "ClusterNetworkPolicy",
        "policy.networking.k8s.io/v1alpha2",
        "clusternetworkpolicies",
        optional=True,
    ),
    Kind(
        "virtualmachineinstancemigrations.kubevirt.io",
        "VirtualMachineInstanceMigration",
        "kubevirt.io/v1",
        "virtualmachineinstancemigrations",
        namespaced=True,
        paged=False,  # the original asks for it without a limit
        optional=True,
    ),
    _calico("ClusterInformation", "clusterinformations"),
    _calico("FelixConfiguration", "felixconfigurations"),
    _calico("GlobalNetworkPolicy", "globalnetworkpolicies"),
    _calico("StagedGlobalNetworkPolicy", "stagedglobalnetworkpolicies"),
    _calico("GlobalNetworkSet", "globalnetworksets"),
    _calico("IPPool", "ippools"),
    _calico("NetworkPolicy", "networkpolicies", namespaced=True),
    _calico("StagedNetworkPolicy", "stagednetworkpolicies", namespaced=True),
    _calico("StagedKubernetesNetworkPolicy", "stagedkubernetesnetworkpolicies", namespaced=True),
    _calico("NetworkSet", "networksets", namespaced=True),
    _calico("Tier", "tiers"),
    _calico("HostEndpoint", "hostendpoints"),
    _calico("BGPConfiguration", "bgpconfigurations"),
    _calico("BGPPeer", "bgppeers"),
    _calico("IPAMBlock", "ipamblocks"),
    _calico("BGPFilter", "bgpfilters"),
    _calico("BlockAffinity", "blockaffinities"),
    _calico("CalicoNodeStatus", "caliconodestatuses"),
)

BY_NAME: Final = {kind.name: kind for kind in KINDS}

# (apiVersion, kind) as an object itself states them; Calico's own by either group.
BY_TYPE: Final = {
    (kind.version_in(group), kind.kind): kind
    for kind in KINDS
    for group in (ApiGroup.CRD, ApiGroup.V3)
}

# The path of a list, in either of Calico's groups.
BY_PATH: Final = {
    kind.path(group): kind for kind in KINDS for group in (ApiGroup.CRD, ApiGroup.V3)
}
