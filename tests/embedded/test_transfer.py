import subprocess
import sys
import threading

import pytest

from proxy.embedded import transfer


@pytest.fixture
def folders(tmp_path):
    """The data folders of a donor and of a joiner."""
    donor, joiner = tmp_path / "donor", tmp_path / "joiner"
    for folder in (donor / "shop", joiner / "stale"):
        folder.mkdir(parents=True)
    (donor / "shop" / "a.ibd").write_text("rows")
    (donor / "binlog.000001").write_text("the donor's")
    for folder in (donor, joiner):
        (folder / "grastate.dat").write_text(f"state of the {folder.name}")
    (joiner / "ibdata1").write_text("old")
    return donor, joiner


def start(role, folder, *words):
    return subprocess.Popen(
        [
            *(sys.executable, "-I", "-S", transfer.__file__),
            *("--role", role, "--socket", "ignored", "--datadir", f"{folder}/", *words),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_joiner_gets_the_donors_data_and_keeps_what_it_knows_of_itself(folders):
    """Old data go, new ones come, and both ends tell the position in the servers' words."""
    donor, joiner = folders
    with start("joiner", joiner) as receiver:
        word, address = receiver.stdout.readline().split()
        assert word == "ready"
        with start("donor", donor, "--address", address, "--gtid", "a-b:7") as giver:
            assert giver.stdout.readline() == "flush tables\n"
            (donor / "tables_flushed").touch()
            assert giver.stdout.read() == "continue\ndone a-b:7\n"
        assert receiver.stdout.read() == "a-b:7\n"
    assert (giver.returncode, receiver.returncode) == (0, 0)
    assert names_in(joiner) == ["grastate.dat", "shop"]
    assert (joiner / "grastate.dat").read_text() == "state of the joiner"
    assert (joiner / "shop" / "a.ibd").read_text() == "rows"
    assert names_in(donor) == ["binlog.000001", "grastate.dat", "shop"]


def test_joiner_whose_data_are_good_keeps_them(folders, capsys):
    """With bypass only the position goes over."""
    donor, joiner = folders
    receiver = threading.Thread(
        target=transfer.main, args=(["--role", "joiner", "--datadir", str(joiner)],)
    )
    receiver.start()
    said = ""
    while "ready" not in said:
        said += capsys.readouterr().out
    words = ["--role", "donor", "--datadir", str(donor), "--gtid", "a-b:7", "--bypass"]
    transfer.main([*words, "--address", f"127.0.0.1{joiner}"])
    receiver.join()
    assert sorted(capsys.readouterr().out.splitlines()) == ["a-b:7", "continue", "done a-b:7"]
    assert names_in(joiner) == ["grastate.dat", "ibdata1", "stale"]


def test_wait_for_the_other_end_is_bounded(folders, monkeypatch):
    """A server that died leaves no program that waits for ever."""
    monkeypatch.setattr(transfer, "LIMIT_SECONDS", 0)
    with pytest.raises(SystemExit, match="did not appear"):
        transfer.receive(folders[1])


def test_position_of_an_earlier_transfer_is_not_believed(folders, monkeypatch):
    """A file that was left over does not end the wait."""
    monkeypatch.setattr(transfer, "LIMIT_SECONDS", 0)
    (folders[1] / "transferred").write_text("a-b:1")
    with pytest.raises(SystemExit):
        transfer.receive(folders[1])
