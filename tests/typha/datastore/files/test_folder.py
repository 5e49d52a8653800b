"""A folder is a datastore: read whole, then followed, and never worse for a broken file.

One module, for reading, following and trouble share one stage, and change with `folder`.
"""

import contextlib
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import watchfiles

from tests.typha.datastore.recording import Recording
from typha.datastore.files import documents, finding, folder
from typha.datastore.ports import Changed, ListDone, Listed, Removed

RESOURCES = ("nodes", "pods", "tiers.projectcalico.org")


def node(name: str, **labels: str) -> str:
    """Write a Node."""
    return f"---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}, labels: {labels}}}\n"


def write(path: Path, *documents: str) -> None:
    """Write a file in one step, so that nobody sees a half of it."""
    half = path.with_name(f".{path.name}.half")
    overwrite(half, *documents)
    half.replace(path)


def overwrite(path: Path, *documents: str) -> None:
    """Write a file in place, as a careless editor does."""
    path.write_text("".join(documents))


@contextlib.contextmanager
def begun(path: Path) -> Iterator[Recording]:
    """Follow a folder, which need not be there, to the end of the test."""
    inbox = Recording()
    source = folder.FolderSource(path, RESOURCES)
    source.start(inbox)
    try:
        yield inbox
    finally:
        source.stop()


@contextlib.contextmanager
def followed(path: Path) -> Iterator[Recording]:
    """Follow a folder until it is in sync, and to the end of the test."""
    with begun(path) as inbox:
        inbox.wait_synced(*RESOURCES)
        yield inbox


def test_reading_once_gives_every_resource_asked_for(tmp_path):
    """Below the folder at any depth; other files are left alone."""
    (tmp_path / "deep" / "er").mkdir(parents=True)
    write(tmp_path / "a.yaml", node("a"))
    write(tmp_path / "deep" / "er" / "b.yml", node("b"))
    write(tmp_path / "c.json", '{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "c"}}')
    write(tmp_path / "README.md", node("d"))
    write(tmp_path / ".hidden.yaml", node("e"))
    write(tmp_path / "z.yaml", "kind: Secret\napiVersion: v1\nmetadata: {name: s}\n")
    found = folder.read_once(tmp_path, RESOURCES)
    assert list(found.objects) == list(RESOURCES)
    assert [value["metadata"]["name"] for value in found.objects["nodes"]] == ["a", "c", "b"]
    assert found.objects["tiers.projectcalico.org"] == []
    assert found.ignored == ("Secret s",)


def test_reading_once_takes_a_single_file_and_names_problems(tmp_path):
    """A broken document and a duplicate, each with file and line."""
    write(tmp_path / "a.yaml", node("a"), "---\nkind: [\n", node("a"))
    found = folder.read_once(tmp_path / "a.yaml", RESOURCES)
    assert len(found.objects["nodes"]) == 1
    assert [(Path(p.path).name, p.line) for p in found.problems] == [("a.yaml", 7), ("a.yaml", 8)]


def test_reading_once_can_add_what_a_new_datastore_holds(tmp_path):
    """Only where that is asked for."""
    found = folder.read_once(tmp_path, RESOURCES, initialise=True)
    assert len(found.objects["tiers.projectcalico.org"]) == 3


def test_reading_what_is_not_there_raises(tmp_path):
    """The command says so."""
    with pytest.raises(FileNotFoundError):
        folder.read_once(tmp_path / "missing", RESOURCES)


def test_links_to_folders_are_followed_once(tmp_path):
    """Also a link back up; hidden folders, as behind a mounted ConfigMap, are not entered."""
    (tmp_path / "real").mkdir()
    write(tmp_path / "real" / "a.yaml", node("a"))
    (tmp_path / "real" / "up").symlink_to(tmp_path)
    (tmp_path / "..data").mkdir()
    write(tmp_path / "..data" / "b.yaml", node("b"))
    (tmp_path / "b.yaml").symlink_to("..data/b.yaml")
    found = folder.read_once(tmp_path, RESOURCES)
    assert [value["metadata"]["name"] for value in found.objects["nodes"]] == ["b", "a"]
    assert found.problems == ()


