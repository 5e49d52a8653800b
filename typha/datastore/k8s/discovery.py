"""Which of its two groups Calico's own resources are stored in; decided once, at start."""

from typha.datastore import answers
from typha.datastore.answers import Failure
from typha.datastore.k8s.client import Client, RequestError
from typha.model.resources import ApiGroup, JsonObject


def chosen(configured: str) -> str | None:
    """Give the group that the configuration names; None if it leaves that to the API server."""
    if not configured:
        return None
    return ApiGroup.V3 if configured.lower() == ApiGroup.V3 else ApiGroup.CRD


def ask(client: Client) -> str:
    """Ask the API server for its groups.  Raises what the client raises, also for no list of any.

    What is decided stands, and in the wrong group there would be nothing.
    """
    answer = client.fetch("/apis")
    if not isinstance(answer.get("groups"), list):
        message = "the answer does not list the groups of APIs"
        raise RequestError(Failure(status=answers.BROKEN_OFF, message=message))
    return decide(answer)


def decide(groups: JsonObject) -> str:
    """Take the newer group only where it is stored itself; beside the older one it is a view."""
    listed = groups.get("groups")
    names = {
        group.get("name")
        for group in (listed if isinstance(listed, list) else ())
        if isinstance(group, dict)
    }
    is_native = _group(ApiGroup.V3) in names and _group(ApiGroup.CRD) not in names
    return ApiGroup.V3 if is_native else ApiGroup.CRD


def _group(version: str) -> str:
    return version.partition("/")[0]
