"""Tests of `proxy.sql.statements`."""

import pytest

from proxy.sql import effects
from proxy.sql.dialect import Dialect
from proxy.sql.expressions import Reading
from proxy.sql.lexer import lex
from proxy.sql.statements import read_statement

COMMITS = effects.CommitsImplicitly()


def read(text, *, mariadb=False):
    """The verb of one statement, and its effects."""
    lexed = lex(text.encode(), Dialect(mariadb=mariadb))
    assert lexed.trouble == ""
    reading = Reading(lexed.tokens, mariadb)
    verb = read_statement(reading)
    return verb, list(reading.effects)


def found(text, *, mariadb=False):
    """The effects of one statement."""
    return read(text, mariadb=mariadb)[1]


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        ("SELECT 1", "SELECT"),
        ("(SELECT 1) UNION (SELECT 2)", "SELECT"),
        ("((SELECT 1))", "SELECT"),
        ("(WITH a AS (SELECT 1) SELECT 2)", "SELECT"),
        ("WITH a AS (SELECT 1) SELECT 2", "SELECT"),
        ("WITH RECURSIVE a(b) AS (SELECT 1), c AS (SELECT 2) UPDATE t SET d = 1", "UPDATE"),
        ("WITH a AS (SELECT 1) DELETE FROM t", "DELETE"),
        ("TABLE t", "TABLE"),
        ("VALUES ROW(1, 2)", "VALUES"),
        ("INSERT INTO t VALUES (1)", "INSERT"),
        ("INSERT LOW_PRIORITY IGNORE d.t(a) VALUES (1)", "INSERT"),
        ("REPLACE t (a) VALUES (1)", "REPLACE"),
        ("INSERT INTO t VALUES (`returning`, 'RETURNING')", "INSERT"),
        ("UPDATE t SET a = 1", "UPDATE"),
        ("DELETE FROM t", "DELETE"),
        ("DO SLEEP(1)", "DO"),
        ("EXPLAIN SELECT 1", "EXPLAIN"),
        ("EXPLAIN FORMAT=JSON INSERT INTO d.t (a) VALUES (1)", "EXPLAIN"),
        ("EXPLAIN SELECT REPLACE (a, b, c), INSERT(a, 1, 1, b)", "EXPLAIN"),
        ("WITH a AS (SELECT 1) SELECT b", "SELECT"),
        ("DESC t", "DESC"),
        ("DESCRIBE t a", "DESCRIBE"),
        ("HELP 'x'", "HELP"),
        ("SHOW TABLES", "SHOW"),
        ("SHOW FULL COLUMNS FROM t WHERE a = 1", "SHOW"),
        ("SHOW GRANTS FOR a@b", "SHOW"),
        ("SHOW GLOBAL STATUS", "SHOW"),
        ("SHOW TABLE STATUS", "SHOW"),
        ("SIGNAL SQLSTATE '45000'", "SIGNAL"),
        ("XA RECOVER", "XA"),
        ("ANALYZE FORMAT=JSON SELECT 1", "ANALYZE"),
    ],
)
def test_statements_that_leave_nothing(text, verb):
    """Queries, and what only looks, have no effects."""
    assert read(text) == (verb, [])


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("BEGIN", effects.BeginsTransaction()),
        ("BEGIN WORK", effects.BeginsTransaction()),
        ("START TRANSACTION", effects.BeginsTransaction()),
        ("START TRANSACTION READ ONLY", effects.BeginsTransaction()),
        ("COMMIT", effects.EndsTransaction(commit=True)),
        ("COMMIT WORK AND NO CHAIN NO RELEASE", effects.EndsTransaction(commit=True)),
        ("COMMIT AND CHAIN", effects.EndsTransaction(commit=True, chain=True)),
        ("COMMIT RELEASE", effects.EndsTransaction(commit=True, release=True)),
        ("ROLLBACK", effects.EndsTransaction(commit=False)),
        ("ROLLBACK AND NO CHAIN RELEASE", effects.EndsTransaction(commit=False, release=True)),
        ("ROLLBACK TO SAVEPOINT a", effects.UsesSavepoint()),
        ("ROLLBACK WORK TO a", effects.UsesSavepoint()),
        ("SAVEPOINT a", effects.UsesSavepoint()),
        ("RELEASE SAVEPOINT a", effects.UsesSavepoint()),
        ("XA START 'a'", effects.ControlsXa("START")),
        ("XA BEGIN 'a'", effects.ControlsXa("START")),
        ("XA END 'a'", effects.ControlsXa("END")),
        ("XA PREPARE 'a'", effects.ControlsXa("PREPARE")),
        ("XA COMMIT 'a' ONE PHASE", effects.ControlsXa("COMMIT")),
        ("XA ROLLBACK 'a'", effects.ControlsXa("ROLLBACK")),
        ("USE Shop", effects.UsesSchema("shop")),
        ("USE `a b`", effects.UsesSchema("a b")),
        ("LOCK TABLES t READ", effects.LocksTables()),
        ("LOCK TABLE t WRITE", effects.LocksTables()),
        ("LOCK INSTANCE FOR BACKUP", effects.LocksInstance()),
        ("UNLOCK TABLES", effects.UnlocksTables()),
        ("UNLOCK TABLE", effects.UnlocksTables()),
        ("UNLOCK INSTANCE", effects.UnlocksInstance()),
        ("BACKUP STAGE START", effects.LocksInstance()),
        ("BACKUP LOCK t", effects.LocksInstance()),
        ("BACKUP STAGE END", effects.UnlocksInstance()),
        ("BACKUP UNLOCK", effects.UnlocksInstance()),
        ("HANDLER d.T OPEN", effects.OpensHandler("t")),
        ("HANDLER t OPEN AS x", effects.OpensHandler("x")),
        ("HANDLER t OPEN x", effects.OpensHandler("x")),
        ("HANDLER t READ NEXT", effects.ReadsHandler("t")),
        ("HANDLER t CLOSE", effects.ClosesHandler("t")),
        ("PREPARE S FROM 'SET @a = ''1'''", effects.PreparesText("s", b"SET @a = '1'")),
        ("PREPARE S FROM 'SET @a = \\'1\\''", effects.PreparesText("s")),
        ("EXECUTE `S`", effects.ExecutesText("s")),
        ("DEALLOCATE PREPARE s", effects.DeallocatesText("s")),
        ("CALL P", effects.CallsRoutine("p", procedure=True)),
        ("CALL p(1)", effects.CallsRoutine("p", procedure=True)),
        ("CALL d.`P` ()", effects.CallsRoutine("d.p", procedure=True)),
        ("LOAD DATA LOCAL INFILE 'a' INTO TABLE t (a, b)", effects.LoadsLocalFile()),
        ("LOAD XML CONCURRENT LOCAL INFILE 'a' INTO TABLE t", effects.LoadsLocalFile()),
        ("LOAD INDEX INTO CACHE t", COMMITS),
        ("KILL 5", effects.Kills(5, query=False)),
        ("KILL CONNECTION 5", effects.Kills(5, query=False)),
        ("KILL QUERY 5", effects.Kills(5, query=True)),
        ("KILL HARD QUERY 5", effects.Kills(5, query=True)),
        ("KILL QUERY ID 5", effects.Kills(None, query=True)),
        ("KILL SOFT USER a@b", effects.Kills(None, query=False)),
        ("KILL 5 + 1", effects.Kills(None, query=False)),
        ("KILL ²", effects.Kills(None, query=False)),
        ("KILL " + "9" * 5000, effects.Kills(None, query=False)),
        ("GET DIAGNOSTICS CONDITION 1 x = MESSAGE_TEXT", effects.ReadsDiagnostics()),
        ("SHOW WARNINGS", effects.ReadsDiagnostics()),
        ("SHOW ERRORS LIMIT 1", effects.ReadsDiagnostics()),
        ("SHOW COUNT(*) WARNINGS", effects.ReadsDiagnostics()),
        ("SHOW PROFILES", effects.ReadsDiagnostics()),
        ("SHOW PROFILE FOR QUERY 1", effects.ReadsDiagnostics()),
        ("SHOW STATUS", effects.ReadsCounters()),
        ("SHOW SESSION STATUS LIKE 'a'", effects.ReadsCounters()),
        ("SHOW TABLES WHERE GET_LOCK('a', 1)", effects.TakesNamedLock("a")),
        ("SHUTDOWN", effects.ShutsDown()),
        ("RESTART", effects.ShutsDown()),
        ("SET a = 1", effects.SetsVariables(("a",))),
        ("DO GET_LOCK('a', 1)", effects.TakesNamedLock("a")),
        ("START REPLICA", COMMITS),
        ("STOP SLAVE", COMMITS),
        ("TRUNCATE t", COMMITS),
        ("GRANT SELECT (a) ON d.t TO a@b", COMMITS),
        ("REVOKE ALL ON *.* FROM a@b", COMMITS),
        ("OPTIMIZE TABLE t", COMMITS),
        ("CACHE INDEX t (i) IN c", COMMITS),
        ("ANALYZE TABLE t", COMMITS),
        ("ANALYZE LOCAL TABLES t", COMMITS),
        ("FLUSH PRIVILEGES", COMMITS),
        ("FLUSH LOCAL TABLES t", COMMITS),
        ("FLUSH", COMMITS),
        ("CREATE TABLE t (a INT)", COMMITS),
        ("ALTER TABLE t ADD a INT", COMMITS),
        ("DROP VIEW v", COMMITS),
    ],
)
def test_statements_with_one_effect(text, effect):
    """Each statement has its word in the vocabulary."""
    assert found(text) == [effect]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FLUSH TABLES WITH READ LOCK", [COMMITS, effects.LocksServer()]),
        ("FLUSH LOCAL TABLES WITH READ LOCK", [COMMITS, effects.LocksServer()]),
        ("FLUSH TABLES t, u WITH READ LOCK", [COMMITS, effects.LocksTables()]),
        ("FLUSH TABLES t FOR EXPORT", [COMMITS, effects.LocksTables()]),
        ("RENAME USER a@b TO c@d", [COMMITS, effects.ChangesAccount()]),
        (
            "EXECUTE s USING @a, @b",
            [effects.ExecutesText("s"), effects.ReadsUserVariables(("a", "b"))],
        ),
        ("PREPARE s FROM @a", [effects.PreparesText("s"), effects.ReadsUserVariables(("a",))]),
        (
            "CALL p(@a, foo())",
            [
                effects.CallsRoutine("p", procedure=True),
                effects.CallsRoutine("foo", procedure=False),
                effects.WritesUserVariables(("a",)),
                effects.ReadsUserVariables(("a",)),
            ],
        ),
        (
            "LOAD DATA INFILE 'a' INTO TABLE t (a, @b) SET c = foo(@b)",
            [
                effects.WritesUserVariables(("b",)),
                effects.ReadsUserVariables(("b",)),
                effects.CallsRoutine("foo", procedure=False),
            ],
        ),
        (
            "GET DIAGNOSTICS @a = NUMBER",
            [
                effects.ReadsDiagnostics(),
                effects.WritesUserVariables(("a",)),
                effects.ReadsUserVariables(("a",)),
            ],
        ),
        (
            "KILL CONNECTION_ID()",
            [effects.Kills(None, query=False), effects.ReadsConnectionId()],
        ),
        (
            "HANDLER t READ NEXT WHERE a = @a",
            [effects.ReadsHandler("t"), effects.ReadsUserVariables(("a",))],
        ),
        (
            "PURGE BINARY LOGS BEFORE foo(@a)",
            [
                COMMITS,
                effects.CallsRoutine("foo", procedure=False),
                effects.ReadsUserVariables(("a",)),
            ],
        ),
        ("INSERT INTO d.t (a) SELECT foo()", [effects.CallsRoutine("foo", procedure=False)]),
        (
            "REPLACE t (a) VALUES (@a) RETURNING id",
            [effects.WritesLastInsertId(), effects.ReadsUserVariables(("a",))],
        ),
        ("ANALYZE SELECT foo()", [effects.CallsRoutine("foo", procedure=False)]),
        ("EXPLAIN FORMAT=JSON INTO @a SELECT 1", [effects.WritesUserVariables(("a",))]),
    ],
)
def test_statements_with_several_effects(text, expected):
    """What the expressions of a statement do comes with what it does itself."""
    assert found(text) == expected


