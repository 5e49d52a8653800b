"""The installation guide, step by step as it is written, against a real kube-apiserver.

What the guide's commands make is what the API server is asked for afterwards, and our server runs
with it: with the Deployment's own environment, the mounted files, and the account's own token.
"""

import contextlib
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
import yaml

from benchmarks import free_ports
from tests.deploy import building
from tests.e2e.server import wait_for
from tests.integration import guide

APPS = f"/apis/apps/v1/namespaces/{guide.NAMESPACE}"
SLICES = f"/apis/discovery.k8s.io/v1/namespaces/{guide.NAMESPACE}/endpointslices"

pytestmark = pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="needs kubectl, 1.21 or newer"
)


@pytest.fixture(scope="module")
def administrator(cluster, tmp_path_factory) -> Iterator[guide.Administrator]:
    """Follow the guide up to the Service; take all of it away in the end."""
    admin = guide.Administrator(tmp_path_factory.mktemp("i"), cluster[1])
    openssl = guide.step("2. Certificates", "openssl req -x509").replace("rsa:4096", "rsa:2048")
    admin.types(openssl)
    admin.types(guide.step("3. The authority, and each side's key", "create configmap"))
    admin.types(guide.step("4. Account, role, Deployment, Service", "apply -k deploy/base"))
    yield admin
    admin.types(
        "kubectl delete -k deploy/base --wait=false; "
        f"kubectl -n {guide.NAMESPACE} delete configmap calico-typha-ca; "
        f"kubectl -n {guide.NAMESPACE} delete secret calico-typha-certs calico-node-certs"
    )


@pytest.fixture(scope="module")
def running(administrator, cluster, tmp_path_factory) -> Iterator[guide.Running]:
    """Run the server with what the API server holds of the Deployment."""
    folder = tmp_path_factory.mktemp("r")
    server = cluster[1]
    pod = server.ask("GET", f"{APPS}/deployments/calico-typha")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    environ = guide.environment(container, guide.mounted(server, pod, folder))
    token = administrator.types(
        f"kubectl -n {guide.NAMESPACE} create token calico-typha"
    ).stdout.strip()
    port, health = free_ports.take(), free_ports.take()
    environ |= {
        # In a pod the account's files are at a fixed place; here they are named.
        "KUBECONFIG": str(guide.kubeconfig(folder / "account.yaml", server, token)),
        # Of its own, beside whatever else runs on this machine.
        "TYPHA_SERVERHOST": "127.0.0.1",
        "TYPHA_SERVERPORT": str(port),
        "TYPHA_HEALTHPORT": str(health),
        "TYPHA_K8SSERVICEPOLLINTERVALSECS": "1",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", "from typha.commands import calico_typha; calico_typha.main()"],
            env=environ,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        yield guide.Running(process, port, f"http://127.0.0.1:{health}", folder, environ)
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()


@pytest.mark.parametrize("variant", building.VARIANTS)
def test_the_api_server_accepts_every_variant(administrator, variant):
    """As it judges without storing anything."""
    said = administrator.types(f"kubectl apply --dry-run=server -k deploy/{variant}")
    assert "deployment.apps/calico-typha" in said.stdout
    assert "Warning:" not in said.stderr


def test_the_other_way_to_certificates_makes_the_same_files(administrator):
    """`typha certs`, in place of openssl."""
    command = guide.step("2. Certificates", "typha certs").replace("make env\n", "")
    administrator.types(command.replace("--dir certs", "--dir other"))
    made = {file.name for file in (administrator.folder / "other").iterdir()}
    named = set(re.findall(r"--from-file=certs/(\S+)", guide.TEXT))
    assert named <= made
    assert {"typhaca.key"} <= made


def test_it_becomes_ready_with_the_role_it_is_given(running):
    """Probes are good where the Deployment looks, and no request was refused."""
    wait_for(lambda: running.probe("/liveness") == 200, "the server to live")
    wait_for(lambda: running.probe("/readiness") == 200, "the server to be ready")
    wait_for(lambda: states(running) == {"watching"}, "every stream to be well")
    assert "forbidden" not in running.log()
    workers = [each for each in running.status()["processes"] if "worker" in each["name"]]
    assert len(workers) == int(running.environ["TYPHA_WORKERS"]) == 2


def states(running: guide.Running) -> set[str]:
    """Return what `typha status` says of the streams; nothing while it says nothing."""
    return {stream["state"] for stream in running.status().get("streams", ())}


def test_check_has_no_fault_to_find(running):
    """Run where the server runs, as the guide to operating it says."""
    wait_for(lambda: running.probe("/readiness") == 200, "the server to be ready")
    done = running.types("check")
    assert done.returncode in {0, 1}, done.stdout + done.stderr


def test_other_typhas_are_counted(running, cluster):
    """With the same role."""
    labels = {"kubernetes.io/service-name": "calico-typha"}
    addresses = [{"addresses": [f"10.0.0.{n}"]} for n in (1, 2, 3)]
    body = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "calico-typha-x", "labels": labels},
        "addressType": "IPv4",
        "endpoints": addresses,
        "ports": [{"name": "calico-typha", "port": 5473, "protocol": "TCP"}],
    }
    cluster[1].ask("POST", SLICES, body)
    try:
        wait_for(lambda: running.status().get("typhas") == 3, "three Typhas to be counted")
    finally:
        cluster[1].ask("DELETE", f"{SLICES}/calico-typha-x")


def here(script: str, running: guide.Running) -> str:
    """Let a block of the guide speak to the server that runs here."""
    return script.replace("NODE:5473", f"127.0.0.1:{running.port}")


