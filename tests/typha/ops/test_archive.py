"""Figures outlive the ops process."""

from typha.ops.archive import FOLDER, Archive
from typha.ops.ledger import Ledger, Sender
from typha.telemetry.figures import Figures

ACCEPTED = "typha_connections_accepted"


def counted(accepted: float) -> Figures:
    """Return the figures of a worker."""
    figures = Figures()
    figures.set_counter(ACCEPTED, "", accepted)
    figures.summary("typha_ping_latency", "felix").observe(0.25)
    return figures


def taken(archive: Archive, ledger: Ledger, sender: Sender, figures: Figures) -> None:
    """Do what ops does with a report."""
    archive.keep(sender, figures.to_bytes())
    ledger.take(sender, figures)


def test_what_was_kept_is_recalled(tmp_path):
    """Of the living and of the dead."""
    archive, ledger = Archive(tmp_path), Ledger()
    taken(archive, ledger, Sender("worker-0", 1), counted(5))
    taken(archive, ledger, Sender("worker-1", 2), counted(7))
    archive.keep_retired(ledger, ledger.retire(living=[Sender("worker-1", 2)]))
    recalled = Archive(tmp_path).recall()
    assert recalled.whole().to_bytes() == ledger.whole().to_bytes()
    assert set(recalled.newest) == {Sender("worker-1", 2)}
    assert recalled.settled == {Sender("worker-0", 1)}


def test_a_crash_between_two_writes_counts_nobody_twice(tmp_path):
    """The sums were written, the file of the dead was not yet removed."""
    archive, ledger = Archive(tmp_path), Ledger()
    taken(archive, ledger, Sender("worker-0", 1), counted(5))
    ledger.retire(living=[])
    archive.keep_retired(ledger, gone=[])
    assert (tmp_path / FOLDER / "worker-0@1").exists()
    assert Archive(tmp_path).recall().whole().counters[ACCEPTED] == {"": 5}


def test_where_nothing_can_be_written_that_is_said_once_and_ops_goes_on(tmp_path, caplog):
    """A full run directory must cost neither probes nor metrics."""
    archive, ledger = Archive(tmp_path), Ledger()
    taken(archive, ledger, Sender("worker-0", 1), counted(5))
    (tmp_path / FOLDER).rename(tmp_path / "away")
    taken(archive, ledger, Sender("worker-0", 1), counted(6))
    archive.keep_retired(ledger, ledger.retire(living=[]))
    assert len(caplog.records) == 1
    (tmp_path / "away").rename(tmp_path / FOLDER)
    assert Archive(tmp_path).recall().whole().counters[ACCEPTED] == {"": 5}
    taken(archive, ledger, Sender("worker-1", 2), counted(7))
    archive.keep_retired(ledger, gone=[])
    assert Archive(tmp_path).recall().whole().counters[ACCEPTED] == {"": 13}


def test_a_broken_file_costs_only_what_it_held(tmp_path):
    """And is no reason not to start."""
    archive, ledger = Archive(tmp_path), Ledger()
    taken(archive, ledger, Sender("worker-0", 1), counted(5))
    (tmp_path / FOLDER / "worker-1@2").write_bytes(b"{half")
    (tmp_path / FOLDER / ".worker-3@4").write_bytes(b"{a crash before the rename")
    assert Archive(tmp_path).recall().whole().counters[ACCEPTED] == {"": 5}


def test_what_the_sums_hold_is_kept_nowhere_else(tmp_path):
    """Else the folder would grow with each process that is replaced."""
    archive, ledger = Archive(tmp_path), Ledger()
    for pid in range(5):
        taken(archive, ledger, Sender("worker-0", pid), counted(1))
        archive.keep_retired(ledger, ledger.retire(living=[]))
    assert [file.name for file in (tmp_path / FOLDER).iterdir()] == ["retired"]
    assert Archive(tmp_path).recall().whole().counters[ACCEPTED] == {"": 5}


def test_while_the_sums_cannot_be_written_the_files_of_the_dead_stay(tmp_path):
    """They still hold what those had counted; an attempt that failed leaves nothing behind."""
    archive, ledger = Archive(tmp_path), Ledger()
    taken(archive, ledger, Sender("worker-0", 1), counted(5))
    blocker = tmp_path / FOLDER / "retired"
    blocker.mkdir()
    archive.keep_retired(ledger, ledger.retire(living=[]))
    assert sorted(file.name for file in (tmp_path / FOLDER).iterdir()) == ["retired", "worker-0@1"]
    blocker.rmdir()
    assert Archive(tmp_path).recall().whole().counters[ACCEPTED] == {"": 5}


def test_what_comes_back_after_it_went_well_is_said_again(tmp_path, caplog):
    """It is another time that figures are lost."""
    archive, ledger = Archive(tmp_path), Ledger()
    for _ in range(2):
        (tmp_path / FOLDER).rename(tmp_path / "away")
        for _ in range(3):
            taken(archive, ledger, Sender("worker-0", 1), counted(6))
        (tmp_path / "away").rename(tmp_path / FOLDER)
        taken(archive, ledger, Sender("worker-0", 1), counted(6))
    assert [record.message for record in caplog.records] == ["figures cannot be kept"] * 2
