"""
CREATE, ALTER and DROP.

Source: MySQL manual, "Data Definition Statements", "Account Management Statements"; MariaDB's
pages of the same names.
"""

from __future__ import annotations

from typing import Final

from proxy.sql import effects
from proxy.sql.expressions import Reading, scan
from proxy.sql.lexer import name_of, words

_OBJECTS: Final = words(
    """
    DATABASE SCHEMA EVENT FUNCTION INDEX INSTANCE LIBRARY LOGFILE PACKAGE PREPARE PROCEDURE
    RESOURCE ROLE SEQUENCE SERVER SPATIAL TABLE TABLES TABLESPACE TRIGGER USER VIEW
    """
)
_MODIFIERS: Final = words(
    """
    AGGREGATE ALGORITHM CURRENT_ROLE CURRENT_USER DEFINER DUALITY EXTERNAL FULLTEXT IGNORE
    INVOKER JSON MATERIALIZED MERGE OFFLINE ONLINE OR RELATIONAL REPLACE SECURITY SQL
    TEMPORARY TEMPTABLE UNDEFINED UNDO UNIQUE VECTOR
    """
)
_QUERY_WORDS: Final = frozenset(("SELECT", "WITH", "VALUES"))


def _object(reading: Reading) -> tuple[str, int]:
    """What is created, altered or dropped, and the index of the word for it, if known."""
    index = 1
    while piece := reading.at(index):
        if piece == "SPATIAL" and reading.at(index + 1) == "INDEX":
            return "INDEX", index + 1
        if piece in _OBJECTS:
            return piece, index
        if piece == "DEFINER" and reading.at(index + 1) == "=":
            index += 3 if reading.at(index + 2)[:1] != "" else 2
            continue
        if piece not in _MODIFIERS and piece not in ("=", "(", ")") and piece[0] not in "@'\"`":
            break
        index += 1
    return "", 0


def read_create(reading: Reading) -> None:
    """Add what a CREATE statement does."""
    kind, index = _object(reading)
    if not kind or kind in ("PREPARE", "INSTANCE", "TABLES"):
        reading.add(effects.Opaque("CREATE of something unknown"))
        return
    temporary = "TEMPORARY" in reading.tokens[:index]
    if kind in ("TABLE", "SEQUENCE"):
        name, _ = _table_name(reading, index + 1)
        reading.add(
            effects.CreatesTemporaryTable(name) if temporary else effects.CommitsImplicitly()
        )
        query = next(
            (
                at
                for at in range(index + 1, len(reading.tokens))
                if reading.tokens[at] in _QUERY_WORDS
                and reading.at(at + 1) not in ("IN", "LESS", "PARSER", "SYSTEM")
            ),
            len(reading.tokens),
        )
        scan(reading, index, query, calls=False)
        scan(reading, query)
        return
    reading.add(effects.CommitsImplicitly())
    _scan_definition(reading, kind, index)


def read_alter(reading: Reading) -> None:
    """Add what an ALTER statement does."""
    kind, index = _object(reading)
    if not kind or kind in ("PREPARE", "TABLES"):
        reading.add(effects.Opaque("ALTER of something unknown"))
        return
    reading.add(effects.CommitsImplicitly())
    if kind == "USER":
        reading.add(effects.ChangesAccount())
    elif kind == "TABLE" and "RENAME" in reading.tokens:
        reading.add(effects.RenamesTables())
    _scan_definition(reading, kind, index)


def _scan_definition(reading: Reading, kind: str, index: int) -> None:
    """Add what the expressions do that are evaluated at once: none of a view or a program."""
    if kind == "EVENT":
        tokens = reading.tokens
        scan(reading, index, tokens.index("DO") if "DO" in tokens else None)
    elif kind not in ("FUNCTION", "LIBRARY", "PACKAGE", "PROCEDURE", "TRIGGER", "VIEW"):
        scan(reading, index, calls=False, variables=False)


def read_drop(reading: Reading) -> None:
    """Add what a DROP statement does."""
    kind, index = _object(reading)
    temporary = reading.at(1) == "TEMPORARY"
    if kind == "PREPARE":
        reading.add(effects.DeallocatesText(name_of(reading.at(index + 1))))
    elif kind in ("TABLE", "TABLES", "SEQUENCE"):
        reading.add(effects.DropsTables(_table_names(reading, index + 1), temporary))
        if not temporary:
            reading.add(effects.CommitsImplicitly())
    elif kind in ("DATABASE", "SCHEMA"):
        name, _ = _table_name(reading, index + 1)
        reading.add(effects.DropsSchema(name or ""))
        reading.add(effects.CommitsImplicitly())
    elif kind and kind != "INSTANCE":
        if kind == "USER":
            reading.add(effects.ChangesAccount())
        reading.add(effects.CommitsImplicitly())
    else:
        reading.add(effects.Opaque("DROP of something unknown"))


def _table_name(reading: Reading, index: int) -> tuple[str | None, int]:
    """The name behind IF [NOT] EXISTS, with its schema if said, and the index behind it."""
    while reading.at(index) in ("IF", "NOT", "EXISTS"):
        index += 1
    schema = ""
    if reading.at(index + 1) == ".":
        schema = name_of(reading.at(index)) + "."
        index += 2
    piece = reading.at(index)
    named = piece[:1].isalpha() or piece[:1] in ("`", "_")
    return (schema + name_of(piece) if named else None), index + 1


def _table_names(reading: Reading, index: int) -> effects.Names:
    names = []
    while True:
        name, index = _table_name(reading, index)
        names.append(name or "")
        if reading.at(index) != ",":
            return tuple(names)
        index += 1
