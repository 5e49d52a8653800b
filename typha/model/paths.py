"""The path under which each key travels: one function per kind of key, and the way back.

Only what the original escapes is escaped: names of profiles, workloads, endpoints and network
sets.  A key the original refuses (an empty part, an unknown kind) raises ConversionError.
"""

from typing import NamedTuple

from typha.model.resources import ConversionError

RESOURCES = "/calico/resources/v3/projectcalico.org/"
READY = "/calico/v1/Ready"
_POLICY = "/calico/v1/policy/"

# Kind -> (plural in the path, namespaced).  Lower-cased kinds, since they are looked up so.
_PLURALS = {
    kind.lower(): (kind, plural, namespaced)
    for kind, plural, namespaced in (
        ("BGPConfiguration", "bgpconfigurations", False),
        ("BGPFilter", "bgpfilters", False),
        ("BGPPeer", "bgppeers", False),
        ("BlockAffinity", "blockaffinities", False),
        ("CalicoNodeStatus", "caliconodestatuses", False),
        ("ClusterInformation", "clusterinformations", False),
        ("FelixConfiguration", "felixconfigurations", False),
        ("GlobalNetworkPolicy", "globalnetworkpolicies", False),
        ("GlobalNetworkSet", "globalnetworksets", False),
        ("HostEndpoint", "hostendpoints", False),
        ("IPAMConfig", "ipamconfigs", False),
        ("IPAMConfiguration", "ipamconfigurations", False),
        ("IPPool", "ippools", False),
        ("IPReservation", "ipreservations", False),
        ("KubeControllersConfiguration", "kubecontrollersconfigurations", False),
        ("KubernetesClusterNetworkPolicy", "kubernetesclusternetworkpolicies", False),
        ("KubernetesEndpointSlice", "kubernetesendpointslices", True),
        ("KubernetesNetworkPolicy", "kubernetesnetworkpolicies", True),
        ("KubernetesService", "kubernetesservice", True),
        ("LiveMigration", "livemigrations", True),
        ("NetworkPolicy", "networkpolicies", True),
        ("NetworkSet", "networksets", True),
        ("Node", "nodes", False),
        ("Profile", "profiles", False),
        ("StagedGlobalNetworkPolicy", "stagedglobalnetworkpolicies", False),
        ("StagedKubernetesNetworkPolicy", "stagedkubernetesnetworkpolicies", True),
        ("StagedNetworkPolicy", "stagednetworkpolicies", True),
        ("Tier", "tiers", False),
        ("WorkloadEndpoint", "workloadendpoints", True),
    )
}
_KINDS = {plural: (kind, namespaced) for kind, plural, namespaced in _PLURALS.values()}
_NAMESPACED_POLICIES = frozenset(
    {"NetworkPolicy", "StagedNetworkPolicy", "StagedKubernetesNetworkPolicy"}
)


class Key(NamedTuple):
    """A path read back: what kind of key it is, and its parts, unescaped, in the path's order."""

    type: str  # such as "Policy", "WorkloadEndpoint", "Resource"
    parts: tuple[str, ...]


def esc(text: str) -> str:
    """Escape a part that may hold slashes."""
    if "%" in text or "/" in text:
        return text.replace("%", "%25").replace("/", "%2f")
    return text


def unesc(text: str) -> str:
    """Undo `esc`."""
    return text.replace("%2f", "/").replace("%25", "%") if "%" in text else text


def policy(kind: str, namespace: str, name: str) -> str:
    """Return the path of a policy; a global one has an empty namespace."""
    _demand(kind and name, "a policy's kind and name")
    _demand(namespace or kind not in _NAMESPACED_POLICIES, f"the namespace of a {kind}")
    return f"{_POLICY}{kind}/{namespace}/{name}"


def tier(name: str) -> str:
    """Return the path of a tier."""
    _demand(name, "a tier's name")
    return f"{_POLICY}tier/{name}/metadata"


def profile_rules(name: str) -> str:
    """Return the path of a profile's rules."""
    _demand(name, "a profile's name")
    return f"{_POLICY}profile/{esc(name)}/rules"


def profile_labels(name: str) -> str:
    """Return the path of a profile's labels."""
    _demand(name, "a profile's name")
    return f"{_POLICY}profile/{esc(name)}/labels"


def workload_endpoint(host: str, orchestrator: str, workload: str, endpoint: str) -> str:
    """Return the path of a workload endpoint; a pod's workload is `<namespace>/<pod>`."""
    _demand(host and orchestrator and workload and endpoint, "a part of a workload endpoint")
    return (
        f"/calico/v1/host/{host}/workload/{esc(orchestrator)}/{esc(workload)}"
        f"/endpoint/{esc(endpoint)}"
    )


def host_endpoint(host: str, endpoint: str) -> str:
    """Return the path of a host endpoint."""
    _demand(host, "a host endpoint's node")
    _demand(endpoint, "a host endpoint's name")
    return f"/calico/v1/host/{host}/endpoint/{esc(endpoint)}"


def network_set(name: str) -> str:
    """Return the path of a network set; a namespaced one is named `<namespace>/<name>`."""
    _demand(name, "a network set's name")
    return f"/calico/v1/netset/{esc(name)}"


