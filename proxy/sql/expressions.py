"""What the expressions of a statement do: calls, user variables, system variables, INTO."""

from __future__ import annotations

import re
from typing import Final

import attrs

from proxy.sql import effects
from proxy.sql.effects import Effect
from proxy.sql.functions import BUILT_IN, KEYWORDS, NATIVE, TIGHT
from proxy.sql.lexer import PARENTHESES, Tokens, name_of

SCOPES: Final = frozenset(("SESSION", "LOCAL", "GLOBAL", "PERSIST", "PERSIST_ONLY"))

_READINGS: Final[dict[str, Effect]] = {
    "error_count": effects.ReadsDiagnostics(clears=True),
    "identity": effects.ReadsLastInsertId(),
    "last_gtid": effects.ReadsLastGtid(),
    "last_insert_id": effects.ReadsLastInsertId(),
    "pseudo_thread_id": effects.ReadsConnectionId(),
    "warning_count": effects.ReadsDiagnostics(clears=True),
}
"""System variables that say something of the connection or of the statement before."""

_FUNCTIONS: Final[dict[str, Effect]] = {
    "CONNECTION_ID": effects.ReadsConnectionId(),
    "FOUND_ROWS": effects.ReadsFoundRows(),
    "PS_CURRENT_THREAD_ID": effects.ReadsConnectionId(),
    "RELEASE_ALL_LOCKS": effects.ReleasesAllNamedLocks(),
    "ROW_COUNT": effects.ReadsRowCount(),
}
_SEQUENCE_FUNCTIONS: Final[dict[str, Effect]] = {
    "CURRVAL": effects.ReadsLastOfSequence(),
    "LASTVAL": effects.ReadsLastOfSequence(),
    "NEXTVAL": effects.DrawsFromSequence(),
    "SETVAL": effects.DrawsFromSequence(),
}
_SEQUENCE_WORDS: Final[dict[str, Effect]] = {
    "NEXT": effects.DrawsFromSequence(),
    "PREVIOUS": effects.ReadsLastOfSequence(),
}


@attrs.define
class Reading:
    """
    What has been found in a statement so far.

    Attributes:
        tokens: Those of the statement.
        mariadb: Its server is a MariaDB.
        effects: What it may do, in the order of the text, each once.
    """

    tokens: Tokens
    mariadb: bool
    effects: dict[Effect, None] = attrs.Factory(dict)

    def add(self, effect: Effect) -> None:
        """The statement may do this."""
        self.effects[effect] = None

    def at(self, index: int) -> str:
        """The token of this index, empty where there is none."""
        return self.tokens[index] if 0 <= index < len(self.tokens) else ""

    def choose(self, choices: dict[str, Effect], *, commits: tuple[str, ...] = ()) -> None:
        """Add the effect of the second word; one that is not known is opaque."""
        second = self.at(1)
        if second in choices:
            self.add(choices[second])
        elif second in commits:
            self.add(effects.CommitsImplicitly())
        else:
            self.add(effects.Opaque(f"{self.tokens[0]} of something unknown"))
            scan(self)

    def run(self, index: int, *words: str) -> bool:
        """Whether these words stand at this index."""
        return self.tokens[index : index + len(words)] == list(words)


def scan(
    reading: Reading,
    start: int = 0,
    end: int | None = None,
    *,
    calls: bool = True,
    variables: bool = True,
    assigns: bool = False,
    column_list: int = -1,
) -> None:
    """
    Add what the expressions between two tokens do.

    Args:
        reading: Of the statement.
        start: First token.
        end: One past the last token; None for all.
        calls: Whether a name before a parenthesis may be a stored function.
        variables: Whether `@name` is a user variable and no account's host.
        assigns: Whether any user variable may be assigned.
        column_list: Index of a parenthesis after a table's name.
    """
    tokens = reading.tokens
    last = len(tokens) if end is None else end
    has_variables = False
    for index in range(start, last):
        piece = tokens[index]
        first = piece[0]
        if first == "(":
            if index > start and index != column_list:
                _call(reading, index, calls=calls)
        elif piece == "@@":
            _system_variable(reading, index)
        elif first == "@":
            has_variables = True
        elif piece == "SQL_CALC_FOUND_ROWS":
            reading.add(effects.CountsFoundRows())
        elif reading.mariadb:
            _sequence(reading, index)
    if has_variables and variables:
        _user_variables(reading, start, last, assigns=assigns)


def _user_variables(reading: Reading, start: int, end: int, *, assigns: bool) -> None:
    written: list[str] = []
    read: list[str] = []
    into = False
    for index in range(start, end):
        piece = reading.tokens[index]
        if piece[0] == "@" and piece != "@@":
            is_written = into or reading.at(index + 1) == ":="
            if assigns or is_written:
                written.append(piece)
            if assigns or not is_written:
                read.append(piece)
        elif piece != ",":
            into = piece == "INTO"
    if written:
        reading.add(effects.WritesUserVariables(_names(written)))
    if read:
        reading.add(effects.ReadsUserVariables(_names(read)))


