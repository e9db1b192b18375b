import os

import pytest

from bench.curves import ways
from bench.curves.ways import set_workers
from bench.peers import Running


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
    monkeypatch.setattr(ways, "family", lambda pid: [pid])
    monkeypatch.setattr(ways.time, "sleep", lambda _: None)
    ways.Way(Running("tried", "127.0.0.1", 0, os.getpid(), None)).settle()
    assert list(told) == []
