"""The objects of the benchmarks, and by hand what a client must be told of each.

Every object carries a marker `@@TS` and 19 digits, the Unix time in nanoseconds of its last
change, at a place that reaches the client's value: whoever receives it knows how long it took.
The expected keys and values are written here anew, so that the benchmarks believe nothing that
the code under test says.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

MARKER: Final = re.compile(rb"@@TS(\d{19})")
NEVER: Final = 0  # the marker's time in an object that has not changed since the start


def marker(nanoseconds: int) -> bytes:
    """Spell a marker for a Unix time in nanoseconds."""
    return b"@@TS%019d" % nanoseconds


def stamps(text: bytes) -> tuple[int, ...]:
    """Find the times, in Unix nanoseconds, of all the markers in a text."""
    return tuple(int(digits) for digits in MARKER.findall(text))


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of object, numbered from 0: how the API server spells it, and what clients get."""

    name: str
    kind: str
    group_version: str
    plural: str
    prefix: str  # what all keys made from such objects, and no others, begin with
    spell: Callable[[int, int, int], bytes]  # number, revision, time of change -> JSON
    key: Callable[[int], str]
    value: Callable[[int, int], bytes]  # number, time of change -> JSON
    older_prefix: str = ""  # the prefix for clients that do not know the modern keys

    @property
    def path(self) -> str:
        """Where the API server has the list."""
        root = "/api" if "/" not in self.group_version else "/apis"
        return f"{root}/{self.group_version}/{self.plural}"

    def key_for(self, number: int, *, modern: bool) -> str:
        """Name the key of an object as a modern or an older client is told it."""
        key = self.key(number)
        return (
            key if modern or not self.older_prefix else self.older_prefix + key[len(self.prefix) :]
        )


# About 850 bytes of object and 600 of value: what policies of a busy cluster look like.
POLICY: Final = (
    b'{"apiVersion":"crd.projectcalico.org/v1","kind":"GlobalNetworkPolicy","metadata":{'
    b'"creationTimestamp":"2026-03-01T08:00:00Z","generation":1,"name":"default.shop-%06d",'
    b'"resourceVersion":"%d","uid":"5f0c3a10-8f6e-4a55-9d5d-%012d"},"spec":{"egress":[{"action":'
    b'"Allow","destination":{"nets":["192.168.%d.0/24","172.20.%d.0/24"],"ports":[5432,6379]},'
    b'"protocol":"TCP"}],"ingress":[{"action":"Allow","destination":{"ports":[80,443,'
    b'"8000:8100"]},"metadata":{"annotations":{"change":"%b"}},"protocol":"TCP","source":{"nets":'
    b'["10.%d.%d.0/24"],"selector":"role == \'frontend\' && shop == \'shop-%06d\'"}}],'
    b"\"order\":%d,\"selector\":\"app == 'shop-%06d' && stage in { 'prod', 'canary' }\","
    b'"tier":"default","types":["Ingress","Egress"]}}'
)
POLICY_VALUE: Final = (
    b'{"tier":"default","order":%d,"inbound_rules":[{"action":"allow","protocol":"tcp",'
    b'"src_nets":["10.%d.%d.0/24"],"src_selector":"role == \'frontend\' \\u0026\\u0026 '
    b'shop == \'shop-%06d\'","dst_ports":[80,443,"8000:8100"],"orig_src_selector":'
    b'"role == \'frontend\' \\u0026\\u0026 shop == \'shop-%06d\'","metadata":{"annotations":{'
    b'"change":"%b"}}}],"outbound_rules":[{"action":"allow","protocol":"tcp","dst_nets":['
    b'"192.168.%d.0/24","172.20.%d.0/24"],"dst_ports":[5432,6379]}],"selector":"app == '
    b"'shop-%06d' \\u0026\\u0026 stage in { 'prod', 'canary' }\",\"types\":[\"ingress\","
    b'"egress"]}'
)


def spell_policy(number: int, revision: int, changed: int) -> bytes:
    """Spell a global network policy as the API server stores it."""
    low, high = number % 250, number // 250 % 250
    return POLICY % (
        *(number, revision, number, low, high, marker(changed)),
        *(number % 97, low, number, number, number),
    )


def policy_value(number: int, changed: int) -> bytes:
    """Spell the value that a client gets for a policy."""
    low, high = number % 250, number // 250 % 250
    return POLICY_VALUE % (
        *(number, number % 97, low, number, number, marker(changed)),
        *(low, high, number),
    )


POLICIES: Final = Family(
    name="policies",
    kind="GlobalNetworkPolicy",
    group_version="crd.projectcalico.org/v1",
    plural="globalnetworkpolicies",
    prefix="/calico/v1/policy/GlobalNetworkPolicy//",
    older_prefix="/calico/v1/policy/tier/default/policy/",
    spell=spell_policy,
    key=lambda number: f"/calico/v1/policy/GlobalNetworkPolicy//default.shop-{number:06d}",
    value=policy_value,
)

