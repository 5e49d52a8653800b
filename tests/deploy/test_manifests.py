"""The objects fit each other, the code, and what the original's are known for.

One module, for every check looks at the same built variants, and at how they fit each other.
"""

import logging
import math
import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml

import typha
from tests.deploy import building
from tests.deploy.building import DEPLOY, VARIANTS
from typha.config import loading
from typha.config.parameters import BY_NAME, PARAMETERS
from typha.parent import listening

INSTALLING = (DEPLOY.parent / "docs" / "install.md").read_text()
COMPONENTS = {"metrics": "TYPHA_PROMETHEUSMETRICSENABLED", "warm-start": "TYPHA_WARMSTART"}

LABELS = {"k8s-app": "calico-typha"}
SETTINGS = {parameter.variable for parameter in PARAMETERS}
NO_EFFECT = "Setting has no effect in this version"  # it will in one that these suit as well
MEBIBYTES = {"Mi": 1, "Gi": 1024}

variants = pytest.mark.parametrize("variant", VARIANTS)


def cpus(quantity: str) -> float:
    """Read a quantity of CPUs."""
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def mebibytes(quantity: str) -> int:
    """Read a quantity of memory."""
    return int(quantity[:-2]) * MEBIBYTES[quantity[-2:]]


def test_the_base_is_the_same_without_kustomize():
    """What the tests without a tool look at is what is applied, but for place and image."""
    built = building.built("base")
    assert set(built) == set(building.base())
    assert {each["metadata"].get("namespace", "kube-system") for each in built.values()} == {
        "kube-system"
    }
    assert building.container_of(built)["image"] == f"typha:{typha.__version__}"


@variants
def test_selectors_find_the_pods(variant):
    """Of the Deployment, the Service and the budget alike."""
    objects = building.built(variant)
    deployment = objects["Deployment", "calico-typha"]["spec"]
    assert deployment["template"]["metadata"]["labels"] == LABELS
    assert deployment["selector"]["matchLabels"] == LABELS
    assert objects["Service", "calico-typha"]["spec"]["selector"] == LABELS
    budget = objects["PodDisruptionBudget", "calico-typha"]["spec"]
    assert budget == {"maxUnavailable": 1, "selector": {"matchLabels": LABELS}}


@variants
def test_clients_find_the_port_by_its_name(variant):
    """They look for a port of this name in the EndpointSlices of a Service of this name."""
    objects = building.built(variant)
    (port,) = objects["Service", "calico-typha"]["spec"]["ports"]
    (served,) = building.container_of(objects)["ports"]
    assert port["name"] == BY_NAME["K8sPortName"].default
    assert objects["Service", "calico-typha"]["metadata"]["name"] == (
        BY_NAME["K8sServiceName"].default
    )
    assert port["port"] == served["containerPort"] == listening.DEFAULT_PORT
    assert port["targetPort"] == served["name"]


@variants
def test_every_variable_is_a_setting_with_a_good_value(variant, tmp_path):
    """Read as the server reads them, with the files in place, there is nothing to complain of."""
    environment = building.environment_of(building.built(variant))
    assert set(environment) <= SETTINGS
    etcd = {"TYPHA_ETCDENDPOINTS": "https://etcd:2379"} if variant == "overlays/etcd" else {}
    read = {"TYPHA_K8SNAMESPACE": "kube-system", "TYPHA_WORKERS": "2", **etcd}
    assert {name for name, value in environment.items() if isinstance(value, dict)} == set(read)
    read = {**environment, **read}
    for name, value in read.items():
        if value.startswith("/") and name != "TYPHA_RUNDIR":
            file = tmp_path / value.lstrip("/")
            file.parent.mkdir(exist_ok=True)
            file.touch()
            read[name] = str(file)
    loaded, errors = loading.examine(read, "/nonexistent")
    assert not errors
    warnings = {note.message for note in loaded.notes if note.level > logging.INFO}
    assert warnings <= {NO_EFFECT}
    assert loaded.settings.tls.enabled


@variants
def test_the_probes_ask_where_health_is_served(variant):
    """At the host and port that hold unless set."""
    container = building.container_of(building.built(variant))
    for probe, path in (("livenessProbe", "/liveness"), ("readinessProbe", "/readiness")):
        assert container[probe]["httpGet"] == {
            "host": BY_NAME["HealthHost"].default,
            "port": int(BY_NAME["HealthPort"].default),
            "path": path,
        }
        assert container[probe]["timeoutSeconds"] == 10
    assert building.environment_of(building.built(variant))["TYPHA_HEALTHENABLED"] == "true"


