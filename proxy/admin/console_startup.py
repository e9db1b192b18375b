"""What clients and drivers ask and tell a server when they start, before anybody says a word.

Nothing of it changes anything: the console has no transactions, no variables and no databases.
"""

from __future__ import annotations

from typing import Final

import attrs

from proxy import __version__
from proxy.admin.console_tables import chosen, table, text_columns
from proxy.admin.console_words import Words, like, not_understood, shown, value
from proxy.errors import ErrorReply, Fault, StatementRefusedError
from proxy.front.console import Answer, Asker, Done, Table
from proxy.wire.tables import Kind, TableColumn, Value

DATABASE: Final = "mysqlproxy"
"""The name of the only database that is shown; there is nothing in it."""

_VARIABLES: Final[dict[str, Value]] = {
    "auto_increment_increment": 1,
    "autocommit": 1,
    "character_set_client": "utf8mb4",
    "character_set_connection": "utf8mb4",
    "character_set_database": "utf8mb4",
    "character_set_results": "utf8mb4",
    "character_set_server": "utf8mb4",
    "collation_connection": "utf8mb4_general_ci",
    "collation_database": "utf8mb4_general_ci",
    "collation_server": "utf8mb4_general_ci",
    "error_count": 0,
    "init_connect": "",
    "interactive_timeout": 28_800,
    "license": "",
    "lower_case_table_names": 0,
    "max_allowed_packet": 67_108_864,
    "net_buffer_length": 16_384,
    "net_read_timeout": 30,
    "net_write_timeout": 60,
    "performance_schema": 0,
    "query_cache_size": 0,
    "query_cache_type": "OFF",
    "sql_mode": "",
    "system_time_zone": "UTC",
    "time_zone": "SYSTEM",
    "transaction_isolation": "REPEATABLE-READ",
    "transaction_read_only": 0,
    "tx_isolation": "REPEATABLE-READ",
    "tx_read_only": 0,
    "version_comment": f"mysqlproxy {__version__}, the console",
    "wait_timeout": 28_800,
    "warning_count": 0,
}
"""Variables that drivers of many makers ask for: the servers' own defaults, mostly."""

_SCOPES: Final = frozenset(("GLOBAL", "SESSION", "LOCAL"))
_KINDS: Final = {int: Kind.WHOLE, float: Kind.FRACTION}
_CONSTANTS: Final[dict[str, Value]] = {"NULL": None, "TRUE": 1, "FALSE": 0}
_USER_FUNCTIONS: Final = frozenset(("USER", "CURRENT_USER", "SESSION_USER", "SYSTEM_USER"))
_END_OF_ITEM: Final = frozenset(("LIMIT", "FROM"))
_QUOTES: Final = frozenset("`'\"")

QUIET: Final = frozenset(("BEGIN", "START", "COMMIT", "ROLLBACK"))
"""Beginnings of statements that do nothing here, and mean no harm."""

_SHOWN: Final[dict[tuple[str, ...], tuple[TableColumn, ...]]] = {
    ("WARNINGS",): (
        TableColumn("Level"),
        TableColumn("Code", Kind.WHOLE),
        TableColumn("Message"),
    ),
    ("ERRORS",): (
        TableColumn("Level"),
        TableColumn("Code", Kind.WHOLE),
        TableColumn("Message"),
    ),
    ("TABLES",): text_columns(f"Tables_in_{DATABASE}"),
    ("COLLATION",): text_columns("Collation", "Charset"),
    ("ENGINES",): text_columns("Engine", "Support", "Comment"),
    ("PLUGINS",): text_columns("Name", "Status", "Type", "Library", "License"),
}
"""What SHOW shows an empty table of."""


def shown_of_server(words: Words, asker: Asker) -> Table | None:
    """The answer to a SHOW about a server; None when it is about none, and nothing is taken."""
    if words.accept("DATABASES") or words.accept("SCHEMAS"):
        return Table(text_columns("Database"), [(DATABASE,)])
    if words.accept("VARIABLES"):
        rows = sorted((name, str(value)) for name, value in _variables(asker).items())
        pattern = like(words.text("what follows LIKE")) if words.accept("LIKE") else None
        return Table(text_columns("Variable_name", "Value"), chosen(rows, pattern))
    if words.accept("COUNT", "(", "*", ")") and words.accept_one(("WARNINGS", "ERRORS")):
        return table([TableColumn("@@session.warning_count", Kind.WHOLE)], [0])
    for name, columns in _SHOWN.items():
        if words.accept(*name):
            return Table(columns)
    return None


