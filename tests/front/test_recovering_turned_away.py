"""Tests of `proxy.front.recovering`: a server takes no writes any more, or stops."""

from __future__ import annotations

import pytest

from proxy.front.holding import PAUSES_SECONDS
from proxy.front.recovering import says_read_only
from proxy.policy.observation import Failure
from proxy.session.pins import Pin, PinReason
from proxy.wire.framing import encode
from proxy.wire.responses import Ok, PrepareOk
from tests.support.losses import Watcher, die, prepare, settled
from tests.support.memory import Stage
from tests.support.scripted import AUTOCOMMIT, error
from tests.support.statements import execute

READ_ONLY = error(
    1290,
    "HY000",
    b"The MySQL server is running with the --super-read-only option so it cannot execute this "
    b"statement",
)
STOPPING = error(1053, "08S01", b"Server shutdown in progress")
INSERT = b"INSERT INTO t VALUES (1)"


@pytest.fixture
def stage():
    """A proxy with two connections at most."""
    return Stage()


@pytest.fixture
def client(stage):
    """A client whose first statement has brought a backend into its state."""
    return settled(stage)


@pytest.fixture
def watcher(stage):
    """Somebody who looks for a writer as soon as it is told."""
    return Watcher(stage)


def refuse(stage, err=READ_ONLY):
    """Let the busy backend answer by an error; the time until the next attempt passes."""
    stage.serve(err.encode())
    stage.run()


@pytest.mark.parametrize(
    ("err", "says"),
    [
        (READ_ONLY, True),
        (
            error(1290, "HY000", b"The MariaDB server is running with the --read-only option"),
            True,
        ),
        (error(1290, "HY000", b"... running with the --innodb_read_only option"), True),
        (error(1290, "HY000", b"... with the --secure-file-priv option"), False),
        (error(1290, "HY000", b"... with the --skip-grant-tables option"), False),
        (error(1836, "HY000", b"Running in read-only mode"), True),
        (error(1792, "25006", b"Cannot execute statement in a READ ONLY transaction."), False),
        (error(1047, "08S01", b"WSREP has not yet prepared node for application use"), True),
        (error(1047, "08S01", b"Unknown command"), False),
        (error(1062, "23000", b"Duplicate entry '--read-only'"), False),
    ],
)
def test_what_servers_say_that_take_no_writes(err, says):
    """Error 1290 is told of other options as well."""
    assert says_read_only(err) is says


# Outside of a transaction


@pytest.mark.parametrize(
    "text",
    [
        INSERT,
        b"DELETE FROM t",
        b"SELECT a FROM t FOR UPDATE",
        b"START TRANSACTION READ WRITE",
        b"LOAD DATA LOCAL INFILE 'a' INTO TABLE t",
        b"INSERT INTO t (a) SELECT CONNECTION_ID()",
    ],
)
def test_what_was_turned_away_runs_where_writes_are_taken(stage, client, watcher, text):
    """It waits in the queue while a writer is looked for; the client hears nothing."""
    watcher.act = stage.pool.hold
    client.query(text)
    refuse(stage)
    assert client.payloads() == []
    assert watcher.failures == [Failure.READ_ONLY]
    assert "--super-read-only" in watcher.told[0][2]
    assert len(stage.ledger.waiting) == 1
    assert stage.ledger.idle_count == 1
    stage.pool.retire_all()
    stage.pool.release()
    stage.run()
    assert stage.busy() is stage.backends[1]
    assert stage.busy().texts == [text]
    stage.serve()
    assert client.reply() == Ok()
    assert not stage.ledger.lent


def test_who_waits_for_a_writer_waits_no_longer_than_for_others(stage, client, watcher):
    """The error of a queue that was too slow."""
    watcher.act = stage.pool.hold
    client.query(INSERT)
    refuse(stage)
    stage.run(8)
    assert client.reply().code == 9501
    stage.pool.release()
    client.query(b"SELECT 1")
    stage.serve()
    assert client.reply() == Ok()


def test_a_writer_that_is_never_found_is_told_in_the_servers_words(stage, client, watcher):
    """The same statement is turned away so often, and then its client hears why."""
    client.query(INSERT)
    for pause in PAUSES_SECONDS:
        refuse(stage)
        assert client.payloads() == []
        stage.run(pause)
    refuse(stage)
    assert client.payloads() == [READ_ONLY.encode()]
    assert len(watcher.told) == len(PAUSES_SECONDS) + 1