def test_an_unreadable_file_is_a_problem_of_its_own(tmp_path, monkeypatch):
    """The others are read."""
    write(tmp_path / "a.yaml", node("a"))
    (tmp_path / "b.yaml").symlink_to(tmp_path / "a.yaml")
    original = finding.read

    def refuse(path: Path, at_most: int) -> bytes:
        if path.name == "b.yaml":
            raise PermissionError(13, "Permission denied")
        return original(path, at_most)

    monkeypatch.setattr(finding, "read", refuse)
    found = folder.read_once(tmp_path, RESOURCES)
    assert len(found.objects["nodes"]) == 1
    assert [problem.reason for problem in found.problems] == ["Permission denied"]


def test_a_pipe_and_a_device_are_not_read(tmp_path):
    """The one might never give anything, the other never end."""
    write(tmp_path / "a.yaml", node("a"))
    os.mkfifo(tmp_path / "b.yaml")
    (tmp_path / "c.yaml").symlink_to("/dev/zero")
    (tmp_path / "d.yaml").symlink_to("d.yaml")
    (tmp_path / "e.yaml").symlink_to("nowhere.yaml")
    with (tmp_path / "f.yaml").open("wb") as large:
        large.truncate(documents.MAX_BYTES + 1)
    found = folder.read_once(tmp_path, RESOURCES)
    assert [value["metadata"]["name"] for value in found.objects["nodes"]] == ["a"]
    problems = {Path(one.path).name: one.reason for one in found.problems}
    assert problems == {
        "b.yaml": "not a regular file",
        "c.yaml": "not a regular file",
        "d.yaml": "Too many levels of symbolic links",
        "f.yaml": f"larger than {documents.MAX_BYTES} bytes",
    }


