"""Migrations of virtual machines."""

import copy

import pytest
from hypothesis import given, settings, strategies as st

from tests.fuzzing import anywhere, survives
from typha.datastore.k8s import migrations
from typha.model import encoding
from typha.model.resources import ConversionError, Reading
from typha.processors import passthrough

MIGRATION = {
    "metadata": {
        "name": "m2",
        "namespace": "ns1",
        "uid": "u-1",
        "resourceVersion": "8",
        "creationTimestamp": "2024-01-02T03:04:05Z",
        "labels": {"b": "2", "a": "1"},
        "annotations": {"o": "p"},
        "generation": 3,
    },
    "spec": {"vmiName": "vm"},
    "status": {"phase": "Running", "migrationState": {"sourcePod": "src", "targetPod": "dst"}},
}


def migration(*, spec=(), status=(), metadata=()):
    """Make the migration above with some members replaced."""
    made = copy.deepcopy(MIGRATION)
    made["spec"].update(spec)
    made["status"].update(status)
    made["metadata"].update(metadata)
    return made


def test_a_migration_says_where_the_machine_comes_from_and_where_it_goes():
    """The target is found by a selector; the UID is Kubernetes' own."""
    (kv,) = passthrough.process(migrations.read(MIGRATION, Reading()))
    assert kv.key == "/calico/resources/v3/projectcalico.org/livemigrations/ns1/m2"
    assert (kv.revision, kv.v3_resource_version) == ("8", "8")
    assert encoding.encode(kv.value).decode() == (
        '{"kind":"LiveMigration","apiVersion":"projectcalico.org/v3","metadata":{"name":"m2",'
        '"namespace":"ns1","uid":"u-1","creationTimestamp":"2024-01-02T03:04:05Z",'
        '"labels":{"a":"1","b":"2"},"annotations":{"o":"p"}},"spec":{"source":{"workload":'
        '{"orchestratorID":"k8s","workloadID":"ns1/src"}},"target":{"selector":'
        "\"(vmi.kubevirt.io/id == 'vm' || vm.kubevirt.io/name == 'vm') \\u0026\\u0026 "
        "kubevirt.io/migrationJobUID == 'u-1'\"}}}"
    )


def test_before_there_is_a_source_only_the_target_is_known():
    """As while it is being scheduled."""
    scheduling = migration(status={"phase": "Scheduling", "migrationState": None})
    (kv,) = passthrough.process(migrations.read(scheduling, Reading()))
    assert list(kv.value["spec"]) == ["target"]


@pytest.mark.parametrize(
    "phase",
    ["Scheduling", "Scheduled", "PreparingTarget", "TargetReady", "Running", "Failed"],
)
def test_a_migration_under_way_is_one(phase):
    """And, as in the original, one that has failed."""
    assert migrations.read(migration(status={"phase": phase}), Reading()) is not None


@pytest.mark.parametrize(
    "members",
    [
        {"status": {"phase": "Pending"}},
        {"status": {"phase": "Succeeded"}},
        {"status": {"phase": None}},
        {"spec": {"vmiName": ""}},
        {"metadata": {"uid": ""}},
    ],
)
def test_a_migration_that_has_not_begun_or_is_over_is_none(members):
    """Nor is one of no machine."""
    assert migrations.read(migration(**members), Reading()) is None


def test_a_migration_that_cannot_be_read_says_why():
    """Only that one is then left out."""
    with pytest.raises(ConversionError, match=r"status\.migrationState\.sourcePod: 5 is not"):
        migrations.read(migration(status={"migrationState": {"sourcePod": 5}}), Reading())


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_whatever_a_migration_holds_it_is_converted_or_refused(data):
    """Any JSON in place of any member."""
    survives(migrations.read, passthrough.process, data.draw(anywhere(MIGRATION)))
