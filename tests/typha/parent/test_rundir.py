"""The folder of a running server, and what happens to those of dead ones."""

import errno
import os
import signal
import stat
from pathlib import Path

import pytest

from typha.parent import rundir

# The test runner may have threads; the child only does what is written here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


@pytest.fixture(autouse=True)
def home(short_folder, monkeypatch):
    """Let private run directories be made in a folder of the test."""
    place = short_folder / "shm"
    place.mkdir()
    monkeypatch.setattr(rundir, "HOMES", (place,))
    return place


def left_by_a_killed_server() -> Path:
    """Return the run directory of a process that was killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        folder = rundir.open_("")
        (folder.path / "frames.sock").touch()
        os.write(writer, bytes(folder.path))
        signal.pause()
    os.close(writer)
    path = Path(os.fsdecode(os.read(reader, 4096)))
    os.close(reader)
    assert rundir.is_alive(path)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return path


def test_a_private_folder_is_nobody_elses_and_goes_with_the_server(home):
    """Sockets in it let whoever reaches them read policies."""
    folder = rundir.open_("")
    assert folder.path.parent == home
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert rundir.running() == [folder.path]
    (folder.path / "sub").mkdir()
    (folder.path / "sub" / "file").touch()
    folder.remove()
    assert list(home.iterdir()) == []
    assert rundir.running() == []


def test_nothing_but_one_place_need_be_writable(home, monkeypatch):
    """As in a container whose root file system is read-only: there is no temporary folder."""

    def gettempdir():
        raise FileNotFoundError

    monkeypatch.setattr("tempfile.gettempdir", gettempdir)
    folder = rundir.open_("")
    assert folder.path.parent == home
    assert rundir.running() == [folder.path]
    folder.remove()
    monkeypatch.setattr(rundir, "HOMES", (home / "missing",))
    with pytest.raises(rundir.RunDirError, match=r"neither .*/missing nor .*RunDir"):
        rundir.open_("")
    assert rundir.running() == []


def test_a_place_that_takes_no_folder_is_said(home, monkeypatch):
    """With what would help."""

    def mkdtemp(**_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.mkdtemp", mkdtemp)
    with pytest.raises(rundir.RunDirError, match=f"{home}: No space left.*RunDir"):
        rundir.open_("")


def test_the_next_start_removes_what_a_killed_server_left(home):
    """And nothing else."""
    path = left_by_a_killed_server()
    living = rundir.open_("")
    (home / "typha-notes").mkdir()  # has no lock: not a run directory
    assert not path.exists()
    second = rundir.open_("")
    assert {entry.name for entry in home.iterdir()} == {
        living.path.name,
        second.path.name,
        "typha-notes",
    }
    living.remove()
    second.remove()


def test_what_others_lay_out_is_not_followed(home, short_folder, monkeypatch):
    """In a place where all may write: neither a link, nor a file, nor somebody else's folder."""
    victim = short_folder / "victim"
    victim.mkdir()
    for name in ("lock", "thesis.tex"):
        (victim / name).touch()
    (home / "typha-link").symlink_to(victim)
    (home / "typha-file").touch()
    left_by_a_killed_server()
    rundir.sweep(home)
    assert {entry.name for entry in victim.iterdir()} == {"lock", "thesis.tex"}
    assert {entry.name for entry in home.iterdir()} == {"typha-link", "typha-file"}
    foreign = left_by_a_killed_server()
    with monkeypatch.context() as patch:
        patch.setattr(os, "getuid", lambda: foreign.stat().st_uid + 1)
        rundir.sweep(home)
        assert rundir.running() == []
    assert foreign.exists()


def test_sweeping_and_looking_leave_nothing_open(home):
    """Whether the servers found are alive or not."""
    descriptors = Path("/proc/self/fd")
    living = rundir.open_("")
    before = len(list(descriptors.iterdir()))
    for _ in range(3):
        path = left_by_a_killed_server()
        assert not rundir.is_alive(path)
        assert rundir.is_alive(living.path)
        assert rundir.running() == [living.path]
        rundir.sweep(home)
        assert not path.exists()
    assert len(list(descriptors.iterdir())) <= before
    living.remove()
    assert len(list(descriptors.iterdir())) < before


