"""The custom resources of the tests' cluster, and the role a Typha needs; all our own writing.

The schemas keep whatever they are given, so that also objects can be stored that are wrong.
"""

from typing import Any

from typha.datastore.k8s import kinds
from typha.datastore.k8s.kinds import Kind
from typha.model.resources import ApiGroup

Json = dict[str, Any]
CRD_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
CRD = f"/apis/{ApiGroup.CRD}"
ACCOUNT = "typha"


def definition_of(kind: Kind, api_group: str) -> Json:
    """Define a custom resource that keeps all it is given."""
    group, _, version = kind.version_in(api_group).rpartition("/")
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.plural}.{group}",
            # Groups of the project's own need the proof of a review; these are not published.
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
            },
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "x-kubernetes-preserve-unknown-fields": True,
                        }
                    },
                }
            ],
        },
    }


def path_of(definition: Json) -> str:
    """Give the path of the list of what is defined."""
    spec = definition["spec"]
    return f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"


_CUSTOM = [kind for kind in kinds.KINDS if kind.calico or kind.optional]
CRDS = [definition_of(kind, ApiGroup.CRD) for kind in _CUSTOM]


def _rule(group: str, resources: list[str], verbs: list[str]) -> Json:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


def _read_rules() -> list[Json]:
    by_group: dict[str, list[str]] = {}
    for kind in kinds.KINDS:
        group = kind.version_in(ApiGroup.CRD).rpartition("/")[0]
        by_group.setdefault(group, []).append(kind.plural)
    return [_rule(group, plurals, ["list", "watch"]) for group, plurals in by_group.items()]


_GROUP = ApiGroup.CRD.partition("/")[0]
ROLE: Json = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "typha"},
    "rules": [
        *_read_rules(),
        _rule(_GROUP, ["clusterinformations"], ["get", "create", "update"]),
        _rule(_GROUP, ["tiers"], ["create"]),
    ],
}
BINDING: Json = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "typha"},
    "subjects": [{"kind": "User", "name": ACCOUNT, "apiGroup": "rbac.authorization.k8s.io"}],
    "roleRef": {"kind": "ClusterRole", "name": "typha", "apiGroup": "rbac.authorization.k8s.io"},
}


def without(resource: str, verb: str) -> list[Json]:
    """Give the role's rules without one verb on one resource."""
    rules = []
    for rule in ROLE["rules"]:
        others = [name for name in rule["resources"] if name != resource]
        if len(others) == len(rule["resources"]) or verb not in rule["verbs"]:
            rules.append(rule)
            continue
        kept = [each for each in rule["verbs"] if each != verb]
        rules += [{**rule, "resources": others}] if others else []
        rules += [{**rule, "resources": [resource], "verbs": kept}] if kept else []
    return rules