def ip_pool(cidr: str) -> str:
    """Return the path of a pool by its canonical network."""
    _demand(cidr, "a pool's network")
    return f"/calico/v1/ipam/v{_version(cidr)}/pool/{cidr.replace('/', '-', 1)}"


def block(cidr: str) -> str:
    """Return the path of an allocation block by its canonical network."""
    _demand(cidr, "a block's network")
    return f"/calico/ipam/v2/assignment/ipv{_version(cidr)}/block/{cidr.replace('/', '-', 1)}"


def block_affinity(affinity: str, host: str, cidr: str) -> str:
    """Return the path of a block affinity; `affinity` is its type, such as `host`."""
    _demand(affinity and host and cidr, "a part of a block affinity")
    network = cidr.replace("/", "-", 1)
    return f"/calico/ipam/v2/{affinity}/{host}/ipv{_version(cidr)}/block/{network}"


def host_ip(host: str) -> str:
    """Return the path of a host's address."""
    _demand(host, "a host's name")
    return f"/calico/v1/host/{host}/bird_ip"


def host_config(host: str, name: str) -> str:
    """Return the path of a setting of one host."""
    _demand(host and name, "a part of a host's setting")
    return f"/calico/v1/host/{host}/config/{name}"


def global_config(name: str) -> str:
    """Return the path of a setting of all hosts."""
    _demand(name, "a setting's name")
    return f"/calico/v1/config/{name}"


def ready() -> str:
    """Return the path of the ready flag."""
    return READY


def wireguard(host: str) -> str:
    """Return the path of a host's WireGuard settings."""
    _demand(host, "a host's name")
    return f"/calico/v1/host/{host}/wireguard"


def resource(kind: str, namespace: str, name: str) -> str:
    """Return the path of a whole resource; the namespace of a global kind is ignored."""
    _demand(name, f"the name of a {kind}")
    known = _PLURALS.get(kind.lower())
    if known is None:
        raise ConversionError(f"no resource kind {kind!r}")
    _, plural, namespaced = known
    if not namespaced:
        return f"{RESOURCES}{plural}/{name}"
    _demand(namespace, f"the namespace of a {kind}")
    return f"{RESOURCES}{plural}/{namespace}/{name}"


def parse(path: str) -> Key | None:
    """Read a path of this module (not the older policy paths); None if it is no key."""
    segments = path.removeprefix("/").split("/")
    match segments:
        case ["calico", "resources", "v3", "projectcalico.org", plural, *names]:
            return _resource_key(path, plural, names)
        case ["calico", "ipam", "v2", "assignment", ("ipv4" | "ipv6"), "block", network]:
            return Key("Block", (_network(network),))
        case ["calico", "ipam", "v2", "host", host, ("ipv4" | "ipv6"), "block", network]:
            return Key("BlockAffinity", ("host", host, _network(network)))
        case ["calico", "v1", *rest]:
            return _v1_key(rest)
    return None


def _v1_key(segments: list[str]) -> Key | None:  # noqa: C901, PLR0911 - one line per kind of key
    match segments:
        case ["Ready"]:
            return Key("Ready", ())
        case ["config", *name] if name != [""] and name:
            return Key("GlobalConfig", ("/".join(name),))
        case ["netset", name] if name:
            return Key("NetworkSet", (unesc(name),))
        case ["ipam", ("v4" | "v6"), "pool", network] if network:
            return Key("IPPool", (_network(network),))
        case ["host", host, *rest] if host:
            return _host_key(host, rest)
        case ["policy", "tier", name, "metadata"] if name:
            return Key("Tier", (name,))
        case ["policy", "profile", name, ("rules" | "labels") as part] if name:
            return Key("ProfileRules" if part == "rules" else "ProfileLabels", (unesc(name),))
        case ["policy", kind, namespace, name] if kind and name:
            return Key("Policy", (kind, namespace, name))
    return None


def _host_key(host: str, segments: list[str]) -> Key | None:  # noqa: PLR0911 - as above
    match segments:
        case ["bird_ip"]:
            return Key("HostIP", (host,))
        case ["wireguard"]:
            return Key("Wireguard", (host,))
        case ["metadata"]:
            return Key("HostMetadata", (host,))
        case ["config", name]:
            return Key("HostConfig", (host, name))
        case ["endpoint", endpoint]:
            return Key("HostEndpoint", (host, unesc(endpoint)))
        case ["workload", orchestrator, workload, "endpoint", endpoint]:
            parts = (unesc(orchestrator), unesc(workload), unesc(endpoint))
            return Key("WorkloadEndpoint", (host, *parts))
    return None


def _resource_key(path: str, plural: str, names: list[str]) -> Key | None:
    kind, namespaced = _KINDS.get(plural, ("", False))
    if not path.startswith("/") or not kind or not all(names):
        return None
    if len(names) != (2 if namespaced else 1):
        return None
    return Key("Resource", (kind, *(names if namespaced else ["", *names])))


def _version(cidr: str) -> int:
    return 6 if ":" in cidr else 4


def _network(text: str) -> str:
    return text.replace("-", "/", 1)


def _demand(part: object, what: str) -> None:
    if not part:
        raise ConversionError(f"{what} is missing")
