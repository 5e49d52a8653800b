"""What deploy/ amounts to, as kustomize builds it."""

import functools
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
VARIANTS = ("base", "overlays/small", "overlays/large", "overlays/etcd")
CONTAINER = "calico-typha"

Objects = dict[tuple[str, str], dict[str, Any]]  # by kind and name


def documents(*path: str) -> list[dict[str, Any]]:
    """Return the objects of one file below deploy/."""
    text = DEPLOY.joinpath(*path).read_text()
    return [each for each in yaml.safe_load_all(text) if each]


@functools.cache
def built(variant: str) -> Objects:
    """Build a variant; skip the test where there is no kustomize."""
    command = _command()
    if command is None:
        pytest.skip("neither kubectl nor kustomize is installed")
    done = subprocess.run(
        [*command, str(DEPLOY / variant)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return by_name(yaml.safe_load_all(done.stdout))


def base() -> Objects:
    """Return the base as its files have it, without any tool."""
    found = documents("base", "kustomization.yaml")[0]["resources"]
    return by_name(each for file in found for each in documents("base", file))


def by_name(objects: Any) -> Objects:
    """Return objects by kind and name; two of the same are an error."""
    found: Objects = {}
    for each in objects:
        identity = (each["kind"], each["metadata"]["name"])
        assert identity not in found
        found[identity] = each
    return found


def pod_of(objects: Objects) -> dict[str, Any]:
    """Return the pod template's spec."""
    return objects["Deployment", "calico-typha"]["spec"]["template"]["spec"]


def container_of(objects: Objects) -> dict[str, Any]:
    """Return the one container."""
    (container,) = pod_of(objects)["containers"]
    return container


def environment_of(objects: Objects) -> dict[str, Any]:
    """Return the container's variables: texts, or where they come from."""
    listed = container_of(objects)["env"]
    names = [each["name"] for each in listed]
    assert len(names) == len(set(names))
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in listed}


def _command() -> list[str] | None:
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    return ["kustomize", "build"] if shutil.which("kustomize") else None
