"""The example cluster: a folder of manifests as one would write them, and changes to it."""

from pathlib import Path
from typing import Final

NODES: Final = ("node-1", "node-2", "node-3")
APPS: Final = {"shop": ("web", "cart", "catalog"), "payments": ("api", "ledger")}
PODS_OF_AN_APP: Final = 6

_NAMESPACE: Final = """\
apiVersion: v1
kind: Namespace
metadata:
  name: {name}
  labels: {{team: {name}}}
"""

_NODE: Final = """\
apiVersion: v1
kind: Node
metadata:
  name: {name}
  annotations:
    projectcalico.org/IPv4Address: 10.0.0.{number}/24
    projectcalico.org/IPv4IPIPTunnelAddr: 192.168.{number}.1
status:
  addresses: [{{type: InternalIP, address: 10.0.0.{number}}}]
"""

_POD: Final = """\
apiVersion: v1
kind: Pod
metadata:
  name: {app}-{number}
  namespace: {namespace}
  labels: {{app: {app}, tier: {tier}}}
spec:
  nodeName: {node}
  containers:
    - name: main
      image: {app}
      ports: [{{name: http, containerPort: 8080, protocol: TCP}}]
status:
  phase: Running
  podIP: {address}
  podIPs: [{{ip: {address}}}]
"""

_POLICIES: Final = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web-from-anywhere, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
  ingress:
    - ports: [{port: http, protocol: TCP}]
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: default.no-known-attackers}
spec:
  order: 10
  types: [Ingress]
  ingress:
    - action: Deny
      source: {selector: role == 'attacker'}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkSet
metadata: {name: known-attackers, labels: {role: attacker}}
spec: {nets: [203.0.113.0/24, 198.51.100.7]}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: pods}
spec: {cidr: 192.168.0.0/16, ipipMode: Always, natOutgoing: true}
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: {name: top-of-rack}
spec: {peerIP: 10.0.0.254, asNumber: 64512}
---
apiVersion: projectcalico.org/v3
kind: FelixConfiguration
metadata: {name: default}
spec: {logSeverityScreen: Info, reportingInterval: 30s}
"""

PAYMENTS_POLICY: Final = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: ledger-from-api, namespace: payments}
spec:
  podSelector: {matchLabels: {app: ledger}}
  policyTypes: [Ingress]
  ingress:
    - from: [{podSelector: {matchLabels: {app: api}}}]
"""

BROKEN: Final = """\
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: default.half-written
spec:
"""


class Cluster:
    """The folder; files change in one step, as an editor saves them."""

    def __init__(self, folder: Path) -> None:
        """Write the manifests of a cluster at rest."""
        self.folder = folder
        folder.mkdir(parents=True)
        self.write("namespaces", *(_NAMESPACE.format(name=name) for name in APPS))
        nodes = enumerate(NODES, start=1)
        self.write("nodes", *(_NODE.format(name=name, number=number) for number, name in nodes))
        for at, (namespace, apps) in enumerate(APPS.items()):
            numbered = [(app, number) for app in apps for number in range(PODS_OF_AN_APP)]
            pods = [
                pod(namespace, app, number, f"192.168.{at + 1}.{10 + place}")
                for place, (app, number) in enumerate(numbered)
            ]
            self.write(f"pods-{namespace}", *pods)
        self.write("policies", _POLICIES)

    @property
    def pods(self) -> int:
        """How many pods there are at rest."""
        return sum(len(apps) for apps in APPS.values()) * PODS_OF_AN_APP

    def write(self, name: str, *documents: str) -> None:
        """Write a file of manifests."""
        unfinished = self.folder / f".{name}.unfinished"
        unfinished.write_text("---\n".join(documents), encoding="utf-8")
        unfinished.replace(self.folder / f"{name}.yaml")

    def remove(self, name: str) -> None:
        """Remove a file, and with it all objects in it."""
        (self.folder / f"{name}.yaml").unlink()


def pod(namespace: str, app: str, number: int, address: str, tier: str = "backend") -> str:
    """Write the manifest of a pod; pods go round the nodes."""
    node = NODES[number % len(NODES)]
    return _POD.format(
        namespace=namespace, app=app, number=number, node=node, address=address, tier=tier
    )
