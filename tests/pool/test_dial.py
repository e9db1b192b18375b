"""Tests of `proxy.pool.dial`."""

# ruff: noqa: ARG005 - doubles have the names and arguments of what they stand for

import pytest
from twisted.internet.task import Clock

from proxy.dialogue.backend import Account
from proxy.errors import BackendLostError, BackendRefusedError
from proxy.pool.dial import DATABASE, SEES_LOCKS, SEES_USER_VARIABLES
from proxy.session.outcome import Target
from proxy.vocabulary import ServerKind
from proxy.wire.commands import RESET_CONNECTION, set_multi_statements
from proxy.wire.constants import Capability, Command
from proxy.wire.responses import variable_change
from tests.support.scripted import CAPABILITIES, FACTS, NO_LIMIT, VARIABLES, error
from tests.support.servers import Servers, memory_dialer

ACCOUNT = Account("app", "secret")
SET_TRACKERS = (
    b"SET session_track_schema = ON, session_track_state_change = ON, "
    b"session_track_transaction_info = 'CHARACTERISTICS', session_track_system_variables = '"
)
MAY_SEE = {
    SEES_USER_VARIABLES: lambda side: side.rows([(b"0",)]),
    SEES_LOCKS: lambda side: side.rows([(b"0",)]),
}
"""Routines of a server that lets an account see what its connection has."""

LIMIT = b"SELECT @@sql_select_limit"
SHOW = b"SHOW SESSION VARIABLES"

MARIADB = "5.5.5-10.11.19-MariaDB-scripted"


class Dialing:
    """A dialer, its target, and what its Deferreds came to."""

    def __init__(self, init_query=None):
        self.clock = Clock()
        self.servers = Servers(self.clock)
        self.dialer = memory_dialer(self.clock, self.servers, init_query)

    def run(self, seconds=0.0):
        self.clock.advance(seconds)
        for _ in range(50):
            self.clock.advance(0)

    def dial(self, account=ACCOUNT):
        return self.outcome(self.dialer.dial(account))

    def outcome(self, deferred):
        """Give the list that gets the result or the error."""
        got = []
        deferred.addCallbacks(got.append, lambda failure: got.append(failure.value))
        self.run()
        return got

    @property
    def server(self):
        return self.servers.backends[-1]

    def texts(self):
        side = self.server.side
        return [side.text_of(command) or command for command in side.commands]


@pytest.fixture
def limited():
    """A dialer, and a backend whose session has a sql_select_limit."""
    dialing = Dialing()
    ((backend, _),) = dialing.dial()
    dialing.servers.routines[LIMIT] = lambda side: side.rows([(b"5",)])
    dialing.servers.routines[b"SET sql_select_limit"] = lambda side: [side.ok()]
    dialing.servers.routines[SHOW] = lambda side: side.rows(VARIABLES)
    return dialing, backend


def test_a_dial_ends_with_a_backend_and_what_it_told():
    """Trackers are switched on, and the target's limits are read."""
    dialing = Dialing()
    ((backend, facts),) = dialing.dial()
    assert backend.connection_id == 1
    assert facts.max_connections == 100
    assert facts.kind is ServerKind.MYSQL
    assert facts.target == Target(ServerKind.MYSQL, 80400, b"STRICT_TRANS_TABLES")
    assert facts.charsets[-1] == (b"collation_connection", b"utf8mb4_general_ci")
    *first, trackers, asked = dialing.texts()
    assert first == [LIMIT, SHOW, SEES_USER_VARIABLES, SEES_LOCKS]
    assert trackers.startswith(SET_TRACKERS)
    assert asked.startswith(b"SELECT @@max_connections, @@sql_mode, @@global.character_set_")


def test_the_init_query_changes_the_baseline():
    """It may be several statements, and what it sets is what every session begins with."""
    dialing = Dialing("SET time_zone = '+02:00'; SET sort_buffer_size = 1")
    got = dialing.dial()
    side = dialing.server.side
    assert dialing.texts()[5:] == [
        bytes((Command.SET_OPTION, 0, 0)),
        b"SET time_zone = '+02:00'; SET sort_buffer_size = 1",
    ]
    dialing.server.answer(
        side.ok(status=2 | 0x4000, changes=(variable_change(b"time_zone", b"+02:00"),))
    )
    dialing.run()
    ((_, facts),) = got
    assert facts.baseline.value(b"time_zone") == b"+02:00"
    assert bytes((Command.SET_OPTION, 1, 0)) in dialing.texts()


