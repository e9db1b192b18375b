"""Tests of `proxy.sql.assignments`."""

import pytest

from proxy.sql import effects
from proxy.sql.assignments import assignments, read_set
from proxy.sql.dialect import Dialect
from proxy.sql.expressions import Reading
from proxy.sql.lexer import lex


def found(text, *, mariadb=False):
    """The effects of a SET statement."""
    reading = Reading(lex(text.encode(), Dialect()).tokens, mariadb)
    read_set(reading)
    return list(reading.effects)


def is_opaque(text):
    """Whether the statement has an effect that is not understood."""
    return any(isinstance(effect, effects.Opaque) for effect in found(text))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("SET a = 1", ("a",)),
        ("SET A := 1", ("a",)),
        ("SET `Sql_Mode` = ''", ("sql_mode",)),
        ("SET SESSION a = 1", ("a",)),
        ("SET LOCAL a = 1", ("a",)),
        ("SET @@a = 1", ("a",)),
        ("SET @@session.a = 1", ("a",)),
        ("SET @@LOCAL.`a` = 1", ("a",)),
        ("SET a = 1, SESSION b = 2, @@c = 3, @@local.d = 4, a = 5", ("a", "b", "c", "d")),
        ("SET a = (SELECT 1, 2), b = CONCAT('x', 'y')", ("a", "b")),
        ("SET a.b = 1", ("a.b",)),
        ("SET @@session.a.b = 1", ("a.b",)),
        ("SET autocommit=0", ("autocommit",)),
        ("SET password = 1, role = 1", ("password", "role")),
        ("SET a = 1, password = 1", ("a", "password")),
        ("SET transaction_isolation = 'SERIALIZABLE'", ("transaction_isolation",)),
        ("SET names = 1", ("names",)),
        ("SET transaction = 1, session = 2", ("transaction", "session")),
    ],
)
def test_session_variables(text, names):
    """An assignment without a scope, or with SESSION or LOCAL, is the session's."""
    reading = Reading(lex(text.encode(), Dialect()).tokens, mariadb=False)
    if text == "SET password = 1, role = 1":
        assignments(reading, 1, len(reading.tokens))
    else:
        read_set(reading)
    assert list(reading.effects) == [effects.SetsVariables(names)]


@pytest.mark.parametrize(
    "text",
    [
        "SET GLOBAL a = 1",
        "SET PERSIST a = 1",
        "SET PERSIST_ONLY a = 1",
        "SET @@global.a = 1",
        "SET @@persist.a = 1",
        "SET @@PERSIST_ONLY.a = 1",
    ],
)
def test_global_variables(text):
    """GLOBAL and its like change nothing in the session."""
    assert found(text) == [effects.SetsGlobal(("a",))]


def test_mixtures():
    """Each part of a list is read by itself."""
    assert found("SET a = 1, @y = 2, GLOBAL z = 3, @@session.w = 4, LOCAL q = 5") == [
        effects.SetsVariables(("a", "w", "q")),
        effects.SetsGlobal(("z",)),
        effects.WritesUserVariables(("y",)),
    ]


def test_a_scope_may_hold_on():
    """Servers go on with GLOBAL where a later part has no scope: such a part counts as both."""
    assert found("SET GLOBAL a = 1, b = 2, SESSION c = 3, d = 4") == [
        effects.SetsVariables(("b", "c", "d")),
        effects.SetsGlobal(("a", "b")),
    ]
    assert found("SET @@global.a = 1, b = 2") == [
        effects.SetsVariables(("b",)),
        effects.SetsGlobal(("a",)),
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("SET @a = 1", ("a",)),
        ("SET @A := 1, @`b` = 2, @'c' = 3, @a = 4", ("a", "b", "c")),
        ("SET @a = 1, @'é' = 2", None),
    ],
)
def test_user_variables(text, names):
    """Each user variable on the left is written."""
    assert found(text) == [effects.WritesUserVariables(names)]


def test_what_stands_on_the_right():
    """Expressions are read too."""
    assert found("SET a = @b, @c = GET_LOCK('x', 1), d = foo(@e := 1)") == [
        effects.ReadsUserVariables(("b",)),
        effects.TakesNamedLock("x"),
        effects.CallsRoutine("foo", procedure=False),
        effects.WritesUserVariables(("e",)),
        effects.SetsVariables(("a", "d")),
        effects.WritesUserVariables(("c",)),
    ]