def test_what_cannot_be_looked_at_is_not_gone(tmp_path, monkeypatch):
    """Its objects stay and it is named; what is deleted elsewhere goes."""
    (tmp_path / "shut" / "inner").mkdir(parents=True)
    write(tmp_path / "shut" / "inner" / "a.yaml", node("a"))
    write(tmp_path / "b.yaml", node("b"))
    write(tmp_path / "c.yaml", node("c"))
    scandir = os.scandir

    def refuse(path: str) -> object:
        if os.fspath(path) == str(tmp_path / "shut"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    with followed(tmp_path) as inbox:
        with monkeypatch.context() as patch:
            patch.setattr(os, "scandir", refuse)
            (tmp_path / "b.yaml").unlink()
            inbox.wait_for(lambda: inbox.names("nodes") == {"a", "c"})
            inbox.wait_for(lambda: "shut:0: Permission" in inbox.reports["nodes"].error)
            (tmp_path / "c.yaml").unlink()
            inbox.wait_for(lambda: inbox.names("nodes") == {"a"})
        inbox.wait_for(lambda: not inbox.reports["nodes"].error)
        assert inbox.names("nodes") == {"a"}
        shutil.rmtree(tmp_path / "shut")
        inbox.wait_for(lambda: not inbox.names("nodes"))


def test_a_folder_that_cannot_be_listed_is_a_datastore_that_is_away(tmp_path, monkeypatch):
    """As when descriptors have run out: it must not look like an empty one."""
    monkeypatch.setattr(folder, "ABSENT_SECONDS", 0.05)
    write(tmp_path / "a.yaml", node("a"))

    def refuse(path: str) -> object:
        raise OSError(24, "Too many open files", path)

    with followed(tmp_path) as inbox:
        with monkeypatch.context() as patch:
            patch.setattr(os, "scandir", refuse)
            inbox.wait_for(lambda: inbox.state("nodes") == "failing")
            assert inbox.names("nodes") == {"a"}
        write(tmp_path / "a.yaml", node("b"))
        inbox.wait_for(lambda: inbox.names("nodes") == {"b"})
        inbox.wait_for(lambda: inbox.state("nodes") == "watching")


def test_a_file_that_could_not_be_read_is_read_again_without_a_change(tmp_path, monkeypatch):
    """What was in the way, such as a disk's fault, leaves no sign in its times."""
    write(tmp_path / "a.yaml", node("a"))
    with monkeypatch.context() as patch:

        def fail(_path: Path, _at_most: int) -> bytes:
            raise OSError(5, "Input/output error")

        patch.setattr(finding, "read", fail)
        with followed(tmp_path) as inbox:
            inbox.wait_for(lambda: "Input/output" in inbox.reports["nodes"].error)
            patch.undo()
            inbox.wait_for(lambda: inbox.names("nodes") == {"a"})
            inbox.wait_for(lambda: not inbox.reports["nodes"].error)


def test_in_sync_comes_after_every_list_whatever_is_broken(tmp_path):
    """One complete list a resource, even an empty one."""
    write(tmp_path / "a.yaml", node("a"))
    write(tmp_path / "b.yaml", "}")
    with followed(tmp_path) as inbox:
        events = inbox.data_events()
        assert [type(event) for event in events] == [Listed, ListDone] * len(RESOURCES)
        assert inbox.names("nodes") == {"a"}
        assert inbox.names("tiers.projectcalico.org") == {"default", "kube-admin", "kube-baseline"}
        inbox.wait_for(lambda: inbox.state("nodes") == "watching")


def test_changes_are_followed_and_nothing_else_is_told(tmp_path):
    """A change, a new file, a file gone; then the events are exactly these."""
    write(tmp_path / "a.yaml", node("a"), node("b"))
    with followed(tmp_path) as inbox:
        before = len(inbox.data_events())
        write(tmp_path / "a.yaml", node("a", x="y"), node("b"))
        inbox.wait_for(lambda: len(inbox.data_events()) == before + 1)
        (tmp_path / "sub").mkdir()
        write(tmp_path / "sub" / "c.yaml", node("c"))
        inbox.wait_for(lambda: len(inbox.data_events()) == before + 2)
        (tmp_path / "a.yaml").unlink()
        inbox.wait_for(lambda: inbox.names("nodes") == {"c"})
        changed, new, *gone = inbox.data_events()[before:]
        assert isinstance(changed, Changed)
        assert changed.object["metadata"]["labels"] == {"x": "y"}
        assert changed.object["metadata"]["resourceVersion"] == "2"
        assert isinstance(new, Changed)
        assert {(e.resource, e.name) for e in gone if isinstance(e, Removed)} == {
            ("nodes", "a"),
            ("nodes", "b"),
        }


def test_a_broken_file_keeps_its_objects_and_is_named(tmp_path, caplog):
    """The warning carries file, line and reason; it comes once."""
    write(tmp_path / "a.yaml", node("a"))
    with caplog.at_level(logging.WARNING), followed(tmp_path) as inbox:
        write(tmp_path / "a.yaml", "kind: 'No")
        write(tmp_path / "b.yaml", node("b"))
        inbox.wait_for(lambda: "b" in inbox.names("nodes"))
        write(tmp_path / "c.yaml", node("c"))
        inbox.wait_for(lambda: "c" in inbox.names("nodes"))
        assert inbox.names("nodes") == {"a", "b", "c"}
        inbox.wait_for(lambda: "a.yaml:1: while scanning" in inbox.reports["nodes"].error)
        assert inbox.state("nodes") == "watching"
    (warning,) = [record for record in caplog.records if record.name == folder.log.name]
    assert warning.file == str(tmp_path / "a.yaml")
    assert (warning.line, "quoted scalar" in warning.reason) == (1, True)


def test_what_is_wrong_with_a_file_whose_name_is_no_text_can_be_told(tmp_path):
    """Names of files are bytes; what is reported becomes JSON, for `typha status` and the page."""
    write(Path(os.fsdecode(os.fsencode(tmp_path / "a") + b"\xff.yaml")), "kind: 'No")
    with followed(tmp_path) as inbox:
        inbox.wait_for(lambda: "a\ufffd.yaml:1: while" in inbox.reports["nodes"].error)


def test_a_folder_whose_name_is_no_text_is_followed(tmp_path):
    """Inotify's library does not take it, so it is polled."""
    place = Path(os.fsdecode(os.fsencode(tmp_path / "m") + b"\xff"))
    place.mkdir()
    write(place / "a.yaml", node("a"))
    with followed(place) as inbox:
        write(place / "b.yaml", node("b"))
        inbox.wait_for(lambda: inbox.names("nodes") == {"a", "b"})
        assert inbox.state("nodes") == "watching"


def test_a_mounted_config_map_is_followed(tmp_path):
    """The kubelet swaps one hidden link for all files at once."""
    for version in ("1", "2"):
        (tmp_path / f"..{version}").mkdir()
        write(tmp_path / f"..{version}" / "a.yaml", node("a", v=version))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    with followed(tmp_path) as inbox:
        (tmp_path / "..swap").symlink_to("..2")
        os.replace(tmp_path / "..swap", tmp_path / "..data")  # noqa: PTH105 - as the kubelet does
        inbox.wait_for(lambda: inbox.objects["nodes"]["", "a"]["metadata"]["labels"] == {"v": "2"})


def test_a_single_file_is_followed_through_replacement(tmp_path):
    """Editors write a new file and rename it."""
    write(tmp_path / "a.yaml", node("a"))
    write(tmp_path / "other.yaml", node("other"))
    with followed(tmp_path / "a.yaml") as inbox:
        write(tmp_path / "new", node("b"))
        (tmp_path / "new").replace(tmp_path / "a.yaml")
        inbox.wait_for(lambda: inbox.names("nodes") == {"b"})
        overwrite(tmp_path / "a.yaml", node("c"))
        inbox.wait_for(lambda: inbox.names("nodes") == {"c"})


def test_a_folder_that_vanishes_is_a_datastore_that_is_away(tmp_path, monkeypatch):
    """Nothing is removed; the streams say that they fail, and catch up when it is back."""
    monkeypatch.setattr(folder, "ABSENT_SECONDS", 0.05)
    place = tmp_path / "manifests"
    place.mkdir()
    write(place / "a.yaml", node("a"), node("b"))
    with followed(place) as inbox:
        shutil.move(place, tmp_path / "away")
        inbox.wait_for(lambda: inbox.state("nodes") == "failing")
        assert inbox.names("nodes") == {"a", "b"}
        write(tmp_path / "away" / "a.yaml", node("b"))
        shutil.move(tmp_path / "away", place)
        inbox.wait_for(lambda: inbox.names("nodes") == {"b"})
        inbox.wait_for(lambda: inbox.state("nodes") == "watching")


def test_a_folder_may_come_after_the_start(tmp_path, monkeypatch):
    """A datastore that is away is waited for."""
    monkeypatch.setattr(folder, "ABSENT_SECONDS", 0.05)
    with begun(tmp_path / "later") as inbox:
        inbox.wait_for(lambda: inbox.state("pods") == "failing")
        assert not inbox.synced
        (tmp_path / "later").mkdir()
        inbox.wait_synced(*RESOURCES)


def test_the_log_tells_once_of_a_folder_that_is_not_there(tmp_path, monkeypatch, caplog):
    """And once that it has come; not every second."""
    caplog.set_level("INFO", "typha")
    monkeypatch.setattr(folder, "ABSENT_SECONDS", 0.01)
    with begun(tmp_path / "later") as inbox:
        inbox.wait_for(lambda: inbox.state("pods") == "failing")
        first = inbox.reports["pods"].alive_at
        inbox.wait_for(lambda: inbox.reports["pods"].alive_at > first)
        (tmp_path / "later").mkdir()
        inbox.wait_synced(*RESOURCES)
    told = [record.message for record in caplog.records]
    assert told == ["manifests cannot be read", "manifests read", "manifests can be read again"]


def test_without_inotify_files_are_polled(tmp_path, monkeypatch):
    """As when the limit of watches is reached."""

    def fail(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(watchfiles, "watch", fail)
    write(tmp_path / "a.yaml", node("a"))
    with followed(tmp_path) as inbox:
        overwrite(tmp_path / "a.yaml", node("b"))
        inbox.wait_for(lambda: inbox.names("nodes") == {"b"})


def test_proof_of_life_keeps_coming(tmp_path, monkeypatch):
    """Without any change in the folder."""
    monkeypatch.setattr(folder, "ALIVE_SECONDS", 0.1)
    with followed(tmp_path) as inbox:
        inbox.wait_for(lambda: inbox.state("nodes") == "watching")
        first = inbox.reports["nodes"].alive_at
        inbox.wait_for(lambda: inbox.reports["nodes"].alive_at > first)


def test_a_bug_does_not_end_the_following(tmp_path, monkeypatch, caplog):
    """It shows in the log, and the next look is made."""
    monkeypatch.setattr(folder, "ABSENT_SECONDS", 0.05)
    crashes: list[Path] = []

    def crash_once(path: Path) -> finding.Found:
        if not crashes:
            crashes.append(path)
            raise LookupError("a bug")
        return find(path)

    find = finding.find
    monkeypatch.setattr(finding, "find", crash_once)
    with followed(tmp_path):
        assert crashes == [tmp_path]
    assert any(record.message == "manifests are read anew" for record in caplog.records)
