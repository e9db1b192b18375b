"""The classifier against real servers: what they know, and what a text left in a session."""

import itertools

import pymysql
import pytest
from pymysql.constants import CLIENT

from proxy.embedded import Flavor
from proxy.sql import effects
from proxy.sql.classify import Dialect, classify
from proxy.sql.functions import BUILT_IN, KEYWORDS, NATIVE, TIGHT

pytestmark = pytest.mark.live

NO_SUCH_FUNCTION = {1305, 1630}
MANY_ARGUMENTS = "(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)"
HASHES = {"MD5", "SHA", "SHA1"}  # a component's functions since MySQL 9.6, of the server before

LOCKS = [
    "GET_LOCK{}('it',0)",
    "`GET_LOCK`{}('it',0)",
    "1e0+get_lock{}('it',0)",
    "5--GET_LOCK{}('it',0)",
]
VARIABLES = ["@v{}:=1", "@`v`{}:= 1", "1{} INTO @v", "1.{}INTO @v"]
BETWEEN = [
    "",
    " ",
    "/**/",
    "/* ' */",
    "-- '\n",
    "--\t`\n",
    '#"\n',
    "/*! */",
    "/*!50000 */",
    "/*!99999 ' */",
    "/*!99999/**/*/",
    "/*M! */",
    "/*+ ' */",
    "\xa0",
    "\x95",
]
AROUND = [
    "{}",
    "'\\'', {}",
    "'it''s', \"'\", {}",
    "'\\\\', {}",
    "'/*', {}",
    "`'` FROM (SELECT 1 AS `'`) AS t WHERE {}",
    "1 /*!50000 + {} */",
    "1; DO {}",
    "/*!99999 1, */ {}",
    "/* ' */ {} /* ' */",
]


@pytest.fixture
def connection(any_server):
    """A connection to each kind of server that takes several statements in one text."""
    with any_server.connect(
        database="shop", client_flag=CLIENT.MULTI_STATEMENTS, charset="latin1"
    ) as connection:
        yield connection


def run(connection, text):
    """Run a text and give the error's number, or 0."""
    try:
        connection.query(text.encode("latin-1"))
        while connection._result.has_next:
            connection.next_result()
    except pymysql.err.MySQLError as error:
        return error.args[0]
    return 0


def test_names_of_functions_are_the_servers(connection, any_server):
    """No name that counts as built in can be a stored function's."""
    mariadb = any_server.flavor is Flavor.MARIADB
    forms = [
        ("`{}`", NATIVE[mariadb]),
        ("{} ", (BUILT_IN[mariadb] | KEYWORDS) - HASHES),
        ("{}", TIGHT[mariadb]),
    ]
    strangers = [
        name
        for form, names in forms
        for name in sorted(names - {"SLEEP"})
        if run(connection, f"SELECT {form.format(name)}{MANY_ARGUMENTS}") in NO_SUCH_FUNCTION
    ]
    assert strangers == []


@pytest.mark.parametrize("mode", ["", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES"])
def test_no_text_leaves_more_than_its_effects_say(connection, any_server, mode):
    """Locks taken and variables set are always among the effects, however they are written."""
    dialect = Dialect(
        ansi_quotes=mode == "ANSI_QUOTES",
        no_backslash_escapes=mode == "NO_BACKSLASH_ESCAPES",
        mariadb=any_server.flavor is Flavor.MARIADB,
    )
    run(connection, f"SET SESSION sql_mode = '{mode}'")
    left = 0
    missed = []
    for around, inner, between in itertools.product(AROUND, LOCKS + VARIABLES, BETWEEN):
        text = "SELECT " + around.format(inner.format(between))
        run(connection, text)
        with connection.cursor() as cursor:
            cursor.execute("SELECT RELEASE_ALL_LOCKS(), @v, @v := NULL")
            locks, variable, _ = cursor.fetchone()
        kinds = {type(effect) for effect in classify(text.encode("latin-1"), dialect).effects}
        left += bool(locks) + (variable is not None)
        if effects.Opaque in kinds:
            continue
        if (locks and effects.TakesNamedLock not in kinds) or (
            variable is not None and effects.WritesUserVariables not in kinds
        ):
            missed.append(text)
    assert missed == []
    assert left > 100