def test_set_statement():
    """Variables of SET STATEMENT last as long as the statement, whose effects count."""
    assert found("SET STATEMENT max_statement_time = 1 FOR SELECT 1") == []
    assert found("SET STATEMENT a = @b, GLOBAL c = 1 FOR DO GET_LOCK('a', 1)") == [
        effects.ReadsUserVariables(("b",)),
        effects.SetsGlobal(("c",)),
        effects.TakesNamedLock("a"),
    ]
    assert found("SET statement = 1") == [effects.SetsVariables(("statement",))]


@pytest.mark.parametrize(
    "text",
    [
        "DELIMITER x",
        "BINLOG 'x'",
        "CLONE LOCAL DATA DIRECTORY 'x'",
        "FETCH c INTO a",
        "5",
        "@a := 1",
        "`select`",
        "()",
        "WITH a AS (SELECT 1)",
        "(SHOW TABLES)",
        "BEGIN NOT ATOMIC SELECT 1",
        "BEGIN SELECT 1",
        "START ENGINES",
        "RELEASE x",
        "XA",
        "XA THINK",
        "USE",
        "USE a b",
        "LOCK x",
        "UNLOCK x",
        "HANDLER t",
        "HANDLER t DO",
        "EXECUTE IMMEDIATE 'SELECT 1'",
        "LOAD x",
        "SHOW x",
        "SET STATEMENT sql_mode = '' FOR SELECT 1",
        "SET STATEMENT a = 1 FOR",
        "SET STATEMENT a = 1 FOR SET STATEMENT b = 1 FOR SELECT 1",
        "SET STATEMENT x FOR SELECT 1",
        "CREATE THING x",
    ],
)
def test_what_is_not_known_is_opaque(text):
    """A statement of a server to come may do anything."""
    assert any(isinstance(effect, effects.Opaque) for effect in found(text))


