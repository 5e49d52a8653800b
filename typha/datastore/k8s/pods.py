"""Pod → Calico's v3 WorkloadEndpoint.

Knows nothing of what becomes of it.  This is the path with the most traffic: it looks at each
member once, copies nothing deep, and leaves what is rare to functions of their own.
"""

from hashlib import sha1
from typing import Any, Final

import orjson

from typha.model import metadata, nets, qos, typed, workloads
from typha.model.resources import (
    ApiGroup,
    ConversionError,
    JsonObject,
    Reading,
    Resource,
)

_POD_IP: Final = "cni.projectcalico.org/podIP"
_POD_IPS: Final = "cni.projectcalico.org/podIPs"
_AWS_POD_IPS: Final = "vpc.amazonaws.com/pod-ips"
_FLOATING_IPS: Final = "cni.projectcalico.org/floatingIPs"
_SOURCE_PREFIXES: Final = "cni.projectcalico.org/allowedSourcePrefixes"
_NETWORK_STATUS: Final = "k8s.v1.cni.cncf.io/network-status"
_RARE: Final = frozenset({_FLOATING_IPS, _SOURCE_PREFIXES, _NETWORK_STATUS, *qos.ANNOTATIONS})

ANNOTATIONS: Final = _RARE | {_POD_IP, _POD_IPS, _AWS_POD_IPS}  # all that are looked at

