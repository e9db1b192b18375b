"""Tests of `proxy.sql.confidential`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.sql.confidential import (
    READ_LIMIT_BYTES,
    SHOWN_LIMIT,
    is_confidential,
    outline,
    show,
)
from proxy.sql.dialect import Dialect

GBK = Dialect(charset_safe=False)

OPEN = [
    "",
    "SELECT 'x' FROM users WHERE id = 1",
    "select 1; select 'b';",
    "(SELECT 'b') UNION (SELECT 'c')",
    "WITH a AS (SELECT 1) SELECT * FROM a",
    "INSERT INTO author VALUES ('hi')",
    "UPDATE passengers SET passport = 'C01', passive = 'x', passage = 'y'",
    "SET @x = 'y', sql_mode = 'ANSI'",
    "SET NAMES utf8mb4",
    "BEGIN",
    "COMMIT",
    "CREATE TABLE t (a INT)",
    "CREATE OR REPLACE VIEW v AS SELECT 1",
    "CREATE UNIQUE INDEX i ON t (a)",
    "ALTER TABLE t ADD b INT",
    "DROP USER 'joe'@'%'",
    "PREPARE s FROM 'SELECT ''b'''",
    "PREPARE s FROM @text",
    "EXECUTE s USING @a",
    "CALL p(1, @a)",
    "SELECT 'a' /* who asks */ -- why",
    "SELECT 'http://example.com/a'",
    "INSERT INTO people VALUES ('http://example.com/a', 'a@example.com')",
    "SELECT spin, shape, encoded FROM t WHERE pinned = 'a' AND session_idle = 'b'",
]

HUSH = "hunter2"
CLOSED = [
    f"SET PASSWORD = '{HUSH}'",
    f"SET PASSWORD FOR joe@'%' = '{HUSH}' REPLACE '{HUSH}'",
    f"SET PASSWORD FOR joe = PASSWORD('{HUSH}')",
    f"SET PASSWORD FOR joe = {HUSH}",
    f"set/**/password/**/for joe = '{HUSH}'",
    f"SET STATEMENT max_statement_time = 1 FOR DO '{HUSH}'",
    f"SET @pw = '{HUSH}'",
    f"SET @my_pwd := '{HUSH}'",
    f"SET @`the secret` = '{HUSH}'",
    f"SELECT '{HUSH}' INTO @api_key",
    f"CREATE USER joe IDENTIFIED BY '{HUSH}'",
    f"CREATE USER joe IDENTIFIED BY {HUSH}",
    f"CREATE USER IF NOT EXISTS joe IDENTIFIED WITH caching_sha2_password AS '{HUSH}'",
    f"CREATE USER joe IDENTIFIED VIA ed25519 USING '{HUSH}'",
    f"SELECT 1; CREATE USER joe IDENTIFIED BY {HUSH}",
    f"ALTER USER joe IDENTIFIED BY '{HUSH}' RETAIN CURRENT PASSWORD",
    f"ALTER USER USER() IDENTIFIED BY '{HUSH}'",
    f"ALTER USER joe COMMENT '{HUSH}'",
    f"GRANT ALL ON *.* TO joe IDENTIFIED BY '{HUSH}'",
    f"CHANGE MASTER TO MASTER_HOST = 'a', MASTER_PASSWORD = '{HUSH}'",
    f"CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD = '{HUSH}'",
    f"CHANGE MASTER TO MASTER_HOST = '{HUSH}'",
    f"START REPLICA USER = 'a' PASSWORD = '{HUSH}'",
    f"START GROUP_REPLICATION USER = 'a', PASSWORD = '{HUSH}'",
    f"CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (OWNER '{HUSH}')",
    f"ALTER SERVER s OPTIONS (PASSWORD '{HUSH}')",
    f"CREATE TABLE t (a INT) ENGINE = FEDERATED CONNECTION = 'mysql://joe:{HUSH}@h/d/t'",
    f'CREATE TABLE t (a INT) COMMENT \'wrapper "mysql", password "{HUSH}"\'',
    f"CREATE PROCEDURE p() BEGIN DO '{HUSH}'; END",
    f"CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO ALTER USER joe IDENTIFIED BY '{HUSH}'",
    f"SELECT AES_ENCRYPT(name, '{HUSH}') FROM t",
    f"SELECT AES_DECRYPT(name, '{HUSH}') FROM t",
    f"SELECT PASSWORD('{HUSH}')",
    f"SELECT SHA2('{HUSH}', 256)",
    f"SELECT MD5 ('{HUSH}')",
    f"SELECT KDF('{HUSH}', 'salt')",
    f"PREPARE s FROM 'CREATE USER joe IDENTIFIED BY ''{HUSH}'''",
    f"PREPARE s FROM 'GRANT {HUSH}'",
    f"PREPARE s FROM 'SELECT \\'{HUSH}\\''",
    f"PREPARE s FROM CONCAT('SELECT ', '{HUSH}')",
    f"PREPARE s FROM 5 -- {HUSH}",
    f"EXECUTE IMMEDIATE CONCAT('ALTER USER joe IDENTI', 'FIED BY ''{HUSH}''')",
    f"CALL mysql.rds_set_external_source('h', 3306, 'u', '{HUSH}')",
    f"CALL remember('{HUSH}')",
    f"SELECT ENCODE(name, '{HUSH}'), DECODE(name, '{HUSH}') FROM t",
    f"SELECT SHA1 /* spaces */     ('{HUSH}')",
    f"SET @dbpw = '{HUSH}', @pswd = '{HUSH}'",
    f"CREATE TABLE t (a INT) ENGINE = FEDERATED CONNECTION = 'mysql://joe:a/{HUSH}@h/d/t'",
    f"CREATE TABLE t (a INT) ENGINE = FEDERATED CONNECTION = 'mysql://joe:a ''{HUSH}@h/t'",
    f"INSERT INTO cards (pin, cvv) VALUES ('{HUSH}', '{HUSH}')",
    f"REPLACE INTO sessions (session_id, data) VALUES ('{HUSH}', 'x')",
    f"SELECT '{HUSH}', 'AKIAIOSFODNN7EXAMPLE'",
    f"SELECT 'eyJhbGciOiJIUzI1NiJ9.{HUSH}'",
    f"INSERT INTO people VALUES ('joe', '$2y$10${HUSH}')",
    f"INSERT INTO people VALUES ('joe', '$argon2id$v=19${HUSH}')",
    f"SELECT * FROM t WHERE password = 1--'a\n{HUSH}'",
    f"CLONE INSTANCE FROM 'joe'@'h':3306 IDENTIFIED BY '{HUSH}'",
    f"SELECT 1; SET PASSWORD = '{HUSH}'",
    f"BEGIN NOT ATOMIC SET @x = '{HUSH}'; END",
    f"/*! SET PASSWORD = '{HUSH}' */",
    f"/*!50000 SELECT */ '{HUSH}'",
    f"SELECT $${HUSH}$$",
    f"SELECT '{HUSH}",
    f'SELECT "{HUSH}',
    f"SELECT /* {HUSH}",
    f"INSERT INTO users (name, password_hash) VALUES ('joe', '{HUSH}')",
    f"UPDATE sessions SET token = '{HUSH}'",
    f'INSERT INTO log VALUES (\'{{"password": "{HUSH}"}}\')',
    f"SELECT * FROM t WHERE authorization = '{HUSH}'",
    f"SELECT 'Bearer {HUSH}'",
    f"FROBNICATE '{HUSH}'",
    f"GRANT PROXY ON '{HUSH}' TO joe",
    f"INSTALL PLUGIN p SONAME '{HUSH}'",
    f"ALTER INSTANCE ROTATE '{HUSH}'",
    f"SET @x = '{HUSH}', GLOBAL keyring_vault_config = '{HUSH}'",
    f"SELECT '{HUSH}', '" + "x" * READ_LIMIT_BYTES + "'",
    "SELECT '" + "x" * READ_LIMIT_BYTES + f"', '{HUSH}'",
]


@pytest.mark.parametrize("text", OPEN)
def test_statements_of_an_application_are_shown(text):
    """What is known to hold no secret is shown as it is."""
    assert not is_confidential(text.encode())
    assert show(text.encode()) == text


@pytest.mark.parametrize("text", CLOSED)
def test_secrets_are_not_shown(text):
    """Whatever may hold a secret, or cannot be read, is shown without its values."""
    assert is_confidential(text.encode())
    assert HUSH not in show(text.encode())
    assert HUSH not in outline(text.encode())


@pytest.mark.parametrize("text", OPEN + CLOSED)
@pytest.mark.parametrize("dialect", [Dialect(True, True), Dialect(mariadb=True), GBK])
def test_so_it_is_in_every_dialect(text, dialect):
    """However strings are written, no secret comes out; MariaDB's dollars are names."""
    if dialect.mariadb:
        text = text.replace("$$", "'", 1)
    assert HUSH not in show(text.encode(), dialect)
    assert HUSH not in outline(text.encode(), dialect)