def test_what_is_opaque_is_read_all_the_same():
    """Effects in something unknown are not lost."""
    for text in ("FROB GET_LOCK('a', 1)", "BEGIN GET_LOCK('a', 1)", "LOCK GET_LOCK('a', 1)"):
        assert effects.TakesNamedLock("a") in found(text)
    assert effects.WritesUserVariables(("a",)) in found("EXECUTE IMMEDIATE 'x' USING @a")


@pytest.mark.parametrize("text", ["RENAME TABLE a TO b", "ALTER TABLE a RENAME b"])
def test_renamed_tables(text):
    """A temporary table may have another name afterwards."""
    assert set(found(text)) == {COMMITS, effects.RenamesTables()}


@pytest.mark.parametrize(
    "text",
    [
        "EXPLAIN (SELECT 1)",
        "EXPLAIN FORMAT=TREE (SELECT 1)",
        "EXPLAIN ANALYZE FORMAT = JSON (SELECT 1)",
        "DESC (SELECT 1)",
        "EXPLAIN INSERT INTO t (a) VALUES (1)",
    ],
)
def test_what_is_explained_in_parentheses_is_no_call(text):
    """The word before the parenthesis is EXPLAIN's own."""
    assert found(text) == []


def test_the_text_of_what_is_prepared_from_a_variable_is_not_known():
    """Only a plain string tells the text, and only where it stands alone."""
    for source in ("@a", "what", "CONCAT('SELECT ', 1)", "'SELECT 1' '2'"):
        assert effects.PreparesText("s") in found(f"PREPARE s FROM {source}")
    assert effects.PreparesText("s") in found("PREPARE s")
