"""A folder of manifests as a datastore: read whole, then watched.

Changes are noticed through inotify and, where that is silent or fails, by looking at the files'
times.  A folder that vanishes as a whole is a datastore that is away: what was known stays.
"""

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import watchfiles

from typha.datastore import places
from typha.datastore.files import contents, documents, finding, manifests
from typha.datastore.ports import (
    Changed,
    Inbox,
    ListDone,
    Listed,
    Removed,
    StreamReport,
    StreamState,
)
from typha.model.resources import JsonObject
from typha.telemetry.obstacles import Obstacles

LOOK_MILLISECONDS: Final = 250  # without a sign from inotify
LOOK_SHARE: Final = 0.02  # of the time may go into looking
ALIVE_SECONDS: Final = 5.0  # between two proofs of life
ABSENT_SECONDS: Final = 1.0  # between two looks for a folder that is not there
STOP_SECONDS: Final = 2.0  # the thread may be waiting for room in an inbox that nobody empties

log = logging.getLogger(__name__)
logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it tells of every look, for ever


@dataclass(frozen=True, slots=True)
class Contents:
    """What a folder or file holds, at one moment."""

    objects: Mapping[str, list[JsonObject]]  # by resource; all resources are there
    problems: tuple[manifests.Problem, ...]
    ignored: tuple[str, ...]  # objects of kinds that nobody watches


def read_once(path: Path, resources: Iterable[str], *, initialise: bool = False) -> Contents:
    """Read everything once; `initialise` adds what the original writes into an empty datastore.

    Raises OSError if `path` is not there or cannot be read.
    """
    reader = _Reader(path, initialise=initialise)
    reader.look()
    reader.contents.settle()
    found = reader.contents
    return Contents(
        contents.by_resource(found.objects, resources),
        (*found.problems(), *found.duplicates()),
        tuple(name for manifest in found.files.values() for name in manifest.ignored),
    )


