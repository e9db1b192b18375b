"""Session trackers, on real servers: a witness of their own beside the text."""

from __future__ import annotations

import pytest

from proxy.embedded import Flavor
from proxy.session.variables import Treatment, assignment, treatment
from proxy.vocabulary import ServerKind
from tests.support.process import running_proxy

pytestmark = pytest.mark.live

KINDS = {Flavor.MYSQL: ServerKind.MYSQL, Flavor.MARIADB: ServerKind.MARIADB}
SEEN = (
    "SELECT @@sql_mode, @@group_concat_max_len, @@collation_connection, @@autocommit, "
    "DATABASE()"
)
REPORTED = [
    "SET sql_mode = 'ANSI_QUOTES'",
    "SET SESSION group_concat_max_len = 77, autocommit = 0",
    "SET NAMES latin1",
    "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
    "USE test_trackers_two",
    "CALL test_trackers.changes()",
    "SELECT test_trackers.changed()",
    "SELECT * FROM test_trackers.changing",
    "SELECT * FROM test_trackers.marking",
    "INSERT INTO test_trackers.watched VALUES (1)",
    "SET @a = 1",
    "CREATE TEMPORARY TABLE hidden (id INT)",
    "PREPARE hidden FROM 'SELECT 1'",
]


def test_the_tables_know_every_variable(any_server):
    """A server with a variable that no table has would have it pinned."""
    kind = KINDS[any_server.flavor]
    names = [row[0].lower() for row in any_server.execute("SHOW SESSION VARIABLES")]
    assert len(names) > 300
    assert [name for name in names if treatment(name.encode(), kind) is None] == []


def test_each_variable_that_is_carried_takes_its_own_value(any_server):
    """The value as it is reported is one that the server takes back, in the same words."""
    kind = KINDS[any_server.flavor]
    connection = any_server.connect()
    refused = []
    with connection, connection.cursor() as cursor:
        cursor.execute("SHOW SESSION VARIABLES")
        for name, value in cursor.fetchall():
            if treatment(name.lower().encode(), kind) is Treatment.CARRIED:
                text = assignment(name.lower().encode(), value.encode()).decode()
                try:
                    cursor.execute(f"SET {text}")
                except connection.Error as error:
                    refused.append((text, error.args))
                    continue
                cursor.execute(f"SHOW SESSION VARIABLES LIKE '{name}'")
                assert cursor.fetchone() == (name, value)
    assert refused == []


@pytest.fixture
def blind(any_server, tmp_path):
    """A proxy of one connection whose classifier calls everything harmless."""
    any_server.execute(
        "DROP DATABASE IF EXISTS test_trackers",
        "DROP DATABASE IF EXISTS test_trackers_two",
        "CREATE DATABASE test_trackers",
        "CREATE DATABASE test_trackers_two",
        "USE test_trackers",
        "CREATE TABLE t (id INT)",
        "CREATE PROCEDURE changes() SET group_concat_max_len = 78",
        "CREATE FUNCTION changed() RETURNS INT DETERMINISTIC "
        "BEGIN SET SESSION sql_mode = 'ANSI_QUOTES'; RETURN 1; END",
        "CREATE FUNCTION marked() RETURNS INT DETERMINISTIC BEGIN SET @a = 2; RETURN 1; END",
        "CREATE VIEW changing AS SELECT test_trackers.changed() AS it",
        "CREATE VIEW marking AS SELECT test_trackers.marked() AS it",
        "CREATE TABLE watched (id INT)",
        "CREATE TRIGGER seen BEFORE INSERT ON watched FOR EACH ROW SET @a = NEW.id",
    )
    pool = {"max_connections": 1, "connection_borrow_timeout": 1}
    program = ("-m", "tests.support.blind")
    with running_proxy(any_server, tmp_path, pool=pool, program=program) as proxy:
        yield proxy


def asked(connection, text):
    """The rows of a statement, None when there is no connection for it."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall()
    except connection.OperationalError as error:
        if error.args[0] != 9501:
            raise
        return None


@pytest.mark.parametrize("text", REPORTED)
def test_trackers_catch_what_no_text_tells(text, blind):
    """Another client sees nothing of it, or does not get the connection at all."""
    with (
        blind.connect(database="test_trackers") as one,
        blind.connect(database="test_trackers") as other,
    ):
        before = asked(other, SEEN)
        asked(one, text)
        assert asked(other, SEEN) in (before, None)
        assert asked(other, "SELECT @a") in (((None,),), None)


def test_an_open_transaction_is_told_by_status_bits(blind):
    """Nobody else gets its connection, whatever the text seems to be."""
    with (
        blind.connect(database="test_trackers", autocommit=True) as one,
        blind.connect(database="test_trackers", autocommit=True) as other,
    ):
        asked(one, "BEGIN")
        asked(one, "INSERT INTO t VALUES (1)")
        assert asked(other, "SELECT COUNT(*) FROM t") is None
        asked(one, "ROLLBACK")
        assert asked(other, "SELECT COUNT(*) FROM t") == ((0,),)
