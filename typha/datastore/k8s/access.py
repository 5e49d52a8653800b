"""What we may do, asked of the API server: everybody may, and it changes nothing."""

from typing import Any, Final, Protocol

REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

Json = dict[str, Any]


class Fetch(Protocol):
    """Asks the API server for one object, or sends one; raises RequestError."""

    def __call__(self, path: str, *, method: str = "GET", body: Json | None = None) -> Json:
        """Return the answer."""


def may(fetch: Fetch, version: str, plural: str, verb: str) -> bool:
    """Ask whether we may do something to a resource in all namespaces; raises RequestError."""
    attributes = {"group": version.rpartition("/")[0], "resource": plural, "verb": verb}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = fetch(REVIEWS, method="POST", body=review)
    status = answer.get("status")
    return isinstance(status, dict) and status.get("allowed") is True
