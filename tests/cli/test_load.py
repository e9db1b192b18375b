"""Tests of `proxy.cli.load`, and of the command that runs it."""

from __future__ import annotations

import re
import threading

import pymysql
import pytest
from click.testing import CliRunner

from proxy.cli import load as load_module
from proxy.cli.load import Load, LoadError, Reach
from proxy.cli.main import main


class Database:
    """Answers, or does not."""

    def __init__(self):
        self.statements = []
        self.failures = []
        self.refusals = []
        self.busy = threading.Event()

    def connect(self, **reach):
        assert reach["autocommit"]
        if self.refusals:
            raise self.refusals.pop()
        return Connection(self)


class Connection:
    """Of one client; the cursor is the same."""

    def __init__(self, database):
        self._database = database
        self.open = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.open = False

    def cursor(self):
        return self

    def execute(self, statement, _=None):
        self._database.statements.append(statement)
        if statement == "COMMIT" and self._database.failures:
            error, self.open = self._database.failures.pop()
            if not self.open:
                self._database.refusals.append(OSError("refused"))
            raise error
        if len(self._database.statements) > 40:
            self._database.busy.set()

    def executemany(self, statement, rows):
        self.execute(f"{statement} {len(rows)}")


@pytest.fixture
def database(monkeypatch):
    found = Database()
    monkeypatch.setattr(load_module.pymysql, "connect", found.connect)
    monkeypatch.setattr(load_module, "RETRY_SECONDS", 0.01)
    return found


@pytest.fixture
def reach():
    return Reach("127.0.0.1", 3306, "app", "secret", "shop")


def test_clients_read_and_write_until_the_end(database, reach):
    """In a table that is made for them, and dropped."""
    load = Load(reach, 2, 0.001)
    load.start()
    assert database.busy.wait(20)
    load.stop()
    assert database.statements[0].startswith("CREATE TABLE IF NOT EXISTS mysqlproxy_load")
    assert database.statements[1].endswith(" 1000")
    assert database.statements[-1] == "DROP TABLE IF EXISTS mysqlproxy_load"
    assert load.statements > 20
    assert load.errors == 0
    assert repr(load).startswith("<Load of 2: ")


@pytest.mark.parametrize("is_open", [True, False])
def test_an_error_ends_no_client(database, reach, is_open):
    """A connection that stays is used again, and a lost one is made anew."""
    lost = pymysql.err.OperationalError(3024, "the transaction was rolled back\n")
    database.failures.append((lost, is_open))
    load = Load(reach, 1, 0.001)
    load.start()
    assert database.busy.wait(20)
    load.stop()
    assert load.errors == (1 if is_open else 2)
    assert load.last_error == ("the transaction was rolled back?" if is_open else "refused")


def test_who_cannot_begin_says_why(database, reach):
    """The password is in no error."""
    database.refusals.append(pymysql.err.OperationalError(1045, "Access denied"))
    with pytest.raises(LoadError, match="the load cannot begin: Access denied"):
        Load(reach, 1, 0).start()
    assert "secret" not in repr(reach)


def run(*words):
    return CliRunner().invoke(main, ["load", "-u", "app", "-p", "secret", "-D", "shop", *words])


def test_the_command_tells_of_each_second(database):
    """And sums up in the end."""
    result = run("--clients", "2", "--seconds", "0.2", "--pause", "0.01")
    assert result.exit_code == 0
    first, line, last = result.output.splitlines()
    assert first == "2 clients are at work. Ctrl-C ends it."
    assert re.fullmatch(r"\d+ statements/s \| 0 errors", line)
    assert re.fullmatch(r"\d+ statements, 0 errors\.", last)
    assert database.statements[-1].startswith("DROP")


def test_the_command_says_why_it_cannot_begin(database):
    """The status is 1."""
    database.refusals.append(OSError("nobody listens"))
    result = run()
    assert result.exit_code == 1
    assert result.output == "Error: the load cannot begin: nobody listens\n"
