"""Tests of `proxy.failover.probes.failures`."""

from __future__ import annotations

import pytest
from twisted.internet import defer, error
from twisted.internet.task import Clock

from proxy.dialogue.backend import Account
from proxy.errors import BackendLostError, BackendRefusedError
from proxy.failover.probes.failures import OddAnswerError, failure_of
from proxy.policy.observation import Failure
from tests.support.scripted import error as err
from tests.support.servers import MemoryConnector, Servers

ACCOUNT = Account("monitor", "secret")


def log_in(servers, clock, seconds=0.0):
    """The error that a login ends in."""
    got = []
    MemoryConnector(clock, servers).connect(ACCOUNT).addErrback(lambda f: got.append(f.value))
    for _ in range(20):
        clock.advance(0)
    clock.advance(seconds)
    return got[0]


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        *((code, Failure.FULL) for code in (1040, 1041, 1135, 1203, 1226)),
        *((code, Failure.STOPPING) for code in (1053, 1077, 1079, 3032)),
        *((code, Failure.DENIED) for code in (1044, 1045, 1129, 1130, 1142, 1143, 1227, 1251)),
        *((code, Failure.DENIED) for code in (1524, 1698, 1820, 1862, 3118, 3159, 3955, 4151)),
        *((code, Failure.LOST) for code in (1317, 1927, 2006, 2013, 3169, 4031)),
        *((code, Failure.ODD) for code in (1064, 1193, 1047)),
    ],
)
def test_an_err_packet_is_told_by_its_code(code, failure):
    """At the login or later; the words are the server's."""
    assert failure_of(BackendRefusedError(code, "HY000", "no")) == (
        failure,
        f"{code} (HY000): no",
    )
    unasked = BackendLostError(f"the server says {code} (HY000): no")
    assert failure_of(unasked)[0] is (Failure.LOST if failure is Failure.ODD else failure)


@pytest.mark.parametrize(
    ("cause", "failure"),
    [
        (error.ConnectionRefusedError("no"), Failure.REFUSED),
        (error.NoRouteError("no"), Failure.REFUSED),
        (error.DNSLookupError("no"), Failure.REFUSED),
        (FileNotFoundError("no"), Failure.REFUSED),
        (error.TimeoutError("no"), Failure.SILENT),
    ],
)
def test_a_connection_that_was_not_made_is_told_by_its_cause(cause, failure):
    """Refused, unreachable, unknown; or nothing came back."""
    lost = BackendLostError("cannot connect to db:3306: no")
    lost.__cause__ = cause
    assert failure_of(lost) == (failure, "cannot connect to db:3306: no")
    assert failure_of(cause)[0] is failure


@pytest.mark.parametrize(
    "reason",
    [TimeoutError(), defer.TimeoutError(), defer.CancelledError(), error.TimeoutError()],
)
def test_a_deadline_of_the_callers_is_silence(reason):
    """Whichever way it was set."""
    assert failure_of(reason) == (Failure.SILENT, "it did not answer in time")


def test_a_refused_connection_is_known_as_such():
    """As a connector tells it."""
    clock = Clock()
    servers = Servers(clock)
    servers.down = True
    failure, why = failure_of(log_in(servers, clock))
    assert failure is Failure.REFUSED
    assert why.startswith("cannot connect to db:3306: ")


def test_a_server_without_a_greeting_is_silent():
    """As a connector's own deadline tells it."""
    clock = Clock()
    servers = Servers(clock)
    servers.silent = True
    assert failure_of(log_in(servers, clock, 6.0)) == (
        Failure.SILENT,
        "no answer from db:3306 within 5 s",
    )


def test_a_refused_login_is_known_by_its_code():
    """As a connector tells it."""
    clock = Clock()
    servers = Servers(clock)
    servers.refusal = err(1040, "08004", b"Too many connections")
    assert failure_of(log_in(servers, clock)) == (
        Failure.FULL,
        "1040 (08004): Too many connections",
    )


def test_what_was_not_foreseen_is_odd():
    """The log has the error's name; a lost connection needs none."""
    assert failure_of(OddAnswerError("2 rows"))[0] is Failure.ODD
    assert failure_of(KeyError("x")) == (Failure.ODD, "KeyError: 'x'")
    assert failure_of(BackendLostError("it closed")) == (Failure.LOST, "it closed")
    assert failure_of(ValueError()) == (Failure.ODD, "ValueError: ValueError")
