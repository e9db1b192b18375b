"""Tests of `proxy.failover.probes.asking`."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from proxy.errors import BackendLostError, BackendRefusedError
from proxy.failover.probes.asking import ASK_AGAIN_AFTER, Asking, Probe
from proxy.failover.probes.failures import OddAnswerError
from proxy.policy.observation import Seen
from proxy.vocabulary import ServerKind
from proxy.wire.responses import Err

REFUSED = Err(1227, "42000", b"Access denied; you need the X privilege")


class Asks(Probe):
    """Asks for one thing that needs a right."""

    async def ask(self, asking):
        rows = await asking.rows_if_any(b"SHOW IT", "it (X)")
        return Seen(server=str(rows), version="", writable=None, unseen=tuple(asking.unseen))


def test_rows_have_the_names_of_their_columns(target):
    """In lower case, as two versions may write them differently; NULL is None."""
    server = target({b"SHOW": [{"Host": "db", "Lag": None}, {"Host": "", "Lag": 5}]})
    rows = server.ask(Asking(server.backend).rows(b"SHOW IT"))
    assert rows == [{"host": "db", "lag": None}, {"host": "", "lag": "5"}]


@pytest.mark.parametrize(
    ("version", "kind"),
    [("9.7.4", ServerKind.MYSQL), ("5.5.5-10.11.2-MariaDB-log", ServerKind.MARIADB)],
)
def test_the_greeting_tells_the_family(target, version, kind):
    """What can be asked depends on it, so it has to be known before."""
    assert Asking(target({}, version).backend).kind is kind


def test_a_connection_is_prepared_once(target):
    """A look on the same connection asks only, one on a new connection prepares that."""
    server, probe = target({b"SHOW": [{"a": 1}]}), Asks()
    for _ in range(3):
        assert server.look(probe).server == "[{'a': '1'}]"
    assert (server.prepared, server.asked) == (1, [b"SHOW IT"] * 3)
    server.connect()
    server.look(probe)
    assert (server.prepared, server.asked) == (1, [b"SHOW IT"])


def test_what_is_refused_is_unseen_and_asked_again_later(target):
    """Not at each look, so that a server which logs refusals has few; a grant shows."""
    server, probe = target({b"SHOW": REFUSED}), Asks()
    for _ in range(ASK_AGAIN_AFTER):
        seen = server.look(probe)
        assert (seen.server, seen.unseen) == ("None", ("it (X)",))
    assert len(server.asked) == 1
    server.answers[b"SHOW"] = [{"a": 1}]
    assert server.look(probe).unseen == ()
    assert len(server.asked) == 2


@pytest.mark.parametrize("code", [1049, 1109, 1146, 1193])
def test_what_a_server_has_not_is_not_asked_again(target, code):
    """It is no lack of a right."""
    server, probe = target({b"SHOW": Err(code, "42000", b"no such thing")}), Asks()
    for _ in range(3):
        seen = server.look(probe)
        assert (seen.server, seen.unseen) == ("None", ())
    assert len(server.asked) == 1


def test_any_other_error_ends_the_look(target):
    """The next look asks again."""
    server, probe = target({b"SHOW": Err(1053, "08S01", b"Server shutdown")}), Asks()
    for _ in range(2):
        error = server.look(probe)
        assert isinstance(error, BackendRefusedError)
        assert error.reply.code == 1053
    assert len(server.asked) == 2


def test_a_lost_connection_is_an_error(target):
    """The error is the one of all backends that are lost."""
    server, got = target({}), []
    looking = Deferred.fromCoroutine(Asks().look(server.backend))
    looking.addErrback(lambda failure: got.append(failure.value))
    server.run()
    assert got == []
    server.server.die()
    server.run()
    assert type(got[0]) is BackendLostError


@pytest.mark.parametrize("answer", ["OK", [], [{"a": 1}, {"a": 2}]])
def test_one_row_is_one_row(target, answer):
    """A server that answers with something else is none that is known."""
    server = target({b"SELECT": answer})
    error = server.ask(Asking(server.backend).row(b"SELECT 1"))
    assert isinstance(error, OddAnswerError)
