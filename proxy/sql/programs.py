"""
Where the definition of a stored program ends: its body may hold semicolons.

A definition runs nothing of its body.

Source: MySQL manual, "Defining Stored Programs", "Compound Statement Syntax".
"""

from __future__ import annotations

from typing import Final

from proxy.sql.lexer import PARENTHESES, Tokens, words

_KINDS: Final = frozenset(("EVENT", "FUNCTION", "PACKAGE", "PROCEDURE", "TRIGGER"))
_BEFORE_KIND: Final = frozenset(
    ("AGGREGATE", "CURRENT_ROLE", "CURRENT_USER", "OR", "REPLACE", "(", "( ", ")")
)
_STATEMENTS: Final = words(
    """
    ALTER ANALYZE BEGIN CALL CASE CLOSE COMMIT CREATE DEALLOCATE DECLARE DELETE DO DROP
    EXECUTE FETCH FLUSH FOR GET GRANT IF INSERT ITERATE KILL LEAVE LOOP OPEN PREPARE RENAME
    REPEAT REPLACE RESIGNAL RETURN REVOKE ROLLBACK SAVEPOINT SELECT SET SHOW SIGNAL START
    TRUNCATE UPDATE WHILE WITH
    """
)
_BEFORE_STATEMENT: Final = frozenset(("BEGIN", "DO", "ELSE", "LOOP", "REPEAT", "THEN", ":"))
_COMPOUND: Final = frozenset(("CASE", "FOR", "IF", "LOOP", "REPEAT", "WHILE"))
_ENDS_OF_OTHERS: Final = frozenset(("FOR", "IF", "LOOP", "REPEAT", "WHILE"))


def is_program(tokens: Tokens, start: int) -> bool:
    """Whether the statement that begins here defines a stored program."""
    return _kind(tokens, start)[0] != ""


def end_of_program(tokens: Tokens, start: int) -> int | None:
    """
    One past the last token of a definition.

    Args:
        tokens: Of the whole text.
        start: The definition's CREATE or ALTER, which `is_program` has accepted.

    Returns:
        None where the end is not beyond doubt.
    """
    semicolon = _find(tokens, start, ";")
    if semicolon == len(tokens) or _is_rest_empty(tokens, semicolon):
        return semicolon
    body = _body(tokens, *_kind(tokens, start), semicolon)
    if body is None:
        return None
    word = tokens[body]
    if word in _COMPOUND:
        return None
    if word != "BEGIN":
        return _find(tokens, body, ";")
    end = _end_of_block(tokens, body)
    return end if end is not None and _is_rest_empty(tokens, end) else None


def _find(tokens: Tokens, start: int, piece: str) -> int:
    try:
        return tokens.index(piece, start)
    except ValueError:
        return len(tokens)


def _is_rest_empty(tokens: Tokens, index: int) -> bool:
    return all(tokens[at] == ";" for at in range(index, len(tokens)))


def _kind(tokens: Tokens, start: int) -> tuple[str, int]:
    """The kind of program and its index; empty for another statement."""
    index = start + 1
    while index < len(tokens):
        piece = tokens[index]
        if piece in _KINDS:
            return piece, index
        if piece == "DEFINER":
            index += 3  # DEFINER = user
        elif piece in _BEFORE_KIND or piece[0] == "@":
            index += 1
        else:
            break
    return "", start


def _body(tokens: Tokens, kind: str, index: int, semicolon: int) -> int | None:
    """Where the body begins, which is before the first semicolon."""
    if kind == "EVENT":
        body = _find(tokens, index, "DO") + 1
    elif kind == "TRIGGER":
        body = _find(tokens, index, "EACH") + 2
        if body < len(tokens) and tokens[body] in ("FOLLOWS", "PRECEDES"):
            body += 2
    elif kind == "PACKAGE":
        return None
    else:
        body = _after_parameters(tokens, index, semicolon)
        while body < semicolon and not _begins_statement(tokens, body):
            body += 1
    if body < semicolon and tokens[body + 1] == ":":
        body += 2
    if body >= semicolon or tokens[body] not in _STATEMENTS:
        return None
    return body


def _after_parameters(tokens: Tokens, index: int, semicolon: int) -> int:
    depth = 0
    for at in range(index, semicolon):
        if tokens[at] in PARENTHESES:
            depth += 1
        elif tokens[at] == ")":
            depth -= 1
            if depth == 0:
                return at + 1
    return semicolon


def _begins_statement(tokens: Tokens, index: int) -> bool:
    piece = tokens[index]
    if piece == "SET":  # RETURNS SET('a') and CHARACTER SET are types
        return tokens[index - 1] not in ("CHARACTER", "CHAR", "RETURNS")
    return piece in _STATEMENTS


def _end_of_block(tokens: Tokens, body: int) -> int | None:
    """
    One past the END, and its label, of the block that begins here.

    Both words may also be names.  BEGIN is counted only where a statement must begin and END
    wherever it stands, so that the end is found too early rather than too late.
    """
    depth = 0
    declaring = False
    for index in range(body, len(tokens)):
        piece = tokens[index]
        before = tokens[index - 1]
        following = tokens[index + 1] if index + 1 < len(tokens) else ""
        if before == ";":
            declaring = piece == "DECLARE"
        if piece == "BEGIN":
            if index == body or _is_block(before, following, declaring=declaring):
                depth += 1
                declaring = following == "DECLARE"
        elif piece == "CASE":
            depth += before != "END"
        elif piece == "END" and following not in _ENDS_OF_OTHERS:
            depth -= 1
            if depth == 0:
                return index + 1 + (following not in ("", ";"))
    return None


def _is_block(before: str, following: str, *, declaring: bool) -> bool:
    """Whether BEGIN between these words begins a block, and is no name."""
    if declaring:  # DECLARE CONTINUE HANDLER FOR NOT FOUND BEGIN END
        return following in _STATEMENTS or following == "END"
    return before == ";" or (before in _BEFORE_STATEMENT and following in _STATEMENTS)
