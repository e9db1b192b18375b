"""Tests of `proxy.cli.crowd`."""

from __future__ import annotations

import time

import pymysql
import pytest

from proxy.cli import crowd as crowd_module
from proxy.cli.crowd import Audit, Crowd, CrowdError

pytestmark = pytest.mark.live

ROLLED_BACK = pymysql.err.OperationalError(1213, "rolled back", sqlstate="40001")
UNKNOWN = pymysql.err.OperationalError(2013, "unknown", sqlstate="08007")


@pytest.fixture
def server(mysql_server):
    """A server whose accounts are those of one test."""
    yield mysql_server
    mysql_server.execute("DROP TABLE IF EXISTS shop.account")


@pytest.fixture
def crowd(server):
    """Three clients that log in to the server itself."""
    three = Crowd(server.port, "app", "app-secret-1", clients=3)
    three.prepare(server)
    return three


class Unlucky:
    """A connection whose COMMITs end as they are told to, before or after they are done."""

    def __init__(self, connection, ends):
        self._connection = connection
        self._ends = ends

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def commit(self):
        is_done, error = self._ends.pop(0) if self._ends else (True, None)
        if is_done:
            self._connection.commit()
        else:
            self._connection.rollback()
        if error is not None:
            raise error


def pay(crowd, server, *ends):
    """Let the first client pay once; how that ends is given for each COMMIT."""
    with server.connect(database="shop") as connection:
        crowd._pay(Unlucky(connection, [*ends]), 0, crowd.records[0])


def test_money_is_moved_until_they_are_stopped(crowd, server):
    """Each client has done something, nobody heard an error, and all coins are there."""
    crowd.start()
    while not all(record.done for record in crowd.records):
        time.sleep(0.01)
    crowd.stop()
    assert crowd.errors == 0
    assert crowd.transactions == sum(len(record.done) for record in crowd.records)
    assert crowd.audit(server) == Audit(3000, 3000, lost=0, twice=0)
    assert crowd.audit(server).is_clean


def test_what_was_rolled_back_is_run_again(crowd, server):
    """The client heard one error, and its transaction is there once."""
    pay(crowd, server, (False, ROLLED_BACK), (True, None))
    (record, *_) = crowd.records
    assert [loss.kind for loss in record.losses] == ["40001"]
    assert len(record.done) == 1
    assert crowd.audit(server).is_clean


@pytest.mark.parametrize("is_done", [True, False])
def test_what_is_unknown_is_looked_up(crowd, server, is_done):
    """A COMMIT without an answer is done once, whether it was done before or not."""
    pay(crowd, server, (is_done, UNKNOWN))
    (record, *_) = crowd.records
    assert [loss.kind for loss in record.losses] == ["08007"]
    assert len(record.done) == 1
    assert crowd.audit(server).is_clean


def test_nothing_is_run_again_when_it_is_over(crowd, server):
    """A client that has been told to stop does so, and what it did not do is no loss."""
    crowd.stop()
    pay(crowd, server, (False, ROLLED_BACK))
    assert crowd.transactions == 0
    assert crowd.audit(server).is_clean


def test_what_an_old_driver_tells_is_understood(crowd, server):
    """Where PyMySQL gives no SQLSTATE the number of the error says it."""
    pay(crowd, server, (False, pymysql.err.OperationalError(1213, "rolled back")))
    assert [loss.kind for loss in crowd.records[0].losses] == ["40001"]


def test_other_errors_end_a_client(crowd, server):
    """It is not tried again, as nothing says that it may be."""
    with pytest.raises(pymysql.err.OperationalError):
        pay(crowd, server, (False, pymysql.err.OperationalError(9501, "timed out")))
    assert crowd.records[0].losses == []


def test_a_lost_and_a_surplus_transaction_are_found(crowd, server):
    """The database is compared with what the clients know of, account by account."""
    pay(crowd, server)
    server.execute(
        "UPDATE shop.account SET moves = 0 WHERE id = 0",
        "UPDATE shop.account SET moves = 2 WHERE id = 1",
        "UPDATE shop.account SET balance = balance - 1 WHERE id = 2",
    )
    audit = crowd.audit(server)
    assert audit == Audit(2999, 3000, lost=1, twice=2)
    assert not audit.is_clean


def test_who_cannot_log_in_is_told_at_once(server):
    """The first refusal is told, and nobody is waited for."""
    refused = Crowd(server.port, "app", "wrong", clients=2)
    with pytest.raises(CrowdError, match="Access denied"):
        refused.start()
    refused.stop()
    assert "wrong" not in repr(refused)


def test_who_hears_nothing_is_not_waited_for(crowd, monkeypatch):
    """A client whose statement hangs counts as gone."""
    monkeypatch.setattr(crowd_module, "START_SECONDS", 0.0)

    class Hanging:
        def join(self, _):
            pass

        def is_alive(self):
            return True

    crowd._threads = [Hanging()] * 3
    crowd.stop()
    assert crowd.errors == 3
    assert crowd.records[0].gone == "it heard nothing for 0 s"