_FINISHED_PHASES: Final = frozenset({"Succeeded", "Failed", "Completed"})
_PROTOCOLS: Final = {None: "tcp", "": "tcp", "TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}
_PORT_BITS: Final = 0xFFFF  # the original cuts a port to 16 bits
_CONTAINER_PORT: Final = typed.struct(
    typed.always("name", typed.STRING),
    typed.always("hostPort", typed.INT32),
    typed.always("containerPort", typed.INT32),
    typed.always("protocol", typed.STRING),
)
_LONGEST_LABEL: Final = 63  # characters; the original labels with names shorter than that
_VETH_DIGITS: Final = 11  # of the hash, so that a prefix of four fits into Linux' 15


def read(obj: JsonObject, reading: Reading) -> Resource | None:
    """Return a pod's endpoint; None for a pod on its host's network or on no host yet.

    Raises ConversionError, naming the member that cannot be read.
    """
    meta = metadata.of(obj)
    spec = metadata.child(obj, "spec")
    node = metadata.text(spec, "nodeName", "spec")
    host_network = spec.get("hostNetwork")
    if host_network is not None and type(host_network) is not bool:
        raise typed.misfit(host_network, "true or false").within("spec.hostNetwork")
    if host_network or not node:
        return None
    pod, namespace = metadata.text(meta, "name"), metadata.text(meta, "namespace")
    name = workloads.name(workloads.Parts(node, workloads.ORCHESTRATOR, pod, workloads.ENDPOINT))
    annotations = metadata.texts(meta, "annotations")
    account = metadata.text(spec, "serviceAccountName", "spec")
    shown = _metadata(meta, namespace, account)
    endpoint: JsonObject = {
        "orchestrator": workloads.ORCHESTRATOR,
        "node": node,
        "pod": pod,
        "endpoint": workloads.ENDPOINT,
        "serviceAccountName": account,
        "ipNetworks": _networks(metadata.child(obj, "status"), meta, annotations),
        "profiles": _profiles(namespace, account),
        "interfaceName": interface_name(namespace, pod, reading.interface_prefix),
        "ports": [*_ports(spec, "containers"), *_ports(spec, "initContainers")],
    }
    if not _RARE.isdisjoint(annotations):
        _add_rare(annotations, shown, endpoint)
    value = {
        "kind": workloads.KIND,
        "apiVersion": ApiGroup.V3,
        "metadata": {"name": name, **shown},
        "spec": endpoint,
    }
    return Resource(workloads.KIND, namespace, name, metadata.text(meta, "resourceVersion"), value)


def interface_name(namespace: str, pod: str, prefix: str) -> str:
    """Return the name of the host's end of a pod's virtual cable, as the CNI plugin chooses it."""
    digest = sha1(f"{namespace}.{pod}".encode(errors="replace"), usedforsecurity=False).hexdigest()
    return prefix + digest[:_VETH_DIGITS]


def _metadata(meta: JsonObject, namespace: str, account: str) -> JsonObject:
    """Return what an endpoint shows of its pod's metadata."""
    shown: JsonObject = {}
    generate_name = metadata.text(meta, "generateName")
    if generate_name:
        shown["generateName"] = generate_name
    shown["namespace"] = namespace
    shown["labels"] = labels = {
        **metadata.texts(meta, "labels"),
        "projectcalico.org/namespace": namespace,
        "projectcalico.org/orchestrator": workloads.ORCHESTRATOR,
    }
    if account and len(account) < _LONGEST_LABEL:
        labels["projectcalico.org/serviceaccount"] = account
    return shown


def _profiles(namespace: str, account: str) -> list[str]:
    if not account:
        return [f"kns.{namespace}"]
    return [f"kns.{namespace}", f"ksa.{namespace or 'default'}.{account}"]


def _networks(status: JsonObject, meta: JsonObject, annotations: JsonObject) -> list[str]:
    """Return a pod's addresses as networks; none once it is finished, though they must be fit."""
    networks = [_network(address) for address in _addresses(status, annotations)]
    return [] if _is_finished(status, meta, annotations) else networks


def _addresses(status: JsonObject, annotations: JsonObject) -> list[str]:
    """Return the addresses of the first source that has any."""
    listed = status.get("podIPs")
    if listed:
        if type(listed) is not list:
            raise typed.misfit(listed, "a list").within("status.podIPs")
        return [_listed_address(each) for each in listed]
    single = metadata.text(status, "podIP", "status")
    if single:
        return [single]
    for annotation in (_POD_IPS, _POD_IP, _AWS_POD_IPS):
        found: str | None = annotations.get(annotation)
        if found:
            return [found] if annotation == _POD_IP else found.split(",")
    return []


def _listed_address(entry: Any) -> str:
    if type(entry) is not dict:
        raise typed.misfit(entry, "an object").within("status.podIPs[]")
    return metadata.text(entry, "ip", "status.podIPs[]")


def _network(address: str) -> str:
    network = nets.parse_net(address)
    if network is None:
        raise ConversionError(f"{address!r}, an address of the pod, is not an IP address")
    return network


def _is_finished(status: JsonObject, meta: JsonObject, annotations: JsonObject) -> bool:
    """Tell whether a pod has given its addresses back: it may still list them."""
    if metadata.text(status, "phase", "status") in _FINISHED_PHASES:
        return True
    # On deletion the CNI plugin empties its annotation at the moment the addresses are free.
    return meta.get("deletionTimestamp") is not None and "" in (
        annotations.get(_POD_IP),
        annotations.get(_AWS_POD_IPS),
    )


def _ports(spec: JsonObject, member: str) -> list[JsonObject]:
    """Return the containers' ports that have a name or are on the host."""
    containers = spec.get(member)
    if containers is None:
        return []
    if type(containers) is not list:
        raise typed.misfit(containers, "a list").within(f"spec.{member}")
    ports: list[JsonObject] = []
    for container in containers:
        if type(container) is not dict:
            if container is None:
                continue
            raise typed.misfit(container, "an object").within(f"spec.{member}[]")
        given = container.get("ports")
        if given:
            ports.extend(_fit_ports(given, f"spec.{member}[].ports"))
    return ports


def _fit_ports(given: Any, where: str) -> list[JsonObject]:
    if type(given) is not list:
        raise typed.misfit(given, "a list").within(where)
    ports = []
    for entry in given:
        port = entry if _is_port(entry) else typed.retype(_CONTAINER_PORT, entry, f"{where}[]")
        number, name = port.get("containerPort"), port.get("name") or ""
        protocol = _PROTOCOLS.get(port.get("protocol"))
        if number and protocol and (name or port.get("hostPort")):
            ports.append({"name": name, "protocol": protocol, "port": number & _PORT_BITS})
    return ports


def _is_port(entry: Any) -> bool:
    """Tell whether an entry plainly is what it should be; if not, it is looked at closely."""
    return (
        type(entry) is dict
        and type(entry.get("containerPort")) is int
        and type(entry.get("name", "")) is str
        and type(entry.get("protocol", "")) is str
        and type(entry.get("hostPort", 0)) is int
    )


def _add_rare(annotations: JsonObject, shown: JsonObject, endpoint: JsonObject) -> None:
    """Add what few pods' annotations ask for."""
    if _NETWORK_STATUS in annotations:
        shown["annotations"] = {_NETWORK_STATUS: annotations[_NETWORK_STATUS]}
    if _FLOATING_IPS in annotations and endpoint["ipNetworks"]:
        floating = _texts_in(annotations, _FLOATING_IPS)
        endpoint["ipNATs"] = _nats(floating, endpoint["ipNetworks"])
    if annotations.get(_SOURCE_PREFIXES):
        prefixes = _texts_in(annotations, _SOURCE_PREFIXES)
        endpoint["allowSpoofedSourcePrefixes"] = [_prefix(prefix) for prefix in prefixes]
    controls = qos.controls(annotations)
    if controls:
        endpoint["qosControls"] = controls


def _texts_in(annotations: JsonObject, name: str) -> list[str]:
    """Return the texts in an annotation that holds a JSON list."""
    where = f"metadata.annotations[{name}]"
    try:
        decoded = orjson.loads(annotations[name])
    except ValueError as error:
        raise ConversionError(f"{where}: not a JSON list of texts: {error}") from None
    return typed.retype(typed.STRINGS, decoded, where) or []


def _prefix(text: str) -> str:
    prefix = nets.parse_cidr(text)
    if prefix is None:
        where = f"metadata.annotations[{_SOURCE_PREFIXES}]"
        raise ConversionError(f"{where}: {text!r} is not a network with a prefix length")
    return prefix


def _nats(floating: list[str], networks: list[str]) -> list[JsonObject]:
    """Pair each floating address with the last of the pod's addresses of its family."""
    inner: dict[bool, str] = {}
    for network in networks:
        address, _, length = network.partition("/")
        if length != ("128" if ":" in address else "32"):
            raise ConversionError(f"{network}, an address with floating ones, is a whole network")
        inner[":" in address] = address
    return [
        {"internalIP": inner[":" in address], "externalIP": address}
        for address in floating
        if (":" in address) in inner
    ]
