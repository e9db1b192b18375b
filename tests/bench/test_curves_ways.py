import os

import pytest

from bench.curves import ways
from bench.curves.ways import family, parents, set_workers
from bench.peers import Running


def test_a_family_is_all_that_a_process_has_started():
    """Children of children too, and nobody else's."""
    started_by = {2: 1, 3: 1, 4: 2, 5: 4, 6: 3, 9: 8}
    assert sorted(family(2, started_by)) == [2, 4, 5]
    assert sorted(family(1, started_by)) == [1, 2, 3, 4, 5, 6]
    assert family(7, started_by) == [7]


def test_the_parent_of_this_process_is_known():
    """The files of living processes have the form that is expected."""
    assert parents()[os.getpid()] == os.getppid()


@pytest.mark.parametrize("said", ["", "workers: 4\n"])
def test_a_configuration_says_once_how_many_processes_serve(tmp_path, said):
    """Whatever it said before."""
    path = tmp_path / "mysqlproxy.yaml"
    path.write_text(f"proxies: []\n{said}drain_timeout: 1\n", "utf-8")
    set_workers(path, 2)
    assert path.read_text("utf-8") == "proxies: []\ndrain_timeout: 1\nworkers: 2\n"


def test_processes_that_start_are_waited_for(monkeypatch):
    """While they want the processor, whether they get it or not."""
    told = iter(
        [(10**9, 0), (10**9, 3 * 10**8), (11 * 10**8, 6 * 10**8), (11 * 10**8, 61 * 10**7)]
    )

    class Schedstat:
        @staticmethod
        def glob(_):
            return [Schedstat]

        @staticmethod
        def read_text(_):
            return "{} {} 7".format(*next(told))

    monkeypatch.setattr(ways, "Path", lambda _: Schedstat)
    monkeypatch.setattr(ways, "parents", dict)
    monkeypatch.setattr(ways, "family", lambda pid, _: [pid])
    monkeypatch.setattr(ways.time, "sleep", lambda _: None)
    ways.Way(Running("tried", "127.0.0.1", 0, os.getpid(), None)).settle()
    assert list(told) == []