def test_an_init_query_that_fails_fails_the_dial():
    """A connection without it is not used, but closed."""
    dialing = Dialing("SET nonsense = 1")
    got = dialing.dial()
    dialing.server.answer(error(1193, "HY000", b"Unknown system variable").encode())
    dialing.run()
    assert isinstance(got[0], BackendRefusedError)
    assert dialing.server.gone


def test_a_target_that_is_down_fails_the_dial():
    """The error says where nobody listens."""
    dialing = Dialing()
    dialing.servers.down = True
    (lost,) = dialing.dial()
    assert isinstance(lost, BackendLostError)
    assert str(lost).startswith("cannot connect to db:3306: ")


def test_a_refused_account_fails_the_dial_with_the_servers_words():
    """The ERR packet of the login is kept for the client."""
    dialing = Dialing()
    dialing.servers.refusal = error(1045, "28000", b"Access denied")
    (refused,) = dialing.dial()
    assert refused.reply.code == 1045


@pytest.mark.parametrize("hangs", ["connect", "greeting", "init query"])
def test_one_deadline_holds_over_all_of_a_dial(hangs):
    """Wherever the target falls silent, the dial fails in time and its socket is closed."""
    dialing = Dialing("SELECT SLEEP(1000)")
    dialing.servers.holding = hangs == "connect"
    dialing.servers.silent = hangs == "greeting"
    got = dialing.dial()
    dialing.run(4.5)
    assert got == []
    dialing.run(0.6)
    assert [str(lost) for lost in got] == ["no answer from db:3306 within 5 s"]
    assert all(backend.gone for backend in dialing.servers.backends)


@pytest.mark.parametrize(
    "rows", [[(b"many", *FACTS)], [(b"1",)], [], [(b"1", *FACTS)] * 2, [(None, *FACTS)]]
)
def test_facts_that_make_no_sense_fail_the_dial(rows):
    """A server may answer anything: the dial ends, and ends as a lost backend."""
    dialing = Dialing()
    dialing.servers.routines[b"SELECT @@max_connections"] = lambda side: side.rows(rows)
    (lost,) = dialing.dial()
    assert isinstance(lost, BackendLostError)
    assert dialing.server.gone


def test_a_login_alone_asks_for_nothing_more():
    """A connection for KILL is not set up like one of the pool's."""
    dialing = Dialing()
    (backend,) = dialing.outcome(dialing.dialer.connector.connect(ACCOUNT))
    assert backend.connection_id == 1
    assert dialing.texts() == []


def test_a_reset_brings_the_baseline_and_keeps_the_schema():
    """COM_SET_OPTION and trackers come again, and the server says which schema is left."""
    dialing = Dialing()
    ((backend, _),) = dialing.dial()
    dialing.server.side.schema = b"shop"
    (state,) = dialing.outcome(dialing.dialer.reset(backend))
    assert state.schema == b"shop"
    reset, option, trackers, asked = dialing.texts()[6:]
    assert (reset, option) == (RESET_CONNECTION, set_multi_statements(on=False))
    assert trackers.startswith(SET_TRACKERS)
    assert asked == DATABASE


def test_a_reset_whose_answer_makes_no_sense_is_a_loss():
    """Whoever asked for the reset closes the backend then."""
    dialing = Dialing()
    ((backend, _),) = dialing.dial()
    dialing.servers.routines[DATABASE] = lambda side: [side.ok()]
    (lost,) = dialing.outcome(dialing.dialer.reset(backend))
    assert isinstance(lost, BackendLostError)


def test_a_reset_that_hangs_ends_in_time():
    """The connection is cut, since what it would answer nobody could tell."""
    dialing = Dialing()
    ((backend, _),) = dialing.dial()
    dialing.servers.routines[b"SET session_track"] = lambda side: None
    got = dialing.outcome(dialing.dialer.reset(backend))
    dialing.run(5)
    assert isinstance(got[0], BackendLostError)
    assert dialing.server.gone


# What the first login of an account finds out


def test_only_the_first_login_of_an_account_gets_acquainted():
    """Variables and rights are not asked again, and each account has its own rights."""
    dialing = Dialing()
    dialing.dial()
    for account, first in [(ACCOUNT, SET_TRACKERS), (Account("other", "secret"), LIMIT)]:
        ((backend, _),) = dialing.dial(account)
        assert backend.account is account
        assert dialing.texts()[0].startswith(first)


