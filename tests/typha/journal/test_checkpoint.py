"""The last known state on a volume: whole or not used, and never in the way."""

import os
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from tests.typha.journal.test_log import FELIX, record, state, statuses, stores
from tests.typha.journal.test_store import given_key, gone
from typha.journal import checkpoint
from typha.journal.checkpoint import Copy, UnusableError
from typha.journal.log import Journal

OURS = {"version": "1", "place": "here"}


class Life:
    """A server's journal, and what its clients knew after each batch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "volume"
        self.file = self.folder / checkpoint.NAME
        self.journal = Journal(folder / "journal", 77)
        self.kept = stores()
        self.copy = Copy(folder / "journal", self.folder, OURS)
        self.states: list = []

    def tell(self, number: int) -> None:
        """Publish a batch."""
        record(self.journal, self.kept, [given_key(f"/{number}", b"v" * 40), gone("/0")])
        self.states.append(state(self.kept))

    def rewrite(self) -> None:
        """Let the journal begin anew."""
        self.journal.rewrite(self.kept, statuses())


@pytest.fixture
def life(tmp_path) -> Life:
    """Return a life that has told five batches and keeps a checkpoint."""
    made = Life(tmp_path)
    for number in range(5):
        made.tell(number)
    made.copy.update()
    return made


def recalled(folder: Path, identity=None):
    """Show what clients of felix would be told from a folder's checkpoint."""
    found = checkpoint.recall(folder, identity or OURS)
    return None if found is None else state(found.remembered.stores)


def test_no_file_is_no_checkpoint(tmp_path):
    """The first start of all, and a folder that is not even there."""
    assert checkpoint.recall(tmp_path / "none", OURS) is None


def test_it_follows_the_journal(life):
    """What was added, and what was written anew; twice the same costs nothing."""
    assert recalled(life.folder) == life.states[-1]
    life.tell(6)
    life.copy.update()
    size = life.file.stat().st_size
    assert recalled(life.folder) == life.states[-1]
    life.copy.update()
    assert life.file.stat().st_size == size == life.copy.size
    life.rewrite()
    life.tell(7)
    life.copy.update()
    assert recalled(life.folder) == life.states[-1]
    assert life.file.stat().st_size < size


def test_it_is_private(life):
    """Whoever may read it sees the cluster's policies."""
    assert life.folder.stat().st_mode & 0o777 == 0o700
    assert life.file.stat().st_mode & 0o777 == 0o600


def test_one_server_writes_at_a_time(life, tmp_path):
    """On a volume that servers share; the next one may when the first has ended."""
    other = Copy(tmp_path / "journal", life.folder, OURS)
    with pytest.raises(OSError, match="another server"):
        other.update()
    os.close(life.copy._lock)
    other.update()
    assert recalled(life.folder) == life.states[-1]


def test_a_file_that_was_taken_away_is_written_again(life):
    """By whoever makes room on the volume."""
    life.file.unlink()
    life.copy.update()
    assert recalled(life.folder) == life.states[-1]


def test_what_a_killed_server_left_unfinished_is_in_nobody_s_way(life):
    """It had not the name yet under which it would be read."""
    unfinished = life.folder / f"{checkpoint.NAME}.new"
    unfinished.write_bytes(b"half of it")
    life.rewrite()
    life.copy.update()
    assert recalled(life.folder) == life.states[-1]
    assert not unfinished.exists()


def test_however_often_it_begins_anew_it_keeps_no_more_files_open(life, tmp_path):
    """Nor however often it is refused."""

    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    other = Copy(tmp_path / "journal", life.folder, OURS)
    before = open_files()
    for _ in range(3):
        life.rewrite()
        life.copy.update()
        with pytest.raises(OSError, match="another server"):
            other.update()
    assert open_files() == before


