"""
SET in all its forms.

Source: MySQL manual, "SET Syntax for Variable Assignment", "SET TRANSACTION", "SET NAMES", "SET
ROLE", "SET PASSWORD"; MariaDB's "SET STATEMENT".
"""

from __future__ import annotations

from typing import Final

import attrs

from proxy.sql import effects
from proxy.sql.expressions import SCOPES, Reading, scan
from proxy.sql.lexer import PARENTHESES, name_of

_EQUAL: Final = frozenset(("=", ":="))
_GLOBAL: Final = frozenset(("GLOBAL", "PERSIST", "PERSIST_ONLY"))
_TRANSACTION: Final = frozenset(
    ("transaction_isolation", "transaction_read_only", "tx_isolation", "tx_read_only")
)
_INSERT_ID: Final = frozenset(("identity", "last_insert_id"))


@attrs.define
class _Assigned:
    """Names assigned by one statement, in order."""

    session: list[str] = attrs.Factory(list)
    globally: list[str] = attrs.Factory(list)
    users: list[str] = attrs.Factory(list)


def read_set(reading: Reading) -> None:
    """Add what a SET statement does; its tokens begin with SET."""
    first, second = reading.at(1), reading.at(2)
    if first == "TRANSACTION" and second not in _EQUAL:
        reading.add(effects.SetsNextTransaction())
        _expect_no_assignment(reading, 2)
    elif first in SCOPES and second == "TRANSACTION" and reading.at(3) not in _EQUAL:
        _set_transaction(reading, globally=first in _GLOBAL)
        _expect_no_assignment(reading, 3)
    elif first == "PASSWORD" and (second in ("FOR", "TO") or second in _EQUAL):
        reading.add(effects.ChangesAccount())
        reading.add(effects.CommitsImplicitly())
        if "," in reading.tokens:
            reading.add(effects.Opaque("SET PASSWORD with more behind it"))
        scan(reading, 2, variables=False)
    elif first == "ROLE" and second not in _EQUAL:
        reading.add(effects.SetsRole())
        _expect_no_assignment(reading, 2)
    elif (first, second) == ("DEFAULT", "ROLE"):
        reading.add(effects.ChangesAccount())
        reading.add(effects.CommitsImplicitly())
    elif (first, second) == ("RESOURCE", "GROUP"):
        reading.add(effects.Opaque("SET RESOURCE GROUP moves the connection's thread"))
    else:
        assignments(reading, 1, len(reading.tokens))


def _expect_no_assignment(reading: Reading, start: int) -> None:
    """Some servers take assignments behind forms that others take alone."""
    if not _EQUAL.isdisjoint(reading.tokens[start:]):
        reading.add(effects.Opaque("SET of something special with assignments behind it"))
        scan(reading, start, assigns=True)


def _set_transaction(reading: Reading, *, globally: bool) -> None:
    names = []
    if "ISOLATION" in reading.tokens:
        names.append("tx_isolation" if reading.mariadb else "transaction_isolation")
    if "ONLY" in reading.tokens or "WRITE" in reading.tokens:
        names.append("tx_read_only" if reading.mariadb else "transaction_read_only")
    if not names:
        reading.add(effects.Opaque("SET TRANSACTION of something unknown"))
    elif globally:
        reading.add(effects.SetsGlobal(tuple(names)))
    else:
        reading.add(effects.SetsVariables(tuple(names)))


def assignments(reading: Reading, start: int, end: int) -> None:
    """Add what a list of assignments between two tokens does."""
    assigned = _Assigned()
    scope = ""
    for first, last in _items(reading, start, end):
        scope = _item(reading, first, last, scope, assigned)
    if assigned.session:
        reading.add(effects.SetsVariables(tuple(dict.fromkeys(assigned.session))))
        if _INSERT_ID.intersection(assigned.session):
            reading.add(effects.WritesLastInsertId())
    if assigned.globally:
        reading.add(effects.SetsGlobal(tuple(dict.fromkeys(assigned.globally))))
    if assigned.users:
        unknown = "\0" in assigned.users
        names = None if unknown else tuple(dict.fromkeys(assigned.users))
        reading.add(effects.WritesUserVariables(names))


def _items(reading: Reading, start: int, end: int) -> list[tuple[int, int]]:
    """First and one past the last token of each part between commas."""
    items = []
    depth = 0
    first = start
    for index in range(start, end):
        piece = reading.tokens[index]
        if piece in PARENTHESES:
            depth += 1
        elif piece == ")":
            depth -= 1
        elif piece == "," and depth == 0:
            items.append((first, index))
            first = index + 1
    items.append((first, end))
    return items


def _item(reading: Reading, first: int, last: int, scope: str, assigned: _Assigned) -> str:
    """Add one assignment; the scope word that is said or was said before."""
    piece = reading.at(first)
    if piece[:1] == "@" and piece != "@@":
        if reading.at(first + 1) in _EQUAL:
            assigned.users.append(piece[1:])
            scan(reading, first + 2, last)
            return scope
    elif piece == "NAMES" and reading.at(first + 1) not in _EQUAL:
        reading.add(effects.SetsNames())
        scan(reading, first + 1, last)
        return scope
    elif piece == "CHARSET" or reading.run(first, "CHARACTER", "SET"):
        reading.add(effects.SetsNames(of_schema=True))
        return scope
    else:
        name, index, said = _variable(reading, first)
        if name and index < last and reading.at(index) in _EQUAL:
            _assign(name, piece, said, scope, reading, assigned)
            scan(reading, index + 1, last)
            return said if piece != "@@" and said else scope
    reading.add(effects.Opaque("an assignment of SET that is not known"))
    scan(reading, first, last)
    return scope


def _variable(reading: Reading, index: int) -> tuple[str, int, str]:
    """A system variable's name, the index behind it, and the scope that stands before it."""
    scope = ""
    if reading.at(index) == "@@":
        index += 1
        if reading.at(index) in SCOPES and reading.at(index + 1) == ".":
            scope = reading.at(index)
            index += 2
    elif reading.at(index) in SCOPES and reading.at(index + 1) not in _EQUAL:
        scope = reading.at(index)
        index += 1
        if reading.at(index) == "@@":
            return "", index, scope
    name = reading.at(index)
    if not (name[:1].isalpha() or name[:1] in ("_", "`")) or not name.isascii():
        return "", index, scope
    written = name_of(name)
    index += 1
    if reading.at(index) == ".":
        written += "." + name_of(reading.at(index + 1))
        index += 2
    return written, index, scope


def _assign(
    name: str, first: str, said: str, before: str, reading: Reading, assigned: _Assigned
) -> None:
    if said in _GLOBAL:
        assigned.globally.append(name)
        return
    if not said and name in _TRANSACTION and first == "@@":
        reading.add(effects.SetsNextTransaction())
        return
    assigned.session.append(name)
    if not said and before in _GLOBAL:
        # Some servers go on with the scope word that was said last, some do not.
        assigned.globally.append(name)