def set_something(words: Words) -> Answer:
    """A SET of what drivers set for themselves: it is heard, and nothing follows.

    Raises:
        StatementRefusedError: it is about more than the connection of the client.
    """
    words.accept("@@")
    if words.next in {"GLOBAL", "PERSIST", "PERSIST_ONLY", "PASSWORD", "ROLE", "DEFAULT"}:
        text = (
            "Settings of the proxy stand in its configuration file: change it and RELOAD, "
            "or see SET LOG LEVEL and SET DEBUG LOGGING"
        )
        raise StatementRefusedError(ErrorReply(1238, "HY000", text, Fault.CLIENT))
    if not words.next:
        raise not_understood("SET needs a name")
    return Done()


def use(words: Words) -> Answer:
    """USE, of which the name is left; any will do."""
    name = words.name("the name")
    words.expect_end()
    return Done(schema=name)


# SELECT


@attrs.frozen
class _Item:
    name: str
    value: Value


def select(words: Words, asker: Asker) -> Answer:
    """A SELECT of constants, variables and of who one is.

    Raises:
        StatementRefusedError: it asks for something else.
    """
    items = [_item(words, asker)]
    while words.accept(","):
        items.append(_item(words, asker))
    words.accept("FROM", "DUAL")
    rows = 1
    if words.accept("LIMIT"):
        rows = words.number("what follows LIMIT")
    words.expect_end()
    columns = [TableColumn(one.name, _KINDS.get(type(one.value), Kind.TEXT)) for one in items]
    return table(columns, *[[one.value for one in items]][:rows])


def _item(words: Words, asker: Asker) -> _Item:
    item = _variable(words, asker) if words.accept("@@") else _constant(words, asker)
    named = words.accept("AS")
    begins_name = words.next[:1].isalpha() or words.next[:1] in _QUOTES
    if named or (begins_name and words.next not in _END_OF_ITEM):
        return attrs.evolve(item, name=words.piece("the name"))
    return item


def _variable(words: Words, asker: Asker) -> _Item:
    scope = words.accept_one(_SCOPES).lower()
    if scope and words.take() != ".":
        raise not_understood(f"after @@{scope} comes a dot")
    name = words.take().removeprefix("`").lower()
    variables = _variables(asker)
    if name not in variables:
        text = f"Unknown system variable '{name[:64]}'"
        raise StatementRefusedError(ErrorReply(1193, "HY000", text, Fault.CLIENT))
    return _Item(f"@@{scope}.{name}" if scope else f"@@{name}", variables[name])


def _variables(asker: Asker) -> dict[str, Value]:
    return {**_VARIABLES, "version": asker.version, "pseudo_thread_id": asker.number}


def _constant(words: Words, asker: Asker) -> _Item:
    word = words.take()
    if word[:1] in {"'", '"'}:
        return _Item(value(word), value(word))
    if word.isascii() and word.isdigit() and len(word) < 19:
        return _Item(word, int(word))
    if word in _CONSTANTS:
        return _Item(word, _CONSTANTS[word])
    functions = _functions(asker)
    called = words.accept("(", ")")
    if word in functions and (called or word == "CURRENT_USER"):
        return _Item(f"{word}()" if called else word, functions[word])
    raise not_understood(
        f"of {shown(word)} it knows nothing, for it has no tables, and SELECT gives "
        "variables, constants, USER(), DATABASE(), VERSION() and CONNECTION_ID() only"
    )


def _functions(asker: Asker) -> dict[str, Value]:
    user = f"{asker.user}@{asker.address}"
    return {
        **dict.fromkeys(_USER_FUNCTIONS, user),
        "DATABASE": asker.schema or None,
        "SCHEMA": asker.schema or None,
        "VERSION": asker.version,
        "CONNECTION_ID": asker.number,
    }