def test_a_child_keeps_the_folder_alive():
    """The lock is held until the last process of the server is gone."""
    folder = rundir.open_("")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    os.close(reader)
    os.close(folder._lock)  # as if the parent had died
    assert rundir.is_alive(folder.path)
    os.close(writer)
    os.waitpid(child, 0)
    assert not rundir.is_alive(folder.path)


def test_a_folder_of_the_users_is_left_in_place_and_empty(short_folder):
    """It may be a mount."""
    chosen = short_folder / "run"
    chosen.mkdir()
    folder = rundir.open_(str(chosen))
    (chosen / "frames.sock").touch()
    folder.remove()
    assert list(chosen.iterdir()) == []


def test_a_folder_that_did_not_exist_is_made_and_removed(short_folder):
    """With its parents, which stay."""
    folder = rundir.open_(str(short_folder / "a" / "b"))
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    folder.remove()
    assert list((short_folder / "a").iterdir()) == []


def test_remains_in_a_folder_of_the_users_are_cleared_at_the_start(short_folder):
    """A server that was killed there left its lock file as a mark."""
    chosen = short_folder / "run"
    chosen.mkdir()
    (chosen / "lock").touch()
    (chosen / "snapshot").touch()
    (chosen / "counted").mkdir()
    (chosen / "counted" / "retired").touch()
    elsewhere = short_folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "thesis.tex").touch()
    (chosen / "link").symlink_to(elsewhere)
    folder = rundir.open_(str(chosen))
    assert [entry.name for entry in chosen.iterdir()] == ["lock"]
    assert (elsewhere / "thesis.tex").exists()
    folder.remove()


def test_a_folder_with_other_peoples_files_is_refused(short_folder):
    """A RunDir of /tmp must not cost the user all that is in it."""
    (short_folder / "thesis.tex").touch()
    with pytest.raises(rundir.RunDirError, match="not ours"):
        rundir.open_(str(short_folder))
    assert (short_folder / "thesis.tex").exists()


def test_two_servers_cannot_share_a_folder(short_folder):
    """The second one says so instead of taking the first one's sockets away."""
    folder = rundir.open_(str(short_folder / "run"))
    with pytest.raises(rundir.RunDirError, match="in use"):
        rundir.open_(str(short_folder / "run"))
    folder.remove()


def test_a_path_too_long_for_a_socket_is_refused(short_folder):
    """Binding would fail much later, in a child."""
    with pytest.raises(rundir.RunDirError, match="shorter"):
        rundir.open_(str(short_folder / ("x" * 100)))


def test_a_path_that_is_not_utf_8_is_refused(short_folder):
    """No process could open its sockets there: each would be started again and again."""
    with pytest.raises(rundir.RunDirError, match="is not UTF-8: name another"):
        rundir.open_(str(short_folder / "run\udcff"))


def test_a_path_that_cannot_be_a_folder_is_refused(short_folder):
    """With the system's reason."""
    (short_folder / "file").touch()
    with pytest.raises(rundir.RunDirError, match="cannot be used"):
        rundir.open_(str(short_folder / "file"))


def test_a_place_without_room_for_snapshots_is_passed_over(short_folder, monkeypatch):
    """A container's /dev/shm is small; without any roomy place the roomiest is taken."""
    free = {"small": 64 << 20, "large": 4 << 30}
    places = []
    for name in free:
        place = short_folder / name
        place.mkdir()
        places.append(place)
    monkeypatch.setattr(rundir, "HOMES", tuple(places))
    monkeypatch.setattr(rundir, "_free", lambda place: free.get(place.name, 0))
    assert rundir.private_home().name == "large"
    free["large"] = 100 << 20
    assert rundir.private_home().name == "large"
    free["small"], free["large"] = 4 << 30, 8 << 30
    assert rundir.private_home().name == "small"