def test_the_insert_id():
    """Setting last_insert_id is seen by LAST_INSERT_ID()."""
    for name in ("last_insert_id", "identity"):
        assert found(f"SET {name} = 5") == [
            effects.SetsVariables((name,)),
            effects.WritesLastInsertId(),
        ]


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("SET NAMES utf8mb4", effects.SetsNames()),
        ("SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'", effects.SetsNames()),
        ("SET NAMES DEFAULT", effects.SetsNames()),
        ("SET CHARACTER SET utf8mb4", effects.SetsNames(of_schema=True)),
        ("SET CHARSET 'utf8mb4'", effects.SetsNames(of_schema=True)),
    ],
)
def test_charsets(text, effect):
    """SET NAMES and SET CHARACTER SET are told apart, also in a list."""
    assert found(text) == [effect]
    assert found(f"SET a = 1, {text[4:]}, b = 2") == [
        effect,
        effects.SetsVariables(("a", "b")),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "SET TRANSACTION READ ONLY, ISOLATION LEVEL READ COMMITTED",
        "SET @@transaction_isolation = 'SERIALIZABLE'",
        "SET @@tx_read_only = 1",
    ],
)
def test_the_next_transaction_only(text):
    """SET TRANSACTION without a scope, and @@ without one, are for the next transaction."""
    assert found(text) == [effects.SetsNextTransaction()]


@pytest.mark.parametrize(
    ("text", "mysql", "mariadb"),
    [
        ("ISOLATION LEVEL SERIALIZABLE", ("transaction_isolation",), ("tx_isolation",)),
        ("READ ONLY", ("transaction_read_only",), ("tx_read_only",)),
        (
            "ISOLATION LEVEL READ COMMITTED, READ WRITE",
            ("transaction_isolation", "transaction_read_only"),
            ("tx_isolation", "tx_read_only"),
        ),
    ],
)
def test_transactions_of_the_session(text, mysql, mariadb):
    """SET SESSION TRANSACTION assigns variables, which have other names on MariaDB."""
    assert found(f"SET SESSION TRANSACTION {text}") == [effects.SetsVariables(mysql)]
    assert found(f"SET LOCAL TRANSACTION {text}", mariadb=True) == [
        effects.SetsVariables(mariadb)
    ]
    assert found(f"SET GLOBAL TRANSACTION {text}") == [effects.SetsGlobal(mysql)]


@pytest.mark.parametrize(
    "text", ["SET PASSWORD = 'x'", "SET PASSWORD FOR a@b = 'x'", "SET PASSWORD TO RANDOM"]
)
def test_passwords(text):
    """A password is the account's; hosts are no variables."""
    assert found(text) == [effects.ChangesAccount(), effects.CommitsImplicitly()]


def test_roles():
    """SET ROLE changes the session, SET DEFAULT ROLE accounts."""
    assert found("SET ROLE a, b") == [effects.SetsRole()]
    assert found("SET ROLE NONE") == [effects.SetsRole()]
    assert found("SET DEFAULT ROLE a TO b@c") == [
        effects.ChangesAccount(),
        effects.CommitsImplicitly(),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "SET",
        "SET a",
        "SET a 1",
        "SET = 1",
        "SET a = 1,",
        "SET @a",
        "SET SESSION @@a = 1",
        "SET é = 1",
        "SET 5 = 1",
        "SET SESSION TRANSACTION",
        "SET RESOURCE GROUP g",
        "SET ROLE a, sql_mode = ''",
        "SET TRANSACTION READ ONLY, a = 1",
        "SET SESSION TRANSACTION READ ONLY, a = 1",
        "SET PASSWORD = 'x', a = 1",
        "SET a = 1, ROLE b",
        "SET a = 1, TRANSACTION READ ONLY",
    ],
)
def test_what_is_not_known_is_opaque(text):
    """No form that is not understood to its end passes."""
    assert is_opaque(text)


def test_what_is_opaque_is_read_all_the_same():
    """Effects behind something unknown are not lost."""
    assert effects.TakesNamedLock("a") in found("SET x GET_LOCK('a', 1)")
    assert effects.WritesUserVariables(("a",)) in found("SET ROLE r, @a = 1")
