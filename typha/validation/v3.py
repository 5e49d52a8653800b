"""Rules for values that are whole resources, such as Node, Profile and BGPPeer."""

from typha.model.resources import JsonObject


def reason_unfit(plural: str, value: JsonObject) -> str | None:
    """Tell why a resource must not be sent; None if it may be.

    `plural` is the kind as the key spells it, such as `nodes` or `kubernetesservice`.
    """
    del plural, value
    return None
