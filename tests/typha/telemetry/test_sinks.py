"""Screen, file and syslog, each with the real thing."""

import os
import socket
import stat
import threading

import pytest

from typha.telemetry.sinks import File, Screen, Syslog


def test_the_screen_is_standard_output(capfd):
    """The descriptor, whatever Python's own stdout is."""
    Screen().write("one line")
    Screen().write("bytes that were not UTF-8: \udcff")
    assert capfd.readouterr().out == "one line\nbytes that were not UTF-8: \\udcff\n"


def test_a_slow_pipe_is_waited_for():
    """Though somebody made it non-blocking; nothing of a line is lost."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    long = "x" * 300_000
    writer = threading.Thread(target=Screen(writing).write, args=(long,))
    writer.start()
    received = b""
    while not received.endswith(b"\n"):
        received += os.read(reading, 65536)
    writer.join()
    os.close(reading)
    os.close(writing)
    assert received == long.encode() + b"\n"


def test_a_file_is_made_with_its_folder(tmp_path):
    """Readable by all, as the original makes it."""
    path = tmp_path / "calico" / "typha.log"
    sink = File(str(path))
    sink.write("one")
    sink.close()
    assert path.read_text() == "one\n"
    assert stat.S_IMODE(path.stat().st_mode) & 0o133 == 0
    again = File(str(path))
    again.write("two")
    again.close()
    assert path.read_text() == "one\ntwo\n"


@pytest.mark.parametrize("how", ["rename", "remove"])
def test_a_file_that_was_rotated_away_is_opened_again(tmp_path, how):
    """Without anybody telling us."""
    path = tmp_path / "typha.log"
    sink = File(str(path))
    sink.write("before")
    if how == "rename":
        path.rename(tmp_path / "typha.log.1")
        path.touch()
    else:
        path.unlink()
    sink.write("after")
    sink.close()
    assert path.read_text() == "after\n"


def test_a_file_that_cannot_be_made_is_an_error(tmp_path):
    """Who asked for it decides what that means."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        File(str(tmp_path / "file" / "typha.log"))


def test_syslog_gets_facility_severity_and_tag(short_folder):
    """As Go's own syslog client writes them."""
    path = str(short_folder / "log")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(path)
        sink = Syslog((path,))
        sink.write("WARNING typha/x.py 1: careful")
        received = daemon.recv(4096).decode()
        sink.close()
    assert received.startswith("<12>")  # user, warning
    assert received.endswith(f" calico-typha[{os.getpid()}]: WARNING typha/x.py 1: careful\n")


def test_a_restarted_syslog_is_found_again(short_folder):
    """The first line after it is not lost."""
    path = short_folder / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(path))
        sink = Syslog((str(path),))
    path.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(path))
        sink.write("INFO typha/x.py 1: again")
        assert b"again" in daemon.recv(4096)
    sink.close()


def test_a_syslog_that_listens_to_streams_will_do(short_folder):
    """Some do."""
    path = str(short_folder / "log")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as daemon:
        daemon.bind(path)
        daemon.listen()
        sink = Syslog((str(short_folder / "absent"), path))
        sink.write("ERROR x")
        connection, _ = daemon.accept()
        with connection:
            assert connection.recv(4096).startswith(b"<11>")
        sink.close()


def test_no_syslog_is_an_error(short_folder):
    """In a container there usually is none."""
    with pytest.raises(OSError, match="No such file"):
        Syslog((str(short_folder / "absent"),))