def _sequence(reading: Reading, index: int) -> None:
    """Add what a word says of a sequence, if anything."""
    piece = reading.tokens[index]
    if piece in _SEQUENCE_WORDS:
        if reading.run(index + 1, "VALUE", "FOR"):
            reading.add(_SEQUENCE_WORDS[piece])
    elif piece[0] == "`" and reading.at(index - 1) == ".":
        effect = _SEQUENCE_FUNCTIONS.get(piece[1:].upper())
        if effect is not None and reading.at(index + 1) not in PARENTHESES:
            reading.add(effect)


def _names(variables: list[str]) -> effects.Names | None:
    if "@\0" in variables:
        return None
    return tuple(dict.fromkeys(variable[1:] for variable in variables))


def _system_variable(reading: Reading, index: int) -> None:
    scope = reading.at(index + 1)
    if scope in SCOPES and reading.at(index + 2) == ".":
        if scope not in ("SESSION", "LOCAL"):
            return
        index += 2
    name = reading.at(index + 1)
    for known in (name_of(name), *(part.lower() for part in _in_ascii(name))):
        effect = _READINGS.get(known)
        if effect is not None:
            reading.add(effect)


def _call(reading: Reading, index: int, *, calls: bool) -> None:
    """Add what the parenthesis at this index means, if a name stands before it."""
    tokens = reading.tokens
    piece = tokens[index - 1]
    before = tokens[index - 2] if index > 1 else ""
    if before == "." and piece[0] == "`":
        if calls:
            name = f"{name_of(reading.at(index - 3))}.{name_of(piece)}"
            reading.add(effects.CallsRoutine(name, procedure=False))
        return
    name = piece
    known = BUILT_IN[reading.mariadb]
    if piece[0] == "`":
        name = piece[1:].upper()
        known = NATIVE[reading.mariadb]
    elif piece in KEYWORDS or not (piece[0].isalpha() or piece[0] == "_"):
        return
    if name in known or _special(reading, name, index):
        return
    for part in _in_ascii(piece):
        _special(reading, part, index)
    if tokens[index] == "(" and piece in TIGHT[reading.mariadb]:
        return
    if calls and not _is_no_call(reading, index):
        reading.add(effects.CallsRoutine(name_of(piece), procedure=False))


def _in_ascii(name: str) -> tuple[str, ...]:
    """
    What may be left of a name with bytes beyond ASCII; nothing of any other name.

    Servers leave out bytes that are no characters of the client's charset, or all behind them.
    """
    if name.isascii():
        return ()
    parts = _BEYOND_ASCII.split(name[1:].upper())
    return parts[0], "".join(parts)


_BEYOND_ASCII: Final = re.compile(r"[^\0-\x7f]++")


def _special(reading: Reading, name: str, index: int) -> bool:
    """Whether it is a function with an effect of its own, which is added."""
    argument = reading.at(index + 1)
    effect = _FUNCTIONS.get(name)
    if effect is None and reading.mariadb:
        effect = _SEQUENCE_FUNCTIONS.get(name)
    if name == "GET_LOCK":
        effect = effects.TakesNamedLock(_literal(reading, index + 1))
    elif name == "RELEASE_LOCK":
        effect = effects.ReleasesNamedLock(_literal(reading, index + 1))
    elif name == "LAST_INSERT_ID":
        effect = effects.ReadsLastInsertId()
        if argument != ")":
            effect = effects.WritesLastInsertId()
    if effect is None:
        return False
    reading.add(effect)
    return True


def _literal(reading: Reading, index: int) -> str | None:
    """The name in a plain string that is a whole argument."""
    piece = reading.at(index)
    if piece[:1] != "'" or not piece.isascii() or "\\" in piece:
        return None
    if reading.at(index + 1) not in (",", ")"):
        return None
    return piece[1:-1].replace("''", "'").lower()


def _is_no_call(reading: Reading, index: int) -> bool:
    """
    Whether a name before a parenthesis is that of something with columns.

    An expression cannot begin after AS, nor after a closing parenthesis or a string.
    """
    before = reading.at(index - 2)
    if before in ("AS", ")") or before[:1] in ("'", '"'):
        return True
    if (before, reading.at(index - 1)) == ("MEMBER", "OF"):
        return True
    if reading.at(index - 1) == "LATERAL" and reading.at(index + 1) in ("SELECT", "WITH"):
        return True
    # name (column, column) AS (
    while reading.at(index + 2) == ",":
        index += 2
    return (
        reading.at(index + 2) == ")"
        and reading.at(index + 3) == "AS"
        and reading.at(index + 4) in PARENTHESES
    )
