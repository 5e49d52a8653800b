"""What kubeconfig files say of one context, by the rules of the Go client.

Reads and judges; runs no plugin, and asks nobody for a token.  What is wrong is said with the file
it stands in, for whoever reads it may have joined several.
"""

import base64
import binascii
import os
import string
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

Fields = dict[str, Any]

_SECTIONS: Final = {"contexts": "context", "clusters": "cluster", "users": "user"}
_PATHS: Final = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_NAME_BYTES: Final = frozenset(f"!#$&'*+-.^_`|~{string.digits}{string.ascii_letters}".encode())
_OTHERS: Final = ("as-uid", "as-groups", "as-user-extra")


class KubeconfigError(ValueError):
    """The files are of no use as they are; the text says which, and why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A cluster or a user: its name, where it stands, and its fields, with absolute paths."""

    name: str
    file: str
    fields: Fields

    def text(self, name: str) -> str:
        """Return a field that holds text; empty if it is not set."""
        value = self.fields.get(name)
        if value is not None and not isinstance(value, str):
            raise KubeconfigError(f"{self.file}: {name} of {self.name!r} is {value!r}, not text")
        return value or ""

    def pem(self, name: str) -> bytes:
        """Return what the field `name`-data holds; nothing if it is not set."""
        encoded = self.text(f"{name}-data")
        try:
            content = base64.b64decode("".join(encoded.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise KubeconfigError(
                f"{self.file}: {name}-data of {self.name!r} is not base64: {error}"
            ) from error
        if content and b"-----BEGIN " not in content:
            raise KubeconfigError(
                f"{self.file}: {name}-data of {self.name!r} is not base64 of a PEM file"
            )
        return content


@dataclass(frozen=True, slots=True)
class Chosen:
    """The cluster and the user of the context that counts."""

    cluster: Entry
    user: Entry


def choose(paths: Sequence[str], context: str = "") -> Chosen:
    """Read the files and follow a context, the current one if empty.  Raises KubeconfigError.

    The first file that names something is the one that counts, for each name by itself, and so
    for the current context.  A file that is missing is passed by if there are others.
    """
    found = [(path, _load(path)) for path in paths if Path(path).exists()]
    if not found:
        raise KubeconfigError("there is no such file")
    name = context or next(
        (now for path, content in found if (now := _current(path, content))), ""
    )
    if not name:
        raise KubeconfigError("no current-context is set, nor K8S_CURRENT_CONTEXT")
    here = _find(found, "contexts", name, "current-context")
    cluster, user = (here.text(section) for section in ("cluster", "user"))
    chosen = Chosen(
        _find(found, "clusters", cluster, f"the context {name!r}"),
        _find(found, "users", user, f"the context {name!r}"),
    )
    _judge(chosen.user)
    return chosen


def impersonation(user: Entry) -> list[tuple[str, str]]:
    """Return the headers by which requests are made as somebody else: `as` and its relatives."""
    headers = [("Impersonate-User", user.text("as")), ("Impersonate-Uid", user.text("as-uid"))]
    groups = _texts(user, "as-groups", user.fields.get("as-groups"))
    headers += [("Impersonate-Group", group) for group in groups]
    extra = user.fields.get("as-user-extra") or {}
    if not isinstance(extra, dict):
        raise KubeconfigError(f"{user.file}: as-user-extra of {user.name!r} is no mapping")
    for key, listed in extra.items():
        values = _texts(user, f"as-user-extra {key}", listed)
        headers += [(f"Impersonate-Extra-{_escaped(str(key))}", value) for value in values]
    return [(name, value) for name, value in headers if value]


def _texts(user: Entry, name: str, value: object) -> list[str]:
    value = value or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise KubeconfigError(f"{user.file}: {name} of {user.name!r} is no list of texts")
    return value


def _escaped(key: str) -> str:
    """Write what no header's name may hold as %XX."""
    return "".join(chr(byte) if byte in _NAME_BYTES else f"%{byte:02X}" for byte in key.encode())


def _load(path: str) -> Fields:
    import yaml  # noqa: PLC0415 a pod's own account needs none

    try:
        content = yaml.safe_load(Path(path).read_bytes())
    except OSError as error:
        raise KubeconfigError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        text = " ".join(str(error).split())
        raise KubeconfigError(f"{path} is no YAML: {text}") from error
    if content is None:
        raise KubeconfigError(f"{path} is empty")
    if not isinstance(content, dict) or content.get("kind", "Config") != "Config":
        raise KubeconfigError(f"{path} is no kubeconfig: a mapping of kind Config is expected")
    return content


def _current(path: str, content: Fields) -> str:
    return Entry("the file", path, content).text("current-context")


def _find(found: list[tuple[str, Fields]], section: str, name: str, whence: str) -> Entry:
    """Find what is called `name` in the first file that has it."""
    what = _SECTIONS[section]
    if not name:
        raise KubeconfigError(f"{whence} names no {what}")
    known = []
    for path, content in found:
        for each in _listed(path, content, section):
            known.append(str(each.get("name")))
            if each.get("name") == name:
                fields = each.get(what) or {}
                if not isinstance(fields, dict):
                    raise KubeconfigError(f"{path}: the {what} {name!r} is no mapping")
                return Entry(name, path, _resolved(path, fields))
    there = ", ".join(map(repr, known)) or "none"
    raise KubeconfigError(f"{whence} means a {what} {name!r} that is not there; there is {there}")


def _listed(path: str, content: Fields, section: str) -> list[Fields]:
    listed = content.get(section) or []
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise KubeconfigError(f"{path}: {section} is no list of mappings")
    return listed


def _resolved(path: str, fields: Fields) -> Fields:
    """Make relative paths begin where the file is."""
    folder = Path(path).absolute().parent
    paths = {
        name: os.path.normpath(folder / value)
        for name in _PATHS
        if isinstance(value := fields.get(name), str) and value
    }
    plugin = fields.get("exec")
    if isinstance(plugin, dict) and "/" in (command := str(plugin.get("command") or "")):
        return fields | paths | {"exec": plugin | {"command": os.path.normpath(folder / command)}}
    return fields | paths


def _judge(user: Entry) -> None:
    """Refuse what would let us ask as somebody else than is meant."""
    if not user.text("as") and (lone := [name for name in _OTHERS if user.fields.get(name)]):
        raise KubeconfigError(
            f"{user.file}: the user {user.name!r} has {lone[0]} without as, which names the user"
        )
    basic = user.text("username") or user.text("password")
    if user.text("token") and basic:
        raise KubeconfigError(
            f"{user.file}: the user {user.name!r} has a token and a password; one is expected"
        )
    provider = user.fields.get("auth-provider")
    kind = provider.get("name") if isinstance(provider, dict) else provider
    if kind is not None and kind != "oidc":
        raise KubeconfigError(
            f"{user.file}: the auth-provider {kind!r} of the user {user.name!r} is not supported;"
            " oidc is, and any plugin that is named by exec"
        )
    if kind is not None and user.fields.get("exec"):
        raise KubeconfigError(f"{user.file}: {user.name!r} has an auth-provider and exec as well")