@pytest.mark.usefixtures("watcher")
@pytest.mark.parametrize("express", [True, False])
def test_a_prepared_write_runs_where_writes_are_taken(stage, client, express):
    """Nobody knows whether the types of its values have been taken over where it failed."""
    number = prepare(stage, client, b"DELETE FROM t")
    client.send(execute(number, flags=0 if express else 1))
    refuse(stage)
    assert stage.busy().asked[0][1:5] == (71).to_bytes(4, "little")
    assert stage.backends[0].gone is False
    stage.serve()
    assert client.reply() == Ok()


@pytest.mark.usefixtures("watcher")
@pytest.mark.parametrize("dies", [True, False])
def test_what_only_the_backend_knows_comes_along(stage, client, dies):
    """A last insert id is asked for before the backend is left, and missed if it dies."""
    asked = b"SELECT LAST_INSERT_ID()"
    stage.servers.routines[asked] = lambda side: None if dies else side.rows([(b"7",)])
    client.query(b"INSERT INTO t (a) VALUES (7)")
    stage.serve(Ok(1, 7).encode(0))
    client.payloads()
    client.query(INSERT)
    refuse(stage)
    if dies:
        die(stage)
    assert stage.busy().texts == [INSERT]
    session = client.client.session
    assert session.last_insert_id == (0 if dies else 7)
    assert session.misses_insert_id is dies
    assert stage.backends[0].gone is dies


@pytest.mark.usefixtures("watcher")
@pytest.mark.parametrize("found", ["transaction", "nothing"])
def test_what_an_error_left_open_is_asked_for(stage, client, found):
    """After a failed statement it is not known whether a transaction is open."""
    client.query(INSERT)
    stage.serve(error(1062, "23000").encode())
    client.payloads()
    if found == "transaction":
        stage.backends[0].side.status = AUTOCOMMIT | 1
    client.query(INSERT)
    refuse(stage)
    if found == "transaction":
        assert client.reply().sqlstate == "40001"
        assert stage.backends[0].gone
    else:
        stage.serve()
        assert client.reply() == Ok()


@pytest.mark.parametrize(
    "text",
    [
        b"CREATE TABLE u (a INT)",
        b"CALL p()",
        b"INSERT INTO t SELECT f()",
        b"INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)",
        b"EXECUTE s",
    ],
)
def test_what_may_have_run_in_part_is_told_in_the_servers_words(stage, client, watcher, text):
    """DDL, routines and several statements are not run again; the watcher knows of them."""
    client.query(text)
    refuse(stage)
    assert client.payloads() == [READ_ONLY.encode()]
    assert watcher.failures == [Failure.READ_ONLY]


@pytest.mark.usefixtures("watcher")
def test_an_error_behind_a_result_is_the_clients(stage, client):
    """A part of the answer says that something has run."""
    client.query(b"INSERT INTO t VALUES (1); SELECT a FROM t FOR UPDATE")
    done = stage.busy().side.ok(status=AUTOCOMMIT | 8)
    stage.serve(done, READ_ONLY.encode())
    assert client.payloads() == [done, READ_ONLY.encode()]


@pytest.mark.usefixtures("watcher")
def test_a_pinned_session_cannot_look_for_a_writer(stage, client):
    """What pins it is on this server, so that it hears the server's error."""
    client.query(b"CREATE TEMPORARY TABLE u (a INT)")
    stage.serve()
    client.payloads()
    client.query(INSERT)
    refuse(stage)
    assert client.payloads() == [READ_ONLY.encode()]
    assert stage.ledger.lent


@pytest.mark.parametrize("why", ["nobody", "no", "reader", "other"])
def test_without_a_better_writer_the_error_goes_to_the_client(stage, client, why):
    """Nobody watches or looks for one, the client only reads, or it is another error."""
    err = error(1290, "HY000", b"--secure-file-priv") if why == "other" else READ_ONLY
    watcher = None if why == "nobody" else Watcher(stage, awaited=why != "no")
    client.client.route.takes_writes = why != "reader"
    for text in (INSERT, b"INSERT INTO t SELECT CONNECTION_ID()"):
        client.query(text)
        refuse(stage, err)
        assert client.payloads() == [err.encode()]
    if watcher is not None:
        assert len(watcher.told) == (2 if why == "no" else 0)


# In a transaction


@pytest.mark.usefixtures("watcher")
@pytest.mark.parametrize("text", [INSERT, b"COMMIT", b"BEGIN", b"CREATE TABLE u (a INT)"])
def test_a_transaction_that_cannot_go_on_is_rolled_back(stage, client, text):
    """One error says so, also of a COMMIT, which the server refused; the backend is closed."""
    server = stage.begin(client)
    client.query(text)
    refuse(stage)
    reply = client.reply()
    assert (reply.code, reply.sqlstate) == (1213, "40001")
    assert server.gone
    client.query(b"SELECT 1")
    stage.serve()
    assert client.reply() == Ok()