# About 2,900 bytes, as a pod with one container has once the kubelet and the CNI wrote theirs.
POD: Final = (
    b'{"metadata":{"name":"shop-%06d","generateName":"shop-","namespace":"space-%03d","uid":'
    b'"7d1f2b66-0f4c-4c1e-8c39-%012d","resourceVersion":"%d","creationTimestamp":'
    b'"2026-03-01T08:00:00Z","labels":{"app":"shop","pod-template-hash":"6f9c7d8b4d","stage":'
    b'"prod","team":"team-%d"},"annotations":{"cni.projectcalico.org/containerID":'
    b'"4f1c7a1e0e2b6c43a2fb9a5f5d8f2f8f8c6b1f3e0d9a7b5c3e1f2a4b6c8d0e%02d","cni.projectcalico.org/'
    b'podIP":"%b/32","cni.projectcalico.org/podIPs":"%b/32","k8s.v1.cni.cncf.io/network-status":'
    b'"[{\\"name\\":\\"k8s-pod-network\\",\\"change\\":\\"%b\\"}]"},"ownerReferences":[{'
    b'"apiVersion":"apps/v1","kind":"ReplicaSet","name":"shop-6f9c7d8b4d","uid":"5b0c1f4e-7d9f-'
    b'4c3a-9f4c-0f6f0c5c1d2e","controller":true,"blockOwnerDeletion":true}],"managedFields":[{'
    b'"manager":"kube-controller-manager","operation":"Update","apiVersion":"v1","time":'
    b'"2026-03-01T08:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:generateName":{},'
    b'"f:labels":{".":{},"f:app":{},"f:stage":{},"f:team":{}},"f:ownerReferences":{".":{}}},'
    b'"f:spec":{"f:containers":{"k:{\\"name\\":\\"shop\\"}":{".":{},"f:image":{},"f:ports":{}}},'
    b'"f:dnsPolicy":{},"f:enableServiceLinks":{},"f:restartPolicy":{}}}}]},"spec":{"volumes":[{'
    b'"name":"kube-api-access-x7kq2","projected":{"sources":[{"serviceAccountToken":{'
    b'"expirationSeconds":3607,"path":"token"}},{"configMap":{"name":"kube-root-ca.crt","items":'
    b'[{"key":"ca.crt","path":"ca.crt"}]}}],"defaultMode":420}}],"containers":[{"name":"shop",'
    b'"image":"registry.invalid/shop:1.4.2","ports":[{"name":"http","containerPort":8080,'
    b'"protocol":"TCP"},{"name":"metrics","containerPort":9100,"protocol":"TCP"}],"env":[{"name":'
    b'"SHOP","value":"%d"}],"resources":{"limits":{"cpu":"500m","memory":"256Mi"}},'
    b'"terminationMessagePath":"/dev/termination-log","imagePullPolicy":"IfNotPresent"}],'
    b'"restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst",'
    b'"serviceAccountName":"shop","nodeName":"node-%03d","schedulerName":"default-scheduler",'
    b'"tolerations":[{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":'
    b'"NoExecute","tolerationSeconds":300}],"priority":0,"enableServiceLinks":true},"status":{'
    b'"phase":"Running","conditions":[{"type":"Ready","status":"True","lastTransitionTime":'
    b'"2026-03-01T08:00:07Z"}],"hostIP":"10.1.0.1","podIP":"%b","podIPs":[{"ip":"%b"}],'
    b'"startTime":"2026-03-01T08:00:00Z","qosClass":"Burstable"}}'
)
POD_VALUE: Final = (
    b'{"state":"active","name":"cali%b","active_instance_id":"","mac":null,"profile_ids":['
    b'"kns.space-%03d","ksa.space-%03d.shop"],"ipv4_nets":["%b/32"],"ipv6_nets":null,"labels":{'
    b'"app":"shop","pod-template-hash":"6f9c7d8b4d","projectcalico.org/namespace":"space-%03d",'
    b'"projectcalico.org/orchestrator":"k8s","projectcalico.org/serviceaccount":"shop","stage":'
    b'"prod","team":"team-%d"},"ports":[{"name":"http","protocol":"tcp","port":8080},{"name":'
    b'"metrics","protocol":"tcp","port":9100}],"generate_name":"shop-","annotations":{'
    b'"k8s.v1.cni.cncf.io/network-status":"[{\\"name\\":\\"k8s-pod-network\\",\\"change\\":'
    b'\\"%b\\"}]"}}'
)