@variants
def test_the_pod_may_do_nothing_but_its_work(variant):
    """No root, no privilege, nothing to write to but memory."""
    objects = building.built(variant)
    pod, container = building.pod_of(objects), building.container_of(objects)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
    }
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    writable = [each for each in container["volumeMounts"] if not each.get("readOnly")]
    assert [mount["name"] for mount in writable] == ["run"]
    assert volumes["run"]["emptyDir"]["medium"] == "Memory"


@variants
def test_the_key_is_for_the_server_s_group_alone(variant):
    """Whatever user the pod runs as, others do not read it."""
    pod = building.pod_of(building.built(variant))
    modes = [each["secret"]["defaultMode"] for each in pod["volumes"] if "secret" in each]
    assert set(modes) == {0o440}
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"]


@variants
def test_files_are_where_the_variables_say(variant):
    """Each path lies in something that is mounted, and every mount has its volume."""
    objects = building.built(variant)
    pod, container = building.pod_of(objects), building.container_of(objects)
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert set(mounts.values()) == {volume["name"] for volume in pod["volumes"]}
    paths = [v for v in building.environment_of(objects).values() if str(v).startswith("/")]
    assert len(paths) >= 4
    for path in paths:
        assert path.rpartition("/")[0] in mounts, path


@variants
def test_there_is_a_worker_for_each_requested_cpu(variant):
    """The number follows the request, so they cannot fall out of step."""
    objects = building.built(variant)
    assert building.environment_of(objects)["TYPHA_WORKERS"] == {
        "resourceFieldRef": {
            "containerName": building.CONTAINER,
            "resource": "requests.cpu",
            "divisor": "1",  # besides 1m the only one that Kubernetes takes; it rounds up
        }
    }
    requests = building.container_of(objects)["resources"]["requests"]
    assert math.ceil(cpus(requests["cpu"])) in range(1, 1025)
    assert mebibytes(requests["memory"]) >= 128


@variants
def test_shutting_down_takes_no_longer_than_it_is_given(variant):
    """Clients are shed within the time after which the kubelet kills."""
    objects = building.built(variant)
    grace = building.pod_of(objects)["terminationGracePeriodSeconds"]
    assert building.environment_of(objects)["TYPHA_SHUTDOWNTIMEOUTSECS"] == str(grace)


@variants
def test_the_deployment_is_run_as_the_original_s(variant):
    """What people's dashboards, drains and schedulers rely on."""
    deployment = building.built(variant)["Deployment", "calico-typha"]["spec"]
    assert deployment["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "100%", "maxUnavailable": 1},
    }
    template = deployment["template"]
    safe = template["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"]
    assert safe == "true"
    pod = template["spec"]
    assert pod["hostNetwork"] is True
    assert pod["priorityClassName"] == "system-cluster-critical"
    assert {"key": "CriticalAddonsOnly", "operator": "Exists"} in pod["tolerations"]
    assert pod["terminationGracePeriodSeconds"] == 300


def test_metrics_are_where_prometheus_is_told():
    """The annotation, the Service and the setting name one port."""
    objects = building.built("overlays/large")
    port = building.environment_of(objects)["TYPHA_PROMETHEUSMETRICSPORT"]
    template = objects["Deployment", "calico-typha"]["spec"]["template"]
    assert template["metadata"]["annotations"]["prometheus.io/port"] == port
    service = objects["Service", "calico-typha-metrics"]["spec"]
    assert [each["targetPort"] for each in service["ports"]] == [int(port)]
    assert service["selector"] == LABELS


def test_the_overlays_grow_with_the_cluster():
    """More servers, workers and memory from small over base to large."""
    sizes = []
    for variant in ("overlays/small", "base", "overlays/large"):
        objects = building.built(variant)
        requests = building.container_of(objects)["resources"]["requests"]
        replicas = objects["Deployment", "calico-typha"]["spec"]["replicas"]
        sizes.append((replicas, cpus(requests["cpu"]), mebibytes(requests["memory"])))
    assert sizes == sorted(sizes)
    assert len({replicas for replicas, _, _ in sizes}) == 3