def test_it_is_on_the_disk_before_it_can_be_found_and_so_is_its_name(life, monkeypatch):
    """A machine that fails at any moment has the old one or the new one."""
    synced: list[tuple[str, bool]] = []

    def note(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append((path.name, recalled(life.folder) == life.states[-1]))

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(os, "fdatasync", note)
    life.tell(6)
    life.copy.update()
    assert synced == [(checkpoint.NAME, True)]
    life.tell(7)
    life.rewrite()
    life.copy.update()
    assert synced[1:] == [(f"{checkpoint.NAME}.new", False), (life.folder.name, True)]


def test_a_journal_that_becomes_shorter_while_it_is_copied_is_an_error(life, monkeypatch):
    """There is nothing to be waited for."""
    monkeypatch.setattr(os, "sendfile", lambda *_: 0)
    life.tell(6)
    with pytest.raises(OSError, match="shorter"):
        life.copy.update()


def test_a_failure_leaves_what_was_there_and_nothing_else(life, monkeypatch):
    """A full disk while the journal's successor is copied, then room again."""

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    before = life.states[-1]
    life.tell(6)
    life.rewrite()
    with monkeypatch.context() as patch:
        patch.setattr(os, "sendfile", full)
        with pytest.raises(OSError, match="No space"):
            life.copy.update()
    assert recalled(life.folder) == before
    assert {path.name for path in life.folder.iterdir()} == {
        checkpoint.NAME,
        checkpoint.LOCK_NAME,
    }
    life.copy.update()
    assert recalled(life.folder) == life.states[-1]


def test_an_end_that_was_not_written_whole_is_not_built_upon(life, monkeypatch):
    """A disk that fills up while something is added: the file is begun anew."""
    sendfile = os.sendfile

    def some(out: int, source: int, offset: int, count: int) -> int:
        sendfile(out, source, offset, count // 2)
        raise OSError(28, "No space left on device")

    before = life.states[-1]
    life.tell(6)
    with monkeypatch.context() as patch:
        patch.setattr(os, "sendfile", some)
        with pytest.raises(OSError, match="No space"):
            life.copy.update()
    found = checkpoint.recall(life.folder, OURS)
    assert found is not None
    assert state(found.remembered.stores) == before
    assert found.damaged > 0
    life.copy.update()
    assert recalled(life.folder) == life.states[-1]


@pytest.mark.parametrize(
    ("identity", "reason"),
    [
        ({**OURS, "version": "2"}, "written with version '1', and here it is '2'"),
        ({**OURS, "place": "there"}, "written with place 'here', and here it is 'there'"),
        ({**OURS, "new": "x"}, "written with new None, and here it is 'x'"),
        ({"version": "1"}, "written with place 'here', and here it is None"),
    ],
)
def test_what_was_written_under_other_premises_is_not_used(life, identity, reason):
    """Another release, another datastore, another setting."""
    with pytest.raises(UnusableError, match=reason):
        checkpoint.recall(life.folder, identity)


def test_a_file_that_others_may_have_written_is_not_used(life):
    """Nor one that is no file."""
    life.file.chmod(0o666)
    with pytest.raises(UnusableError, match="everybody may write"):
        checkpoint.recall(life.folder, OURS)
    life.file.unlink()
    life.file.symlink_to("/dev/zero")
    with pytest.raises(UnusableError, match="symbolic link"):
        checkpoint.recall(life.folder, OURS)
    life.file.unlink()
    os.mkfifo(life.file)
    with pytest.raises(UnusableError, match="no file"):
        checkpoint.recall(life.folder, OURS)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_somebody_else_is_not_used(life):
    """Whatever its mode."""
    os.chown(life.file, 12345, -1)
    with pytest.raises(UnusableError, match="belongs to user 12345"):
        checkpoint.recall(life.folder, OURS)


damages = st.one_of(
    st.tuples(st.just("cut"), st.integers(0, 1 << 20), st.binary(max_size=40)),
    st.tuples(st.just("flip"), st.integers(0, 1 << 20), st.binary(min_size=1, max_size=4)),
)


@given(st.integers(1, 4), st.integers(0, 4), st.lists(damages, min_size=1, max_size=3))
def test_no_damage_shows_a_state_that_never_was(tmp_path_factory, base, added, damage):
    """Cut off, overwritten, continued with rubbish: a state that was told, or none at all."""
    life = Life(tmp_path_factory.mktemp("life"))
    for number in range(base):
        life.tell(number)
    life.copy.update()
    for number in range(base, base + added):
        life.tell(number)
    life.copy.update()
    data = bytearray(life.file.read_bytes())
    for what, where, noise in damage:
        at = where % (len(data) + 1)
        if what == "cut":
            data[at:] = noise
        else:
            data[at : at + len(noise)] = noise
    life.file.write_bytes(data)
    try:
        shown = recalled(life.folder)
    except UnusableError:
        return
    assert shown in life.states[base - 1 :]
    assert FELIX in checkpoint.recall(life.folder, OURS).remembered.stores
