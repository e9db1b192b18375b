import fcntl
from pathlib import Path

import pytest

from proxy.embedded.cache import cache_folder, make_once, only_one_process
from proxy.embedded.errors import EmbeddedError


def test_cache_folder_follows_the_desktop_standard(monkeypatch, tmp_path):
    """XDG_CACHE_HOME is used when it is absolute, else .cache in the home folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "mysqlproxy"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache_folder() == Path("/home/somebody/.cache/mysqlproxy")


def test_folder_is_made_once(tmp_path):
    """A second call finds the folder and makes nothing."""
    made = []

    def make(folder):
        made.append(folder)
        (folder / "content").touch()

    make_once(tmp_path / "place", make, 5, print)
    make_once(tmp_path / "place", make, 5, print)
    assert len(made) == 1
    assert (tmp_path / "place" / "content").exists()


def test_failure_leaves_nothing_behind(tmp_path):
    """A folder that could not be completed does not look complete later."""

    def fail(folder):
        (folder / "half").touch()
        raise EmbeddedError("half")

    with pytest.raises(EmbeddedError, match="half"):
        make_once(tmp_path / "place", fail, 5, print)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_left_overs_of_a_killed_process_are_removed(tmp_path):
    """What an earlier process did not finish does not fill the disk for ever."""
    (tmp_path / "new-1234" / "place").mkdir(parents=True)
    make_once(tmp_path / "place", lambda _: None, 5, print)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "place"]


def test_second_process_waits_no_longer_than_its_limit(tmp_path):
    """While another holds the lock, the waiting one says so once, then gives up."""
    told = []
    with (tmp_path / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with (
            pytest.raises(EmbeddedError, match="Another process"),
            only_one_process(tmp_path, 0.5, told.append),
        ):
            pass
    assert told == [f"waiting for another process that works in {tmp_path}"]


def test_lock_is_free_again_after_its_block(tmp_path):
    """Holding the lock twice in a row does not wait."""
    for _ in range(2):
        with only_one_process(tmp_path, 0, print):
            pass
    assert (tmp_path / "lock").exists()


def test_folder_that_cannot_be_made_is_told_with_a_way_out(tmp_path):
    """A user without a usable home folder learns which variable to set."""
    (tmp_path / "file").touch()
    with (
        pytest.raises(EmbeddedError, match="XDG_CACHE_HOME"),
        only_one_process(tmp_path / "file" / "place", 0, print),
    ):
        pass