def test_digits_that_are_a_text_are_one():
    """What a procedure takes may be written in hexadecimal digits, or binary ones."""
    assert show(b"CALL p(0x68756E7465723221)") == "CALL p(?)"
    assert is_confidential(b"CALL p(0b0110)")


def test_an_outline_tells_what_it_is():
    """A slow statement can be recognised by it."""
    assert outline(b"SELECT a FROM t WHERE b = 'x'") == "SELECT a FROM t WHERE b = ?"
    assert outline(b"UPDATE t SET token = 'x' WHERE id = 7") == (
        "UPDATE t SET token = ? WHERE id = ?"
    )
    assert outline(b"ALTER USER 'joe' IDENTIFIED BY 'x'") == "ALTER USER ? IDENTIFIED \u2026"
    assert outline(b"SELECT 'x") == "SELECT \u2026"
    assert outline(b"'x") == "\u2026"
    assert outline(b"") == ""


def test_a_long_text_has_its_digest():
    """One that is cut off in a string can be read all the same, another one only to there."""
    many = b"'a', " * READ_LIMIT_BYTES
    assert outline(b"SELECT " + many).startswith("SELECT ?, ?")
    assert outline(b"SELECT '" + b"x" * 2 * READ_LIMIT_BYTES + b"'") == "SELECT ?"
    for doubtful in (b"$$ ", b"/*! '*/ "):
        assert outline(b"SELECT " + doubtful + many) == "SELECT \u2026"
    assert outline(b"SELECT " + many, GBK).startswith("SELECT ?, ?")
    assert outline(b"SELECT '" + b"x" * 2 * READ_LIMIT_BYTES + b"'", GBK) == "SELECT \u2026"