def pod_address(number: int) -> bytes:
    """Give every pod an address of its own."""
    return b"10.%d.%d.%d" % (64 + number // 62500, number // 250 % 250, 2 + number % 250)


def spell_pod(number: int, revision: int, changed: int) -> bytes:
    """Spell a pod as the API server stores it."""
    address = pod_address(number)
    return POD % (
        *(number, number % 200, number, revision, number % 40, number % 100),
        *(address, address, marker(changed), number, number % 600, address, address),
    )


def pod_value(number: int, changed: int) -> bytes:
    """Spell the workload endpoint that a client gets for a pod."""
    space, address = number % 200, pod_address(number)
    name = f"space-{space:03d}.shop-{number:06d}".encode()
    interface = hashlib.sha1(name, usedforsecurity=False).hexdigest()[:11].encode()
    return POD_VALUE % (*(interface, space, space, address, space, number % 40, marker(changed)),)


def pod_key(number: int) -> str:
    """Name the workload endpoint of a pod."""
    pod = f"space-{number % 200:03d}%2fshop-{number:06d}"
    return f"/calico/v1/host/node-{number % 600:03d}/workload/k8s/{pod}/endpoint/eth0"


PODS: Final = Family(
    name="pods",
    kind="Pod",
    group_version="v1",
    plural="pods",
    prefix="/calico/v1/host/node-",
    spell=spell_pod,
    key=pod_key,
    value=pod_value,
)


# What makes a pod 5 KiB long, as busy ones are: probes, mounts, environment, and who wrote what.
LARGE_MANAGED: Final = (
    b'{"manager":"kubelet","operation":"Update","apiVersion":"v1","time":"2026-03-01T08:00:09Z",'
    b'"fieldsType":"FieldsV1","fieldsV1":{"f:status":{"f:conditions":{'
    + b",".join(
        b'"k:{\\"type\\":\\"%b\\"}":{".":{},"f:lastProbeTime":{},"f:lastTransitionTime":{},'
        b'"f:status":{},"f:type":{}}' % condition
        for condition in (b"ContainersReady", b"Initialized", b"PodScheduled", b"Ready")
    )
    + b'},"f:containerStatuses":{},"f:hostIP":{},"f:phase":{},"f:podIP":{},"f:podIPs":{".":{},'
    b'"k:{\\"ip\\":\\"10.0.0.1\\"}":{".":{},"f:ip":{}}},"f:startTime":{}}},'
    b'"subresource":"status"},'
)
LARGE_CONTAINER: Final = (
    b'"livenessProbe":{"httpGet":{"path":"/alive","port":"http","scheme":"HTTP"},'
    b'"initialDelaySeconds":5,"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,'
    b'"failureThreshold":3},"readinessProbe":{"httpGet":{"path":"/ready","port":"http","scheme":'
    b'"HTTP"},"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,"failureThreshold":3},'
    b'"volumeMounts":[{"name":"kube-api-access-x7kq2","readOnly":true,"mountPath":'
    b'"/var/run/secrets/kubernetes.io/serviceaccount"},{"name":"settings","mountPath":'
    b'"/etc/shop"}],"command":["/bin/shop","--listen=:8080","--metrics=:9100"],"envFrom":['
    b'{"configMapRef":{"name":"shop"}},{"secretRef":{"name":"shop"}}],"env":['
    + b"".join(
        b'{"name":"SHOP_SETTING_%d","valueFrom":{"configMapKeyRef":{"name":"shop-settings",'
        b'"key":"setting-%d"}}},' % (n, n)
        for n in range(9)
    )
)
LARGE_STATUS: Final = (
    b'"containerStatuses":[{"name":"shop","state":{"running":{"startedAt":'
    b'"2026-03-01T08:00:04Z"}},"lastState":{},"ready":true,"restartCount":0,"image":'
    b'"registry.invalid/shop:1.4.2","imageID":"registry.invalid/shop@sha256:'
    b'4f1c7a1e0e2b6c43a2fb9a5f5d8f2f8f8c6b1f3e0d9a7b5c3e1f2a4b6c8d0e11","containerID":'
    b'"containerd://0e2b6c43a2fb9a5f5d8f2f8f8c6b1f3e0d9a7b5c3e1f2a4b6c8d0e114f1c7a1e",'
    b'"started":true}],'
)


def spell_large_pod(number: int, revision: int, changed: int) -> bytes:
    """Spell a pod of 5 KiB, of which clients are told what they are told of the small one."""
    return (
        spell_pod(number, revision, changed)
        .replace(b'"managedFields":[', b'"managedFields":[' + LARGE_MANAGED, 1)
        .replace(b'"env":[', LARGE_CONTAINER, 1)
        .replace(b'"hostIP":', LARGE_STATUS + b'"hostIP":', 1)
    )


LARGE_PODS: Final = replace(PODS, name="large-pods", spell=spell_large_pod)


def spell_ready(number: int, revision: int, changed: int) -> bytes:
    """Spell what the server is fed in process: no more than it takes to know the update."""
    text = b'{"metadata":{"name":"ready-%06d","resourceVersion":"%d"},"number":%d,"changed":%d}'
    return text % (number, revision, number, changed)


# Values of policies under keys whose values are sent as they are: nothing is left to convert.
READY: Final = Family(
    name="ready",
    kind="Ready",
    group_version="benchmarks.invalid/v1",
    plural="ready",
    prefix="/calico/v1/config/Ready",
    spell=spell_ready,
    key=lambda number: f"/calico/v1/config/Ready{number:06d}",
    value=policy_value,
)

FAMILIES: Final = {family.name: family for family in (POLICIES, PODS, LARGE_PODS, READY)}
