"""Profile → labels, rules, and the resource itself."""

from typha.model import paths
from typha.model.resources import KV, JsonObject, Resource
from typha.processors import rules


def process(resource: Resource) -> list[KV]:
    """Return labels, if there are any, rules, and the whole profile.  Raises ConversionError."""
    name, revision, value = resource.name, resource.revision, resource.value
    spec = value["spec"]
    kvs = [
        KV(paths.profile_rules(name), _rules(spec), revision),
        KV(paths.resource("Profile", "", name), value, revision, resource.v3_resource_version),
    ]
    labels = spec.get("labelsToApply")
    if labels:
        kvs.insert(0, KV(paths.profile_labels(name), labels, revision))
    return kvs


def _rules(spec: JsonObject) -> JsonObject:
    return {
        member: converted
        for member, direction in (("inbound_rules", "ingress"), ("outbound_rules", "egress"))
        if (converted := rules.convert(spec.get(direction), "", f"spec.{direction}"))
    }