def test_clients_and_server_expect_each_other():
    """The patch of calico-node names the server's common name, and mounts what it names."""
    (patch,) = building.documents("calico-node", "patch.yaml")
    pod = patch["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert variables["FELIX_TYPHAK8SSERVICENAME"] == "calico-typha"
    assert variables["FELIX_TYPHACN"] == "calico-typha"
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert set(mounts.values()) == {volume["name"] for volume in pod["volumes"]}
    for name in ("FELIX_TYPHACAFILE", "FELIX_TYPHACERTFILE", "FELIX_TYPHAKEYFILE"):
        assert variables[name].rpartition("/")[0] in mounts
    server = building.environment_of(building.base())
    assert server["TYPHA_CAFILE"] == variables["FELIX_TYPHACAFILE"]
    assert server["TYPHA_CLIENTCN"] == re.sub(
        r".*/(.*)\.crt", r"\1", variables["FELIX_TYPHACERTFILE"]
    )


def test_nothing_secret_is_among_the_manifests():
    """Keys are made by those who install, and stay with them."""
    for file in DEPLOY.rglob("*.y*ml"):
        assert "PRIVATE KEY" not in file.read_text()
        for each in yaml.safe_load_all(file.read_text()):
            assert (each or {}).get("kind") != "Secret"


@pytest.fixture
def warm_starting(tmp_path):
    """Build a variant with the component, from elsewhere."""
    variant = tmp_path / "variant"
    variant.mkdir()
    parts = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(DEPLOY / "base", variant)],
        "components": [os.path.relpath(DEPLOY / "components" / "warm-start", variant)],
    }
    (variant / "kustomization.yaml").write_text(yaml.safe_dump(parts))
    return building.built(str(variant))


def test_a_warm_start_keeps_its_state_on_the_node(warm_starting):
    """What is mounted is what the setting names; the comment makes it for the user it is."""
    environment = building.environment_of(warm_starting)
    assert environment["TYPHA_WARMSTART"] == "true"
    folder = environment["TYPHA_CHECKPOINTDIR"]
    pod, container = building.pod_of(warm_starting), building.container_of(warm_starting)
    (mount,) = [each for each in container["volumeMounts"] if each["mountPath"] == folder]
    (volume,) = [each for each in pod["volumes"] if each["name"] == mount["name"]]
    assert volume["hostPath"]["type"] == "DirectoryOrCreate"
    user = pod["securityContext"]["runAsUser"]
    note = (DEPLOY / "components" / "warm-start" / "kustomization.yaml").read_text()
    assert (
        f"-o {user} -g {pod['securityContext']['runAsGroup']} {volume['hostPath']['path']}" in note
    )
    loaded, errors = loading.examine(
        {
            "TYPHA_DATASTORETYPE": "kubernetes",
            "TYPHA_WARMSTART": "true",
            "TYPHA_CHECKPOINTDIR": folder,
        },
        "/nonexistent",
    )
    assert not errors
    assert loaded.settings.processes.checkpoint_dir == folder


def test_the_folder_of_a_warm_start_is_made_the_servers_own(warm_starting, tmp_path):
    """The kubelet makes it root's, and fsGroup does not change that."""
    pod, container = building.pod_of(warm_starting), building.container_of(warm_starting)
    (first,) = pod["initContainers"]
    assert first["image"] == container["image"]
    (mount,) = first["volumeMounts"]
    assert mount in container["volumeMounts"]
    assert first["securityContext"]["runAsUser"] == 0
    assert first["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["CHOWN"]}
    python, option, script = first["command"]
    folder = tmp_path / "state"
    folder.mkdir(mode=0o755)
    here = script.replace(mount["mountPath"], str(folder))
    assert python == "python3"
    for _ in range(2):
        subprocess.run([sys.executable, option, here], check=True)
    if os.geteuid() == 0:
        found = folder.stat()
        owner = pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsGroup"]
        assert (found.st_uid, found.st_gid) == owner
        assert found.st_mode & 0o777 == 0o700


def test_a_folder_of_a_warm_start_that_is_not_there_holds_up_no_server(warm_starting, tmp_path):
    """Nor one that cannot be changed: the server serves without it."""
    (first,) = building.pod_of(warm_starting)["initContainers"]
    _, option, script = first["command"]
    here = script.replace(first["volumeMounts"][0]["mountPath"], str(tmp_path / "nowhere"))
    subprocess.run([sys.executable, option, here], check=True)


@pytest.mark.parametrize("component", COMPONENTS)
@variants
def test_every_variant_takes_every_component(tmp_path, variant, component):
    """By the line that the installation guide gives."""
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    file = tmp_path / "deploy" / variant / "kustomization.yaml"
    content = yaml.safe_load(file.read_text())
    up = "/".join([".."] * (variant.count("/") + 1))
    line = f"{up}/components/{component}"
    assert f"`components: [../../components/{component}]`" in INSTALLING
    content["components"] = sorted({*content.get("components", ()), line})
    file.write_text(yaml.safe_dump(content))
    assert (
        building.environment_of(building.built(str(file.parent)))[COMPONENTS[component]] == "true"
    )
