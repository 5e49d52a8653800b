"""What the benchmarks' API server serves, and how it says so."""

import json
from http import HTTPStatus
from typing import Final

CRD: Final = "crd.projectcalico.org/v1"
KINDS: Final = {
    "v1": {
        "namespaces": "Namespace",
        "nodes": "Node",
        "pods": "Pod",
        "serviceaccounts": "ServiceAccount",
        "services": "Service",
    },
    CRD: {
        "bgpconfigurations": "BGPConfiguration",
        "bgpfilters": "BGPFilter",
        "bgppeers": "BGPPeer",
        "blockaffinities": "BlockAffinity",
        "caliconodestatuses": "CalicoNodeStatus",
        "clusterinformations": "ClusterInformation",
        "felixconfigurations": "FelixConfiguration",
        "globalnetworkpolicies": "GlobalNetworkPolicy",
        "globalnetworksets": "GlobalNetworkSet",
        "hostendpoints": "HostEndpoint",
        "ipamblocks": "IPAMBlock",
        "ippools": "IPPool",
        "networkpolicies": "NetworkPolicy",
        "networksets": "NetworkSet",
        "stagedglobalnetworkpolicies": "StagedGlobalNetworkPolicy",
        "stagedkubernetesnetworkpolicies": "StagedKubernetesNetworkPolicy",
        "stagednetworkpolicies": "StagedNetworkPolicy",
        "tiers": "Tier",
    },
    "discovery.k8s.io/v1": {"endpointslices": "EndpointSlice"},
    "networking.k8s.io/v1": {"networkpolicies": "NetworkPolicy"},
    "policy.networking.k8s.io/v1alpha2": {"clusternetworkpolicies": "ClusterNetworkPolicy"},
}


def root(group_version: str) -> str:
    """Where the API server has the resources of a group version."""
    return f"/{'apis' if '/' in group_version else 'api'}/{group_version}"


# Where the list of each resource is -> its group version and kind.
LISTS: Final = {
    f"{root(group_version)}/{plural}": (group_version, kind)
    for group_version, kinds in KINDS.items()
    for plural, kind in kinds.items()
}


def answer(path: str) -> bytes | None:
    """Answer a question about what there is; None for any other path."""
    if path == "/version":
        return b'{"major":"1","minor":"35","gitVersion":"v1.35.6"}'
    if path == "/api":
        return b'{"kind":"APIVersions","versions":["v1"]}'
    if path == "/apis":
        return groups()
    for group_version in KINDS:
        if path == root(group_version):
            return resources(group_version)
    return None


def groups() -> bytes:
    """List the API groups."""
    named = [group_version.split("/") for group_version in KINDS if "/" in group_version]
    versions = [
        (group, {"groupVersion": f"{group}/{version}", "version": version})
        for group, version in named
    ]
    listed = [
        {"name": group, "versions": [version], "preferredVersion": version}
        for group, version in versions
    ]
    return json.dumps({"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}).encode()


def resources(group_version: str) -> bytes:
    """List the resources of a group version."""
    listed = [
        {"name": plural, "kind": kind, "namespaced": False, "verbs": ["get", "list", "watch"]}
        for plural, kind in KINDS[group_version].items()
    ]
    head = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version}
    return json.dumps(head | {"resources": listed}).encode()


def failure(status: HTTPStatus, reason: str) -> bytes:
    """Spell an error as the API does."""
    return json.dumps(
        {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "code": status.value,
            "reason": reason,
            "message": status.phrase,
        }
    ).encode()
