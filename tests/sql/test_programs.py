"""Tests of `proxy.sql.programs`."""

import pytest

from proxy.sql.dialect import Dialect
from proxy.sql.lexer import lex
from proxy.sql.programs import end_of_program, is_program


def rest(text):
    """The tokens behind the definition; None where its end is not clear."""
    tokens = lex(text.encode(), Dialect()).tokens
    assert is_program(tokens, 0)
    end = end_of_program(tokens, 0)
    return None if end is None else tokens[end:]


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE procedure_of (a INT)",
        "CREATE TABLE event (a INT)",
        "CREATE VIEW v AS SELECT 1",
        "CREATE USER a@b",
        "CREATE",
        "CREATE OR REPLACE",
        "CREATE DEFINER",
        "CREATE DEFINER = a@b VIEW v AS SELECT 1",
        "ALTER TABLE trigger_of ADD a INT",
    ],
)
def test_other_definitions(text):
    """Only stored programs have bodies with semicolons."""
    assert not is_program(lex(text.encode(), Dialect()).tokens, 0)


@pytest.mark.parametrize(
    "text",
    [
        "CREATE PROCEDURE p() SELECT 1",
        "CREATE PROCEDURE p() SELECT 1;;",
        "CREATE FUNCTION f RETURNS STRING SONAME 'x.so'",
        "CREATE PROCEDURE p() BEGIN END",
        "CREATE PROCEDURE p() BEGIN END;",
        "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END",
        "CREATE PROCEDURE p(IN a DECIMAL(1, 2)) SQL SECURITY INVOKER BEGIN SELECT 1; END",
        "CREATE OR REPLACE DEFINER = `a`@`b` PROCEDURE p() BEGIN SELECT 1; END",
        "CREATE DEFINER = CURRENT_USER() PROCEDURE p() BEGIN SELECT 1; END",
        "CREATE FUNCTION f(a CHAR(1)) RETURNS SET('x') CHARACTER SET utf8 BEGIN RETURN 1; END",
        "CREATE TRIGGER t BEFORE INSERT ON u FOR EACH ROW BEGIN SET @a = 1; END",
        "CREATE TRIGGER t AFTER UPDATE ON u FOR EACH ROW FOLLOWS v BEGIN SET @a = 1; END",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN SELECT 1; END",
        "ALTER EVENT e DO BEGIN SELECT 1; END",
        "CREATE PROCEDURE p() l: BEGIN SELECT 1; END l",
        "CREATE PROCEDURE p() l: BEGIN SELECT 1; END l;",
        "CREATE PROCEDURE p() BEGIN IF a THEN SELECT 1; ELSE BEGIN SELECT 2; END; END IF; END",
        "CREATE PROCEDURE p() BEGIN CASE a WHEN 1 THEN SELECT 1; END CASE; SELECT 2; END",
        "CREATE PROCEDURE p() BEGIN SELECT CASE WHEN a THEN 1 END; END",
        "CREATE PROCEDURE p() BEGIN l: LOOP BEGIN LEAVE l; END; END LOOP; END",
        "CREATE PROCEDURE p() BEGIN WHILE a DO SET b = 1; END WHILE; END",
        "CREATE PROCEDURE p() BEGIN REPEAT SET a = 1; UNTIL a END REPEAT; END",
        "CREATE PROCEDURE p() BEGIN DECLARE EXIT HANDLER FOR SQLWARNING BEGIN END; DO 1; END",
        "CREATE PROCEDURE p() BEGIN DECLARE a INT; DECLARE EXIT HANDLER FOR 1 BEGIN END; END",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO l: BEGIN SELECT 1; END l",
        "CREATE PROCEDURE p() BEGIN BEGIN SELECT 1; END; END",
        "CREATE PROCEDURE p() BEGIN SELECT begin FROM t; SELECT 1; END",
    ],
)
def test_a_definition_takes_the_whole_text(text):
    """All semicolons of the body belong to it."""
    assert set(rest(text)) <= {";"}


def test_what_stands_behind_a_simple_body():
    """A body without a block ends at its semicolon."""
    assert rest("CREATE PROCEDURE p() SELECT 1; SELECT 2") == [";", "SELECT", "2"]
    assert (
        rest("CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SET @a = 1; DROP TABLE t")[1] == "DROP"
    )
    assert rest("CREATE PROCEDURE p() SET a = 1; SELECT begin; SELECT 1 END")[1] == "SELECT"


@pytest.mark.parametrize(
    "text",
    [
        "CREATE PROCEDURE p() BEGIN SELECT 1; END; SELECT 2",
        "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2",
        "CREATE PROCEDURE p() BEGIN SELECT end FROM t; SELECT 1; END",
        "CREATE PROCEDURE p() IF a THEN SELECT 1; END IF",
        "CREATE PROCEDURE p() BEGIN SELECT begin FROM t; END; SELECT 2; SELECT 1 END",
        "CREATE PROCEDURE p() BEGIN DECLARE a INT DEFAULT begin; END; SELECT 2; SELECT 1 END",
        "CREATE PROCEDURE p() BEGIN DO CASE WHEN 1 THEN begin END; END; DO 2; SELECT 1 END",
        "CREATE PROCEDURE p; SELECT 1",
        "CREATE PROCEDURE p(a; SELECT 1",
        "CREATE PROCEDURE p() COMMENT 'x'; SELECT 1",
        "CREATE PROCEDURE p() l: ; SELECT 1",
        "CREATE PACKAGE p AS PROCEDURE q(); END; SELECT 1",
        "CREATE TRIGGER t; SELECT 1",
        "CREATE TRIGGER t; CREATE TRIGGER u BEFORE INSERT ON v FOR EACH ROW SET @a = 1",
        "CREATE EVENT e; SELECT 1",
        "CREATE EVENT e DO",
        "CREATE PROCEDURE",
    ],
)
def test_a_doubtful_end_is_said(text):
    """BEGIN and END may be names too: where that matters, nobody guesses."""
    found = rest(text)
    assert found is None or (found == [] and ";" not in text)
