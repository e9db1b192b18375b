"""Tests of `proxy.pool.dial`."""

# ruff: noqa: ARG005 - doubles have the names and arguments of what they stand for

import pytest
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock

from proxy.config.address import TcpAddress, UnixAddress
from proxy.dialogue.backend import Account
from proxy.errors import BackendLostError, BackendRefusedError
from proxy.pool.dial import Dialer
from proxy.vocabulary import ServerKind
from proxy.wire.commands import RESET_CONNECTION
from proxy.wire.constants import Command
from proxy.wire.responses import variable_change
from tests.support.scripted import FACTS, error
from tests.support.servers import MemoryDialer, Servers

ACCOUNT = Account("app", "secret")
SET_TRACKERS = (
    b"SET session_track_schema = ON, session_track_state_change = ON, "
    b"session_track_system_variables = 'auto_increment_increment,autocommit,"
)


class Dialing:
    """A dialer, its target, and what its Deferreds came to."""

    def __init__(self, init_query=None):
        self.clock = Clock()
        self.servers = Servers(self.clock)
        self.dialer = MemoryDialer(self.clock, self.servers, init_query)

    def run(self, seconds=0.0):
        self.clock.advance(seconds)
        for _ in range(50):
            self.clock.advance(0)

    def dial(self):
        return self.outcome(self.dialer.dial(ACCOUNT))

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


def test_a_dial_ends_with_a_backend_and_what_it_told():
    """Trackers are switched on, and the target's limits are read."""
    dialing = Dialing()
    ((backend, facts),) = dialing.dial()
    assert backend.connection_id == 1
    assert facts.max_connections == 100
    assert facts.sql_mode == b"STRICT_TRANS_TABLES"
    assert facts.kind is ServerKind.MYSQL
    assert facts.tracks
    assert facts.charsets[-1] == (b"collation_connection", b"utf8mb4_general_ci")
    trackers, asked = dialing.texts()
    assert trackers.startswith(SET_TRACKERS)
    assert asked.startswith(b"SELECT @@max_connections, @@sql_mode, @@global.character_set_")


def test_the_init_query_changes_the_baseline():
    """It may be several statements, and what it sets is what every session begins with."""
    dialing = Dialing("SET time_zone = '+02:00'; SET sort_buffer_size = 1")
    got = dialing.dial()
    side = dialing.server.side
    assert dialing.texts()[1:] == [
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
    (backend,) = dialing.outcome(dialing.dialer.connect(ACCOUNT))
    assert backend.connection_id == 1
    assert dialing.texts() == []


def test_a_reset_brings_the_baseline_and_keeps_the_schema():
    """Trackers and the init query run again; the server is asked which schema is left."""
    dialing = Dialing()
    ((backend, _),) = dialing.dial()
    dialing.server.side.schema = b"shop"
    (state,) = dialing.outcome(dialing.dialer.reset(backend))
    assert state.schema == b"shop"
    assert dialing.texts()[2] == RESET_CONNECTION
    assert dialing.texts()[3].startswith(SET_TRACKERS)
    assert dialing.texts()[4] == b"SELECT DATABASE()"


def test_a_reset_whose_answer_makes_no_sense_is_a_loss():
    """Whoever asked for the reset closes the backend then."""
    dialing = Dialing()
    ((backend, _),) = dialing.dial()
    dialing.servers.routines[b"SELECT DATABASE()"] = lambda side: [side.ok()]
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


def test_tcp_and_unix_targets_have_their_endpoints():
    """The address decides which endpoint of Twisted's is used."""
    reactor = MemoryReactorClock()
    tcp = Dialer(reactor, TcpAddress("db", 3306), 5.0, None)
    unix = Dialer(reactor, UnixAddress("/run/mysqld/mysqld.sock"), 5.0, None)
    assert isinstance(tcp._endpoint(), HostnameEndpoint)
    assert isinstance(unix._endpoint(), UNIXClientEndpoint)


def test_a_unix_socket_counts_as_secure():
    """Over a unix socket the password may be sent as it is: nobody reads along."""
    reactor = MemoryReactorClock()
    dialer = Dialer(reactor, UnixAddress("/run/mysqld/mysqld.sock"), 5.0, None)
    dialer.connect(ACCOUNT).addErrback(lambda failure: None)
    ((path, factory, *_),) = reactor.unixClients
    assert path == "/run/mysqld/mysqld.sock"
    protocol = factory.buildProtocol(None)
    assert protocol._wrappedProtocol._dialogue._secure
    reactor.advance(6)
