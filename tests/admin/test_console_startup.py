"""Tests of `proxy.admin.console_startup`: what clients and drivers say by themselves."""

import pytest

from proxy import __version__
from proxy.front.console import Done
from proxy.wire.tables import Kind
from tests.admin.consoling import Terminal


@pytest.fixture(scope="module")
def terminal():
    """Somebody at the console."""
    return Terminal()


CONNECTOR_J = (
    "/* mysql-connector-j-8.4.0 (Revision: 1c3f) */SELECT  @@session.auto_increment_increment "
    "AS auto_increment_increment, @@character_set_client AS character_set_client, "
    "@@character_set_connection AS character_set_connection, @@character_set_results AS "
    "character_set_results, @@character_set_server AS character_set_server, "
    "@@collation_server AS collation_server, @@collation_connection AS collation_connection, "
    "@@init_connect AS init_connect, @@interactive_timeout AS interactive_timeout, @@license "
    "AS license, @@lower_case_table_names AS lower_case_table_names, @@max_allowed_packet AS "
    "max_allowed_packet, @@net_write_timeout AS net_write_timeout, @@performance_schema AS "
    "performance_schema, @@sql_mode AS sql_mode, @@system_time_zone AS system_time_zone, "
    "@@time_zone AS time_zone, @@transaction_isolation AS transaction_isolation, "
    "@@wait_timeout AS wait_timeout"
)


def test_what_connector_j_asks_is_answered(terminal):
    """All variables in one row, by the names that it gives them."""
    (row,) = terminal.rows(CONNECTOR_J)
    assert len(row) == 19
    assert row["character_set_client"] == "utf8mb4"
    assert row["auto_increment_increment"] == 1


@pytest.mark.parametrize(
    ("text", "row"),
    [
        (
            "select @@version_comment limit 1",
            {"@@version_comment": f"mysqlproxy {__version__}, the console"},
        ),
        ("SELECT USER()", {"USER()": "ops@127.0.0.1"}),
        ("select current_user", {"CURRENT_USER": "ops@127.0.0.1"}),
        (
            "select DATABASE(), USER() limit 1",
            {"DATABASE()": None, "USER()": "ops@127.0.0.1"},
        ),
        ("SELECT VERSION()", {"VERSION()": "8.4.0"}),
        ("SELECT @@version", {"@@version": "8.4.0"}),
        ("SELECT CONNECTION_ID()", {"CONNECTION_ID()": 77}),
        ("/* ping */ SELECT 1", {"1": 1}),
        ("SELECT 'x' AS \"y\", NULL z, TRUE", {"y": "x", "z": None, "TRUE": 1}),
        ("SELECT 1 FROM DUAL", {"1": 1}),
        ("SELECT @@global.autocommit", {"@@global.autocommit": 1}),
    ],
)
def test_who_and_what_one_is_is_answered(terminal, text, row):
    """Constants, variables, and functions of the connection."""
    assert terminal.rows(text) == [row]


def test_a_database_that_was_chosen_is_told(terminal):
    """Although there is nothing in it."""
    (row,) = terminal.rows("SELECT DATABASE(), SCHEMA()", schema="shop")
    assert set(row.values()) == {"shop"}


def test_numbers_are_numbers(terminal):
    """And texts are texts, also where they are missing."""
    answer = terminal.say("SELECT 1, 'a', NULL, @@wait_timeout")
    kinds = [column.kind for column in answer.columns]
    assert kinds == [Kind.WHOLE, Kind.TEXT, Kind.TEXT, Kind.WHOLE]


def test_limit_nought_leaves_the_columns(terminal):
    """Some tools ask so for the types."""
    assert terminal.rows("SELECT 1 LIMIT 0") == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SELECT * FROM orders", 1064),
        ("SELECT SLEEP(1)", 1064),
        ("SELECT 1 FROM orders", 1064),
        ("SELECT 1 + 1", 1064),
        ("SELECT DATABASE", 1064),
        ("SELECT 1 AS", 1064),
        ("SELECT @@session autocommit", 1064),
        ("SELECT @@nothing_like_it", 1193),
        ("SELECT", 1064),
    ],
)
def test_other_questions_are_errors(terminal, text, code):
    """There are no tables here."""
    assert terminal.refusal(text).code == code


@pytest.mark.parametrize(
    "text",
    [
        "SET NAMES utf8mb4",
        "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_0900_ai_ci'",
        "SET AUTOCOMMIT = 0",
        "SET @@session.autocommit = OFF",
        "SET character_set_results = NULL",
        "set autocommit=1, sql_mode = concat(@@sql_mode,',STRICT_TRANS_TABLES')",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "BEGIN",
        "START TRANSACTION",
        "COMMIT",
        "ROLLBACK",
    ],
)
def test_what_drivers_set_is_heard(terminal, text):
    """And nothing follows."""
    assert terminal.say(text) == Done()


@pytest.mark.parametrize(
    "text",
    [
        "SET GLOBAL max_connections = 5",
        "SET @@global.x = 1",
        "SET PERSIST x = 1",
        "SET PASSWORD = 'x'",
    ],
)
def test_settings_of_the_proxy_are_not_set_so(terminal, text):
    """An operator who thinks they are is told where they stand."""
    reply = terminal.refusal(text)
    assert reply.code == 1238
    assert "RELOAD" in reply.message


def test_set_needs_a_name(terminal):
    """SET alone is no statement."""
    assert terminal.refusal("SET").code == 1064


def test_use_takes_any_name(terminal):
    """Clients choose a database before anything else."""
    assert terminal.say("USE `Shop`") == Done(schema="Shop")


def test_lists_of_a_server_are_there(terminal):
    """Empty ones, mostly."""
    assert terminal.rows("SHOW DATABASES") == [{"Database": "mysqlproxy"}]
    assert terminal.rows("SHOW SCHEMAS") == [{"Database": "mysqlproxy"}]
    for text in ("WARNINGS", "ERRORS", "FULL TABLES", "TABLES", "COLLATION", "ENGINES"):
        assert terminal.rows(f"SHOW {text}") == []
    (row,) = terminal.rows("SHOW COUNT(*) WARNINGS")
    assert [*row.values()] == [0]


def test_variables_are_listed(terminal):
    """All, or those that are like a pattern."""
    rows = terminal.rows("SHOW SESSION VARIABLES LIKE 'sql\\_mode'")
    assert rows == [{"Variable_name": "sql_mode", "Value": ""}]
    names = [row["Variable_name"] for row in terminal.rows("SHOW VARIABLES WHERE x = 1")]
    assert names == sorted(names)
    assert "version" in names