def test_who_has_no_certificate_is_refused_as_the_guide_shows(administrator, running):
    """By openssl and by curl."""
    wait_for(lambda: running.probe("/readiness") == 200, "the server to be ready")
    openssl = administrator.tries(
        here(guide.step("5. Who may come in", "openssl s_client"), running)
    )
    assert "tlsv13 alert certificate required" in openssl.stdout + openssl.stderr
    curl = guide.step("5. Who may come in", "curl -v", "https://calico-typha:5473")
    refused = administrator.tries(here(curl, running))
    assert refused.returncode != 0
    assert "alert, handshake failure" in refused.stderr
    assert "alert, handshake failure" in guide.step("5. Who may come in", "TLSv1.2 (IN)")


def test_the_nodes_certificate_is_served_as_the_guide_shows(administrator, running):
    """Every key, then in-sync."""
    wait_for(lambda: running.probe("/readiness") == 200, "the server to be ready")
    shown = administrator.types(
        here(guide.step("5. Who may come in", "typha client"), running)
    ).stdout
    assert "/calico/v1/Ready" in shown
    assert shown.splitlines()[-1] == "= in-sync"


def test_calico_node_is_told_as_the_guide_says(administrator, cluster):
    """The patch is accepted, and leaves what was there."""
    labels = {"k8s-app": "calico-node"}
    container = {
        "name": "calico-node",
        "image": "x",
        "env": [{"name": "IP", "value": "autodetect"}],
    }
    daemonset = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "calico-node"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
    cluster[1].ask("POST", f"{APPS}/daemonsets", daemonset)
    try:
        patch = guide.step("6. The nodes", "patch daemonset").splitlines()[0]
        administrator.types(patch)
        patched = cluster[1].ask("GET", f"{APPS}/daemonsets/calico-node")
    finally:
        cluster[1].ask("DELETE", f"{APPS}/daemonsets/calico-node")
    (after,) = patched["spec"]["template"]["spec"]["containers"]
    values = {each["name"]: each["value"] for each in after["env"]}
    assert values["IP"] == "autodetect"
    table = dict(re.findall(r"(?m)^\| `(FELIX_\w+)` \| `([^`]+)` \|$", guide.TEXT))
    assert {"FELIX_TYPHAK8SSERVICENAME", "FELIX_TYPHACN"} <= table.keys()
    assert table.items() <= values.items()


def image(cluster) -> str:
    """Return the image that the Deployment names now."""
    found = cluster[1].ask("GET", f"{APPS}/deployments/calico-typha")
    (container,) = found["spec"]["template"]["spec"]["containers"]
    return str(container["image"])


def test_the_way_from_the_original_and_back_is_a_change_of_image(administrator, cluster):
    """As the guide to migrating says, without the waiting for pods that nobody starts here."""
    there = guide.step("With manifests", "set image", text=guide.MIGRATING)
    back = guide.step("Back", "set image", text=guide.MIGRATING)
    before = image(cluster)
    try:
        administrator.types(there.partition("kubectl -n kube-system rollout")[0])
        assert image(cluster) == "registry.example.com/typha:0.1.0"
        administrator.types(back.partition("kubectl -n kube-system rollout")[0])
        assert image(cluster) == "calico/typha:v3.32.1"
        applied = guide.step("With manifests", "kubectl diff", text=guide.MIGRATING)
        # A diff is told by its exit code.
        administrator.types(applied.replace("kubectl diff -k deploy/base", "true"))
    finally:
        administrator.types("kubectl apply -k deploy/base")
    assert image(cluster) == before


def test_what_was_noted_before_brings_everything_back(administrator, cluster):
    """Also when the manifests were taken over, which changes more than the image."""
    name = "kubectl -n kube-system set env deployment/calico-typha"
    administrator.types(f"{name} USE_POD_CIDR=true TYPHA_WORKERS-")
    before = cluster[1].ask("GET", f"{APPS}/deployments/calico-typha")["spec"]
    try:
        administrator.types(guide.step("Before", "typha-before.yaml", text=guide.MIGRATING))
        administrator.types("kubectl apply -k deploy/base")
        # What was set beside what is applied is nobody's to take away, so it is set as well.
        administrator.types(f"{name} USE_POD_CIDR- TYPHA_WORKERS=3")
        administrator.types(guide.step("Back", "typha-before.yaml", text=guide.MIGRATING))
        after = cluster[1].ask("GET", f"{APPS}/deployments/calico-typha")["spec"]
    finally:
        administrator.types(f"{name} USE_POD_CIDR- TYPHA_WORKERS-; kubectl apply -k deploy/base")
    assert after == before


def test_a_check_can_be_run_under_the_account(administrator):
    """The pod that the guide to migrating runs is one."""
    command = guide.step("Before", "typha-check", text=guide.MIGRATING)
    assert "--rm -it" in command
    shown = administrator.types(command.replace("--rm -it", "--dry-run=server -o yaml"))
    pod = yaml.safe_load(shown.stdout)
    assert pod["spec"]["serviceAccountName"] == "calico-typha"
    assert pod["spec"]["containers"][0]["command"] == ["typha", "check"]


def test_new_certificates_replace_the_secret_in_place(administrator, cluster):
    """As the guide to operating says; the kubelet brings them to the pods."""
    secret = f"/api/v1/namespaces/{guide.NAMESPACE}/secrets/calico-typha-certs"
    before = cluster[1].ask("GET", secret)
    renewing = guide.step("Certificate rotation", "create secret", text=guide.OPERATING)
    openssl = guide.step("2. Certificates", "openssl req -x509").replace("rsa:4096", "rsa:2048")
    administrator.types("mv certs kept")
    try:
        administrator.types(openssl)
        administrator.types(renewing)
    finally:
        administrator.types("rm -rf certs && mv kept certs")
    after = cluster[1].ask("GET", secret)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["data"] != before["data"]
