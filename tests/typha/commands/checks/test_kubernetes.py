"""What `typha check` says of an API server."""

import pytest

from typha.commands.checks import kubernetes
from typha.datastore.answers import Failure
from typha.datastore.k8s import kinds
from typha.datastore.k8s.client import RequestError
from typha.model.resources import ApiGroup

OPTIONAL = {kind.plural for kind in kinds.KINDS if kind.optional}


class ApiServer:
    """An API server as far as it is asked here; `denied` holds (resource, verb)."""

    def __init__(self, api_group=ApiGroup.CRD, denied=(), missing=()):
        self.versions = {}
        for kind in kinds.KINDS:
            if kind.plural not in missing:
                self.versions.setdefault(kind.version_in(api_group), set()).add(kind.plural)
        self.denied = set(denied)
        self.reviewed = []

    def fetch(self, path, *, method="GET", body=None):
        """Answer as a real one does."""
        if method == "POST":
            assert path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
            asked = body["spec"]["resourceAttributes"]
            self.reviewed.append((asked["group"], asked["resource"], asked["verb"]))
            return {"status": {"allowed": (asked["resource"], asked["verb"]) not in self.denied}}
        if path == "/apis":
            names = {version.partition("/")[0] for version in self.versions if "/" in version}
            return {"groups": [{"name": name} for name in sorted(names)]}
        version = path.removeprefix("/apis/").removeprefix("/api/")
        if version not in self.versions:
            raise RequestError(Failure(status=404, message="not found"))
        return {"resources": [{"name": name} for name in self.versions[version]]}


def found(server, api_group=None):
    """Return the findings by subject."""
    return {each.subject: each for each in kubernetes.find_with(server.fetch, api_group)}


@pytest.mark.parametrize("api_group", [ApiGroup.CRD, ApiGroup.V3])
def test_a_role_that_has_everything_is_fine(api_group):
    """Each resource is asked for in the group it is served in."""
    server = ApiServer(api_group)
    findings = found(server)
    assert {finding.verdict.value for finding in findings.values()} == {"ok"}
    assert set(findings) == {"API server", *kinds.BY_NAME}
    group = api_group.partition("/")[0]
    assert (group, "tiers", "watch") in server.reviewed
    assert ("", "pods", "list") in server.reviewed
    assert ("discovery.k8s.io", "endpointslices", "watch") in server.reviewed


def test_a_rule_that_is_lacking_is_named():
    """As it has to be added to the role."""
    findings = found(ApiServer(denied=[("tiers", "watch"), ("pods", "list"), ("pods", "watch")]))
    assert findings["tiers.projectcalico.org"].verdict == "error"
    assert findings["tiers.projectcalico.org"].message == "the role lacks watch"
    assert findings["tiers.projectcalico.org"].hint == (
        "add to the ClusterRole: apiGroups: ['crd.projectcalico.org'], resources: ['tiers'], "
        "verbs: ['list', 'watch']"
    )
    assert findings["pods"].message == "the role lacks list and watch"
    assert [name for name, each in findings.items() if each.verdict != "ok"] == [
        "pods",
        "tiers.projectcalico.org",
    ]


def test_what_most_clusters_do_not_have_is_fine_to_lack():
    """No access to it is a warning, as it counts as absent."""
    findings = found(ApiServer(missing=OPTIONAL))
    assert {finding.verdict.value for finding in findings.values()} == {"ok"}
    findings = found(ApiServer(denied=[(plural, "list") for plural in OPTIONAL]))
    assert [each.verdict.value for each in findings.values()].count("warning") == len(OPTIONAL)


def test_a_missing_definition_is_a_warning():
    """The server goes on without, and looks again."""
    findings = found(ApiServer(missing={"ippools"}))
    assert findings["ippools.projectcalico.org"].verdict == "warning"


def test_what_cannot_be_written_at_start_is_a_warning():
    """Others may have written it."""
    findings = found(ApiServer(denied=[("clusterinformations", "update"), ("tiers", "create")]))
    assert findings["clusterinformations"].message.startswith("the role lacks update")
    assert findings["tiers"].verdict == "warning"


def test_a_server_that_does_not_answer():
    """One error, not one for each resource."""

    def fetch(_path, *, method="GET", body=None):
        raise RequestError(Failure(status=0, message=f"connection refused {method} {body}"))

    (finding,) = kubernetes.find_with(fetch, None)
    assert (finding.subject, finding.verdict.value) == ("API server", "error")


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (0, "say where it is"),
        (401, "token or certificate"),
        (403, "system:discovery"),
        (404, "is it an API server"),
    ],
)
def test_why_it_is_of_no_use_is_where_to_look(status, hint):
    """Somewhere else each time."""

    def fetch(_path, *, method="GET", body=None):
        raise RequestError(Failure(status=status, message=f"{method} {body}"))

    (finding,) = kubernetes.find_with(fetch, None)
    assert hint in finding.hint


def test_who_may_not_ask_for_groups_may_name_one():
    """The server does not ask then."""

    def fetch(path, *, method="GET", body=None):
        if path == "/apis":
            raise RequestError(Failure(status=403, message="forbidden"))
        return ApiServer().fetch(path, method=method, body=body)

    verdicts = {each.verdict.value for each in kubernetes.find_with(fetch, ApiGroup.CRD)}
    assert verdicts == {"ok"}


def test_a_server_that_refuses_reviews():
    """Then nothing can be told of the role."""

    def fetch(path, *, method="GET", body=None):
        if method == "POST":
            raise RequestError(Failure(status=403, message="forbidden"))
        return ApiServer().fetch(path, method=method, body=body)

    verdicts = {each.subject: each for each in kubernetes.find_with(fetch, ApiGroup.CRD)}
    assert verdicts["pods"].message == "cannot tell: forbidden"