def test_a_charset_that_hides_quotes_is_not_trusted():
    """Where the end of a string is not clear, nothing behind its beginning is shown."""
    text = b"SELECT '\xbf\\', 'hunter2' /* ' */"
    assert is_confidential(text, GBK)
    assert show(text, GBK) == "SELECT \u2026"


def test_what_is_shown_is_bounded():
    """A text that may be shown is cut."""
    text = b"SELECT " + b"1, " * 2000
    assert not is_confidential(text)
    assert len(show(text)) == SHOWN_LIMIT
    assert show(text).endswith("\u2026")


NAMES = st.sampled_from(["joe", "'joe'@'%'", "`a b`", "CURRENT_USER()"])
FILLING = st.sampled_from([" ", "\n", "\t ", "/**/", " /* 'x' */ ", "-- a\n", " # ' \n"])
SHAPES = st.sampled_from(
    [
        ("SET", "PASSWORD", "FOR", "{name}", "=", "{secret}"),
        ("CREATE", "USER", "{name}", "IDENTIFIED", "BY", "{secret}"),
        ("ALTER", "USER", "{name}", "IDENTIFIED", "BY", "{secret}"),
        ("SELECT", "1", ";", "SET", "PASSWORD", "=", "{secret}"),
        ("GRANT", "ALL", "ON", "*.*", "TO", "{name}", "IDENTIFIED", "BY", "{secret}"),
        ("SELECT", "AES_ENCRYPT(", "'a'", ",", "{secret}", ")"),
    ]
)


@given(SHAPES, NAMES, FILLING, st.text("abc'\"\\`$/*-#;? ", max_size=20), st.booleans())
def test_no_spelling_of_a_secret_comes_out(shape, name, filling, around, upper):
    """With whatever white space, comments, names, case and special characters around it."""
    quoted = around.replace("\\", "\\\\").replace("'", "''")
    secret = f"'{quoted}{HUSH}{quoted}'"
    words = [word.format(name=name, secret=secret) for word in shape]
    text = filling.join(word if upper or HUSH in word else word.lower() for word in words)
    assert HUSH not in show(text.encode())
    assert HUSH not in outline(text.encode())


@given(st.binary(max_size=300), st.sampled_from([Dialect(), Dialect(True, True), GBK]))
def test_any_bytes_can_be_shown(text, dialect):
    """Nothing fails, and what is shown is bounded."""
    assert len(show(text, dialect)) <= SHOWN_LIMIT
    assert len(outline(text, dialect)) <= SHOWN_LIMIT
