"""Credentials that a program gives: the `exec` of a kubeconfig's user."""

import datetime as dt
import json
import os
import subprocess
from dataclasses import dataclass, field
from typing import Any, Final

from typha.datastore.k8s.kubeconfig import Chosen, Fields, KubeconfigError

RUN_SECONDS: Final = 60.0  # all requests wait for the plugin
SHOWN_CHARACTERS: Final = 300  # of what it says on stderr
VERSIONS: Final = tuple(f"client.authentication.k8s.io/{each}" for each in ("v1", "v1beta1"))


@dataclass(frozen=True, slots=True)
class Credential:
    """What a plugin gave: a token, a certificate with its key, or both; and until when."""

    token: str = field(default="", repr=False)
    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)
    expires: float | None = None  # seconds since the epoch


def run(chosen: Chosen) -> Credential:
    """Run the plugin of a user once.  Raises KubeconfigError with what it said."""
    plugin = chosen.user.fields["exec"]
    where = f"{chosen.user.file}: the exec plugin of the user {chosen.user.name!r}"
    if not isinstance(plugin, dict) or not isinstance(plugin.get("command"), str):
        raise KubeconfigError(f"{where} has no command")
    version = plugin.get("apiVersion")
    if version not in VERSIONS:
        raise KubeconfigError(
            f"{where} has the apiVersion {version!r}; expected one of {', '.join(VERSIONS)}"
        )
    if plugin.get("interactiveMode") == "Always":
        raise KubeconfigError(f"{where} has interactiveMode Always, and nobody is there to answer")
    where = f"{where}, {plugin['command']!r},"
    said = _output(where, plugin, _question(version, plugin, chosen))
    return _read(where, version, said)


def _question(version: str, plugin: Fields, chosen: Chosen) -> Fields:
    """Make what a plugin is told in its environment."""
    spec: Fields = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        cluster = {name: v for name, v in chosen.cluster.fields.items() if name != "extensions"}
        for each in chosen.cluster.fields.get("extensions") or []:
            if each.get("name") == "client.authentication.k8s.io/exec":
                cluster["config"] = each.get("extension")
        spec["cluster"] = cluster
    return {"apiVersion": version, "kind": "ExecCredential", "spec": spec}


def _output(where: str, plugin: Fields, question: Fields) -> str:
    """Run the program."""
    try:
        own = {each["name"]: str(each["value"]) for each in plugin.get("env") or []}
        done = subprocess.run(  # noqa: S603 - the operator names it
            [plugin["command"], *map(str, plugin.get("args") or [])],
            env={**os.environ, **own, "KUBERNETES_EXEC_INFO": json.dumps(question)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise KubeconfigError(f"{where} did not end within {RUN_SECONDS:.0f} s") from error
    except OSError as error:
        hint = " ".join(str(plugin.get("installHint") or "").split())
        text = f"{where} cannot be run: {error.strerror}"
        raise KubeconfigError(f"{text}; {hint}" if hint else text) from error
    except (KeyError, TypeError, ValueError) as error:
        raise KubeconfigError(f"{where} has env or args that cannot be read") from error
    if done.returncode:
        said = " ".join(done.stderr.split())[:SHOWN_CHARACTERS] or "nothing on stderr"
        raise KubeconfigError(f"{where} ended with {done.returncode}: {said}")
    return done.stdout


def _read(where: str, version: str, said: str) -> Credential:
    try:
        answer: Any = json.loads(said)
    except (ValueError, RecursionError) as error:
        raise KubeconfigError(f"{where} printed no JSON: {error}") from error
    if not isinstance(answer, dict) or answer.get("apiVersion") != version:
        other = answer.get("apiVersion") if isinstance(answer, dict) else None
        raise KubeconfigError(f"{where} answers as {other!r}; expected {version}")
    status = answer.get("status")
    names = ("token", "clientCertificateData", "clientKeyData", "expirationTimestamp")
    values = [status.get(name) or "" for name in names] if isinstance(status, dict) else [""] * 4
    token, certificate, key, until = values
    if not all(isinstance(each, str) for each in values):
        raise KubeconfigError(f"{where} gives a {'/'.join(names)} that is no text")
    if bool(certificate) != bool(key) or not (token or key):
        raise KubeconfigError(f"{where} gives no token, nor a certificate with its key")
    return Credential(token, certificate.encode(), key.encode(), _moment(where, until))


def _moment(where: str, text: str) -> float | None:
    try:
        return dt.datetime.fromisoformat(text).timestamp() if text else None
    except ValueError as error:
        raise KubeconfigError(f"{where} gives the expirationTimestamp {text!r}") from error
