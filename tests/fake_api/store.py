"""What the API server of the tests holds: objects, their history, pages that were begun."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

Json = Any
Backup = tuple[int, dict[str, dict[tuple[str, str], bytes]]]  # revision and objects


@dataclass
class Change:
    """One event in the history."""

    revision: int
    path: str
    line: bytes


class Store:
    """Objects by path of their list; a path that is not there is not served."""

    def __init__(self, *, page_limit_holds: bool) -> None:
        """Start empty; `page_limit_holds` pages also lists at revision 0."""
        self.answers: dict[str, Json] = {}
        self.objects: dict[str, dict[tuple[str, str], bytes]] = {}
        self.revision = 1
        self.history: list[Change] = []
        self.compacted = 0
        self.generation = 0  # raised to end all watches
        self.changed = threading.Condition()
        self._page_limit_holds = page_limit_holds
        self._pages: dict[str, tuple[int, list[bytes]]] = {}

    def serve(self, path: str, answer: Json | None = None) -> None:
        """Serve a resource, with what its list says."""
        with self.changed:
            answer = answer or {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": []}
            items = answer.get("items") or []
            self.answers[path] = {key: value for key, value in answer.items() if key != "items"}
            self.objects[path] = {name_of(item): orjson.dumps(item) for item in items}
            stated = int(answer["metadata"].get("resourceVersion") or 0)
            self.revision = max(self.revision, stated)

    def unserve(self, path: str) -> None:
        """Take an API away, as when its definition is deleted."""
        with self.changed:
            for key in list(self.objects[path]):
                self._delete(path, key)
            del self.answers[path]
            del self.objects[path]
            self._end_watches()

    def put(self, path: str, value: Json, raw: bytes | None = None) -> None:
        """Create or update an object; `raw` is sent in its place, however broken."""
        with self.changed:
            self.revision += 1
            value = {
                **value,
                "metadata": {**value["metadata"], "resourceVersion": str(self.revision)},
            }
            key = name_of(value)
            kind = b"MODIFIED" if key in self.objects[path] else b"ADDED"
            body = raw or orjson.dumps(value)
            self.objects[path][key] = body
            self._record(path, b'{"type":"' + kind + b'","object":' + body + b"}\n")

    def delete(self, path: str, name: str, namespace: str = "") -> None:
        """Delete an object."""
        with self.changed:
            self._delete(path, (namespace, name))

    def play(self, path: str, event: Json) -> None:
        """Let a recorded event happen, at its own revision."""
        value = event["object"]
        with self.changed:
            self.revision = max(self.revision, int(value["metadata"]["resourceVersion"]))
            if event["type"] == "DELETED":
                self.objects[path].pop(name_of(value), None)
            elif event["type"] in ("ADDED", "MODIFIED"):
                self.objects[path][name_of(value)] = orjson.dumps(value)
            self._record(path, orjson.dumps(event) + b"\n")

    def bookmark(self, path: str) -> None:
        """Send a bookmark to the watches of a resource."""
        with self.changed:
            metadata = {"resourceVersion": str(self.revision)}
            event = {"type": "BOOKMARK", "object": {"kind": "X", "metadata": metadata}}
            self._record(path, orjson.dumps(event) + b"\n")

    def compact(self) -> None:
        """Refuse watches from any revision so far, and pages that were begun."""
        with self.changed:
            self.revision += 1
            self.compacted = self.revision
            self._pages.clear()

    def remember(self) -> Backup:
        """Back all up."""
        with self.changed:
            return self.revision, {path: dict(held) for path, held in self.objects.items()}

    def restore(self, backup: Backup) -> None:
        """Go back to what was, revision and all, and end all watches."""
        with self.changed:
            self.revision, self.objects = (
                backup[0],
                {p: dict(held) for p, held in backup[1].items()},
            )
            self.history = []
            self._pages.clear()
            self._end_watches()

    def drop_watches(self) -> None:
        """End all watches, as a restart does."""
        with self.changed:
            self._end_watches()

    def _delete(self, path: str, key: tuple[str, str]) -> None:
        self.revision += 1
        value = orjson.loads(self.objects[path].pop(key))
        value["metadata"]["resourceVersion"] = str(self.revision)
        self._record(path, orjson.dumps({"type": "DELETED", "object": value}) + b"\n")

    def _record(self, path: str, line: bytes) -> None:
        self.history.append(Change(self.revision, path, line))
        self.changed.notify_all()

    def _end_watches(self) -> None:
        self.generation += 1
        self.changed.notify_all()

    # ---- lists

    def page(self, path: str, query: Mapping[str, str]) -> tuple[int, bytes]:
        """Answer a list: status and body."""
        with self.changed:
            if path not in self.objects:
                return 404, b"404 page not found\n"
            if token := query.get("continue"):
                if token not in self._pages:
                    return 410, orjson.dumps(status(410, "Expired"))
                revision, rest = self._pages[token]
            else:
                revision, rest = self.revision, list(self.objects[path].values())
            asked = query.get("resourceVersion", "")
            if asked.isdecimal() and int(asked) > self.revision:
                return 504, orjson.dumps(too_large())
            paged = self._page_limit_holds or asked != "0"
            limit = int(query.get("limit", 0)) if paged else 0
            token = ""
            if limit and len(rest) > limit:
                token = f"{revision}-{len(rest)}"
                self._pages[token] = (revision, rest[limit:])
                rest = rest[:limit]
            return 200, self._body(path, rest, revision, token)

    def _body(self, path: str, items: list[bytes], revision: int, token: str) -> bytes:
        """Write a list: core types say their revision before the items, Calico's after."""
        answer = dict(self.answers[path])
        answer["metadata"] = {"resourceVersion": str(revision), "continue": token}
        head = [b'"%b":%b' % (key.encode(), orjson.dumps(value)) for key, value in answer.items()]
        inside = b'"items":[' + b",".join(items) + b"]"
        parts = [inside, *head] if "calico" in path else [*head, inside]
        return b"{" + b",".join(parts) + b"}\n"


def name_of(value: Json) -> tuple[str, str]:
    """Give namespace and name."""
    return value["metadata"].get("namespace", ""), value["metadata"]["name"]


def status(code: int, reason: str = "", **more: Json) -> Json:
    """Write the object that says what went wrong."""
    message = f"told to say {code}"
    return {"kind": "Status", "code": code, "reason": reason, "message": message, **more}


def too_large() -> Json:
    """Write the answer to a revision that lies in the future."""
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    return status(504, "Timeout", details={"causes": causes, "retryAfterSeconds": 1})