class FolderSource:
    """Delivers the objects below a folder, or in one file, and then their changes."""

    def __init__(self, path: Path, resources: Iterable[str]) -> None:
        self._path = path
        self._resources = tuple(resources)
        self._reader = _Reader(path, initialise=True)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._told: frozenset[manifests.Problem] = frozenset()
        self._report_due = 0.0

    def start(self, inbox: Inbox) -> None:
        """Begin to deliver; returns at once."""
        self._thread = threading.Thread(
            target=self._run, args=(inbox,), name="manifests", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the watching and wait for its thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    def _run(self, inbox: Inbox) -> None:
        self._report(inbox, StreamState.LISTING)
        obstacles = Obstacles()
        while not self._stopping.is_set():
            try:
                self._look(inbox)
                if obstacles.clear():
                    log.info("manifests can be read again")
                self._follow(inbox)
            except OSError as error:
                if obstacles.is_to_be_said(str(error), time.monotonic()):
                    log.warning("manifests cannot be read", extra={"error": str(error)})
                self._report(inbox, StreamState.FAILING, str(error))
                self._stopping.wait(ABSENT_SECONDS)
            except Exception as error:  # a bug of ours must not end the following for good
                log.exception("manifests are read anew")
                self._report(inbox, StreamState.FAILING, str(error))
                self._stopping.wait(ABSENT_SECONDS)

    def _follow(self, inbox: Inbox) -> None:
        """Look whenever something may have changed, until the folder is gone."""
        looked, cost = time.monotonic(), 0.0
        for signs in self._signs():
            now = time.monotonic()
            if signs or now - looked > cost / LOOK_SHARE:
                self._look(inbox)
                looked = time.monotonic()
                cost = looked - now

    def _signs(self) -> Iterator[bool]:
        """Yield True at a change that inotify saw, False from time to time without one."""
        try:
            for changes in watchfiles.watch(
                self._path if self._path.is_dir() else self._path.parent,
                watch_filter=None,
                stop_event=self._stopping,
                rust_timeout=LOOK_MILLISECONDS,
                yield_on_timeout=True,
                recursive=self._path.is_dir(),
                raise_interrupt=False,
            ):
                yield bool(changes)
        except (OSError, RuntimeError, ValueError) as error:
            # The limit of inotify watches, for instance, or a path that is not UTF-8.
            log.warning("manifests are polled", extra={"error": str(error)})
        while not self._stopping.wait(LOOK_MILLISECONDS / 1000):
            yield False

    def _look(self, inbox: Inbox) -> None:
        """Pass on what differs from the last look.  Raises OSError if the folder is not there."""
        changed = self._reader.look()
        first = not self._reader.contents.settled
        if changed or first:
            self._settle(inbox, first=first)
        if first or changed or time.monotonic() >= self._report_due:
            self._report(inbox, StreamState.WATCHING, self._trouble())

    def _trouble(self) -> str:
        """Say in a line what is wrong with the files, if anything is."""
        problems = self._reader.contents.problems()
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return f"{problems[0].text}{more}" if problems else ""

    def _settle(self, inbox: Inbox, *, first: bool) -> None:
        difference = self._reader.contents.settle()
        self._tell_problems()
        if first:
            log.info("manifests read", extra=self._counts())
            objects = contents.by_resource(self._reader.contents.objects, self._resources)
            for resource, listed in objects.items():
                inbox.put(Listed(resource, listed, first=True))
                inbox.put(ListDone(resource))
            return
        for identity in difference.removed:
            if identity.resource in self._resources:
                inbox.put(Removed(*identity))
        for identity, value in difference.changed:
            if identity.resource in self._resources:
                inbox.put(Changed(identity.resource, value))

    def _counts(self) -> dict[str, int]:
        found = self._reader.contents
        return {
            "files": len(found.files),
            "objects": len(found.objects),
            "ignored": sum(len(manifest.ignored) for manifest in found.files.values()),
            "problems": len(self._told),
        }

    def _tell_problems(self) -> None:
        found = self._reader.contents
        problems = frozenset((*found.problems(), *found.duplicates()))
        for problem in sorted(problems - self._told, key=lambda one: (one.path, one.line)):
            fields = {"file": problem.path, "line": problem.line, "reason": problem.reason}
            log.warning("manifest not taken as it is", extra=fields)
        self._told = problems

    def _report(self, inbox: Inbox, state: StreamState, error: str = "") -> None:
        now = time.monotonic()
        self._report_due = now + ALIVE_SECONDS
        revision = str(self._reader.contents.revision)
        for resource in self._resources:
            inbox.put(
                StreamReport(
                    resource=resource, state=state, revision=revision, error=error, alive_at=now
                )
            )


class _Reader:
    """Keeps the contents up to date with the files, reading only those that changed."""

    def __init__(self, path: Path, *, initialise: bool) -> None:
        self._path = path
        self._signatures: dict[str, finding.Signature] = {}
        made_up = contents.initial_objects(places.folder(str(path))) if initialise else ()
        self.contents = contents.Contents(made_up)

    def look(self) -> bool:
        """Read what changed; say whether anything did.  Raises OSError without the folder."""
        found = finding.find(self._path)
        known = self._signatures
        gone = [path for path in self.contents.files if not found.may_have(path)]
        for path in gone:
            self.contents.drop(path)
        news = bool(gone)
        for path, error in found.shut.items():
            news |= self._fail(path, error)
        self._signatures = {}
        for path, signature in found.files.items():
            if known.get(path) != signature:
                try:
                    self._read(path)
                    news = True
                except OSError as error:  # which may pass and leave no sign: read it again soon
                    news |= self._fail(path, error)
                    continue
            self._signatures[path] = signature
        return news

    def _read(self, path: str) -> None:
        place = Path(path)
        if place == self._path:  # the user's own choice, such as a pipe from another command
            content = place.read_bytes()
        else:
            content = finding.read(place, documents.MAX_BYTES)
        manifest = manifests.read(path, content)
        self.contents.put(path, manifest)
        for name in manifest.ignored:
            log.debug("object of no interest", extra={"file": path, "object": name})

    def _fail(self, path: str, error: OSError) -> bool:
        """Note that a file or folder cannot be read; say whether that is new."""
        problem = manifests.Problem(path, 0, error.strerror or str(error))
        before = self.contents.files.get(path)
        self.contents.fail(problem)
        return before is None or before.problems != (problem,)