@pytest.mark.parametrize("case", ["xa", "call", "no"])
def test_a_transaction_that_may_outlive_its_backend_hears_the_servers_error(
    stage, client, watcher, case
):
    """Or one that nobody knows a better place for."""
    stage.begin(client)
    watcher.awaited = case != "no"
    if case == "xa":
        client.client.session.pins.add(Pin(PinReason.XA))
    text = b"CALL p()" if case == "call" else INSERT
    client.query(text)
    refuse(stage)
    assert client.payloads() == [READ_ONLY.encode()]
    assert client.client.lease is not None


# Whoever is told cuts the backend off


@pytest.mark.parametrize(
    ("text", "begins", "heard"),
    [(INSERT, True, "40001"), (INSERT, False, None), (b"CALL p()", False, "08007")],
)
def test_a_backend_that_is_cut_off_for_it_is_lost(stage, client, watcher, text, begins, heard):
    """The client has exactly one answer, and nothing at its next command."""

    def act():
        stage.pool.ledger.generation += 1
        stage.pool.cut_off("another target takes the writes")

    if begins:
        stage.begin(client)
    watcher.act = act
    client.query(text)
    refuse(stage)
    if heard is not None:
        assert client.reply().sqlstate == heard
        client.query(b"SELECT 1")
    stage.serve()
    assert client.reply() == Ok()
    assert len(stage.backends) == 2


# A server that stops


@pytest.mark.parametrize("code", [1053, 1927, 3169])
@pytest.mark.parametrize("text", [b"SELECT a FROM t", b"SELECT CONNECTION_ID()"])
def test_a_read_that_is_broken_off_runs_again(stage, client, code, text):
    """Although nobody watches; what has come of the rows is thrown away with the backend."""
    client.query(text)
    server = stage.busy()
    rows = server.side.rows([(b"1",)])[:-1]
    stage.serve(*rows, error(code, "08S01").encode())
    assert server.gone
    assert client.payloads() == []
    stage.serve()
    assert client.reply() == Ok()


@pytest.mark.parametrize(
    ("text", "begins", "state"),
    [
        (INSERT, False, None),
        (INSERT, True, "40001"),
        (b"SELECT a FROM t", True, "40001"),
        (b"ROLLBACK", True, "40001"),
        (b"COMMIT", True, "08007"),
    ],
)
def test_what_else_a_server_breaks_off(stage, client, watcher, text, begins, state):
    """A write hears the server's own error, a transaction what became of it, once."""
    if begins:
        stage.begin(client)
    client.query(text)
    refuse(stage, STOPPING)
    if state is None:
        assert client.payloads() == [STOPPING.encode()]
    else:
        assert client.reply().sqlstate == state
    assert watcher.failures == [Failure.STOPPING]
    client.query(b"SELECT 1")
    stage.serve()
    assert client.reply() == Ok()


def test_a_killed_connection_is_no_sign_of_a_shutdown(stage, client, watcher):
    """MariaDB says 1927 to whom somebody kills."""
    client.query(b"SELECT a FROM t")
    refuse(stage, error(1927, "70100", b"Connection was killed"))
    assert watcher.failures == [Failure.LOST]
    stage.serve()
    assert client.reply() == Ok()


def test_a_statement_that_was_killed_hears_so(stage, client, watcher):
    """1317 is somebody's wish, not the server's."""
    other = stage.client()
    client.query(b"SELECT a FROM t")
    server = stage.busy()
    stage.servers.routines[b"KILL QUERY"] = lambda side: [side.ok()]
    other.query(b"KILL QUERY %d" % client.client.number)
    server.answer(error(1317, "70100", b"Query execution was interrupted").encode())
    stage.run()
    assert client.reply().code == 1317
    assert watcher.told == []


def test_a_read_that_leaves_something_behind_hears_the_servers_error(stage, client):
    """Its session has user variables there that nobody else knows."""
    client.query(b"SET @a = NOW()")
    stage.serve()
    client.payloads()
    client.query(b"SELECT @a")
    refuse(stage, STOPPING)
    assert client.payloads() == [STOPPING.encode()]


@pytest.mark.usefixtures("watcher")
def test_a_prepare_is_not_turned_away(stage, client):
    """It asks for nothing but definitions, so that its error is its client's."""
    stage.servers.routines[b"\x16"] = lambda _: [READ_ONLY.encode()]
    client.send(encode(b"\x16INSERT INTO t VALUES (1)"))
    assert client.payloads() == [READ_ONLY.encode()]
    stage.servers.routines[b"\x16"] = lambda _: [PrepareOk(71, 0, 0).encode()]
    client.send(encode(b"\x16INSERT INTO t VALUES (1)"))
    assert client.payloads()[0][0] == 0
