"""What following the installation guide takes: its text, who types it, what runs in the end."""

import base64
import math
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml

from tests.integration.cluster import ADMIN, ApiServer

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "install.md").read_text()
MIGRATING = (ROOT / "docs" / "migrate.md").read_text()
OPERATING = (ROOT / "docs" / "operate.md").read_text()
NAMESPACE = "kube-system"
CORE = f"/api/v1/namespaces/{NAMESPACE}"


def blocks(heading: str, text: str = TEXT) -> list[str]:
    """Return what a section of the guide says to type, block by block."""
    (section,) = re.findall(rf"(?ms)^## {re.escape(heading)}$(.*?)(?=^## |\Z)", text)
    found = re.findall(r"(?m)(?:^    .*\n|^\n(?=    ))+", section)
    return [re.sub(r"(?m)^    ", "", block).strip() for block in found]


def step(heading: str, *words: str, text: str = TEXT) -> str:
    """Return the one block of a section that has all these words."""
    (block,) = [each for each in blocks(heading, text) if all(word in each for word in words)]
    return block


class Administrator:
    """Whoever follows the guide, in a checkout, with kubectl set up."""

    def __init__(self, folder: Path, server: ApiServer) -> None:
        """Lay out what the guide's commands look for."""
        self.folder = folder
        shutil.copytree(ROOT / "deploy", folder / "deploy")
        venv = folder / ".venv" / "bin"
        venv.mkdir(parents=True)
        (venv / "typha").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m typha "$@"\n')
        (venv / "typha").chmod(0o755)
        self._kubeconfig = kubeconfig(folder / "admin.yaml", server, ADMIN)

    def types(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a block as it stands; it must do what it is there for."""
        done = self.tries(script)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done

    def tries(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a block as it stands."""
        return subprocess.run(
            ["sh", "-ec", script],
            cwd=self.folder,
            env={**os.environ, "KUBECONFIG": str(self._kubeconfig)},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


def kubeconfig(path: Path, server: ApiServer, token: str) -> Path:
    """Write a kubeconfig for a token."""
    cluster = {"server": server.url, "certificate-authority": str(server.ca_file)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "who"}}],
        "clusters": [{"name": "here", "cluster": cluster}],
        "users": [{"name": "who", "user": {"token": token}}],
    }
    path.write_text(yaml.safe_dump(content))
    return path


@dataclass
class Running:
    """A server as the Deployment would run it."""

    process: subprocess.Popen[bytes]
    port: int
    health: str  # where the probes ask
    folder: Path
    environ: dict[str, str]

    def types(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of ours where the server runs, as `kubectl exec` would."""
        return subprocess.run(
            [sys.executable, "-m", "typha", *arguments],
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def status(self) -> dict[str, Any]:
        """Return what `typha status` knows."""
        shown = self.types("status", "--format", "json")
        return orjson.loads(shown.stdout) if shown.returncode == 0 else {}

    def probe(self, path: str) -> int:
        """Ask as the kubelet does; 0 while nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.health}{path}", timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def log(self) -> str:
        """Read its standard output."""
        return (self.folder / "log").read_text()


def mounted(server: ApiServer, pod: dict[str, Any], folder: Path) -> dict[str, Path]:
    """Put the volumes' files into a folder as the kubelet would; places by their mount paths."""
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    places = {}
    for mount in pod["containers"][0]["volumeMounts"]:
        place = folder / mount["name"]
        place.mkdir()
        places[mount["mountPath"]] = place
        volume = volumes[mount["name"]]
        if "configMap" in volume:
            held = server.ask("GET", f"{CORE}/configmaps/{volume['configMap']['name']}")
            for name, text in held["data"].items():
                (place / name).write_text(text)
        elif "secret" in volume:
            held = server.ask("GET", f"{CORE}/secrets/{volume['secret']['secretName']}")
            for name, encoded in held["data"].items():
                (place / name).write_bytes(base64.b64decode(encoded))
        else:
            assert "emptyDir" in volume
    return places


def environment(container: dict[str, Any], places: dict[str, Path]) -> dict[str, str]:
    """Return the container's variables, references resolved and paths where they are here."""
    resolved = {}
    for variable in container["env"]:
        source = variable.get("valueFrom", {})
        if "fieldRef" in source:
            assert source["fieldRef"]["fieldPath"] == "metadata.namespace"
            value = NAMESPACE
        elif "resourceFieldRef" in source:
            assert source["resourceFieldRef"]["resource"] == "requests.cpu"
            value = str(math.ceil(float(container["resources"]["requests"]["cpu"])))
        else:
            value = variable["value"]
        for path, place in places.items():
            if value.startswith(f"{path}/"):
                value = f"{place}{value.removeprefix(path)}"
        resolved[variable["name"]] = value
    kept = {
        name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ
    }
    return kept | resolved