def test_a_new_version_is_got_acquainted_with():
    """After an upgrade of the target variables may have come and gone."""
    dialing = Dialing()
    dialing.dial()
    dialing.servers.version = "9.0.0-scripted"
    ((_, facts),) = dialing.dial()
    assert dialing.texts()[:2] == [LIMIT, SHOW]
    assert facts.target.version == 90000


def test_what_an_account_may_see_is_tried():
    """The server says no by an error, which is no trouble; MariaDB shows variables to all."""
    dialing = Dialing()
    dialing.servers.routines |= MAY_SEE
    ((_, facts),) = dialing.dial()
    assert (facts.target.sees_user_variables, facts.target.sees_locks) == (True, True)
    dialing = Dialing()
    dialing.servers.version = MARIADB
    ((_, facts),) = dialing.dial()
    assert facts.target.kind is ServerKind.MARIADB
    assert facts.target.version == 101119
    assert (facts.target.sees_user_variables, facts.target.sees_locks) == (True, False)
    assert not any(b"performance_schema" in text for text in dialing.texts())


def test_a_server_that_dies_when_it_is_asked_fails_the_dial():
    """A connection that ends is no answer about rights."""
    dialing = Dialing()
    dialing.servers.routines[SEES_LOCKS] = lambda side: None
    got = dialing.dial()
    dialing.server.die()
    assert isinstance(got[0], BackendLostError)
    assert not isinstance(got[0], BackendRefusedError)


def test_variables_that_differ_from_a_new_connections_are_found():
    """Charsets count in any case; what no session carries counts in none."""
    dialing = Dialing()
    ((backend, _),) = dialing.dial()
    rows = [
        (b"autocommit", b"ON"),
        (b"time_zone", b"+02:00"),
        (b"character_set_results", None),
        (b"collation_connection", b"utf8mb4_general_ci"),
        (b"max_connections", b"5"),
        (None, b"5"),
    ]
    dialing.servers.routines[SHOW] = lambda side: side.rows(rows)
    (changed,) = dialing.outcome(dialing.dialer.changed(backend))
    assert changed == {
        b"time_zone": b"+02:00",
        b"character_set_results": b"",
        b"collation_connection": b"utf8mb4_general_ci",
    }
    assert dialing.texts()[-2:] == [LIMIT, SHOW]


def test_variables_are_read_whole_whatever_the_limit(limited):
    """SHOW obeys sql_select_limit: it is lifted, and put back as the session has it."""
    dialing, backend = limited
    (changed,) = dialing.outcome(dialing.dialer.changed(backend))
    assert changed == {b"sql_select_limit": b"5"}
    assert dialing.texts()[-4:] == [
        LIMIT,
        b"SET sql_select_limit = " + NO_LIMIT,
        SHOW,
        b"SET sql_select_limit = 5",
    ]


@pytest.mark.parametrize(
    "trouble", [LIMIT, b"SET sql_select_limit = 1", SHOW, b"SET sql_select_limit = 5"]
)
def test_variables_that_cannot_be_read_are_the_servers_error(limited, trouble):
    """Whoever asked hears it, at whichever step."""
    dialing, backend = limited
    dialing.servers.routines.pop(trouble, None)
    routines = {trouble: lambda side: [error(1317, "70100").encode()]}
    routines |= dialing.servers.routines
    dialing.servers.routines.clear()
    dialing.servers.routines |= routines
    (refused,) = dialing.outcome(dialing.dialer.changed(backend))
    assert isinstance(refused, BackendRefusedError)


def test_variables_that_take_too_long_are_a_loss(limited):
    """They take no longer than a login may."""
    dialing, backend = limited
    dialing.servers.routines[SHOW] = lambda side: None
    got = dialing.outcome(dialing.dialer.changed(backend))
    dialing.run(5)
    assert isinstance(got[0], BackendLostError)
    assert dialing.server.gone


def test_a_server_without_session_tracking_is_told_of_no_trackers():
    """What sessions of such a server change is not followed."""
    dialing = Dialing()
    dialing.servers.capabilities = CAPABILITIES & ~int(Capability.SESSION_TRACK)
    ((_, facts),) = dialing.dial()
    assert not facts.target.tracks
    assert not any(text.startswith(b"SET session_track") for text in dialing.texts())
