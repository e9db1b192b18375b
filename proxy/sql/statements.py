"""
What each kind of statement does, by its first word.

Source: MySQL manual, "SQL Statements", and "Statements That Cause an Implicit Commit";
MariaDB's pages of the same names.  A first word that is not known here is opaque.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from proxy.sql import effects
from proxy.sql.assignments import assignments, read_set
from proxy.sql.definitions import read_alter, read_create, read_drop
from proxy.sql.expressions import Reading, scan
from proxy.sql.lexer import PARENTHESES, name_of, words
from proxy.sql.locks import read_backup, read_flush, read_handler, read_lock, read_unlock

Reader = Callable[[Reading], None]

_QUERIES: Final = frozenset(
    ("SELECT", "TABLE", "VALUES", "UPDATE", "DELETE", "INSERT", "REPLACE")
)
_INSERT_MODIFIERS: Final = frozenset(
    ("DELAYED", "HIGH_PRIORITY", "IGNORE", "INTO", "LOW_PRIORITY")
)


def _main_verb(reading: Reading) -> str:
    """What is done by a statement that begins with a parenthesis or with WITH."""
    depth = 0
    common = reading.tokens[0] == "WITH"
    for piece in reading.tokens:
        if piece in PARENTHESES:
            depth += 1
        elif piece == ")":
            depth -= 1
        elif piece in _QUERIES and (depth == 0 or not common):
            return piece
    return ""


def read_statement(reading: Reading) -> str:
    """Add what a statement does; its verb, OTHER for one that is not known."""
    verb = reading.tokens[0]
    if verb in PARENTHESES or verb == "WITH":
        verb = _main_verb(reading)
    reader = _READERS.get(verb)
    if reader is None:
        reading.add(effects.Opaque("a statement that is not known"))
        scan(reading)
        return "OTHER"
    reader(reading)
    return verb


def _read_expressions(reading: Reading) -> None:
    scan(reading)


def _read_insert(reading: Reading) -> None:
    """The parenthesis after the table's name is no call."""
    if "RETURNING" in reading.tokens:  # MariaDB tells no id behind rows
        reading.add(effects.WritesLastInsertId())
    _scan_insert(reading, 0)


def _read_explain(reading: Reading) -> None:
    """EXPLAIN of a statement: one in parentheses is no call of EXPLAIN's last word."""
    start = 2 if reading.at(1) == "ANALYZE" else 1
    if reading.run(start, "FORMAT", "="):
        start += 3
    _scan_insert(reading, start)


def _scan_insert(reading: Reading, start: int) -> None:
    index = next(
        (at for at, piece in enumerate(reading.tokens) if piece in ("INSERT", "REPLACE")), 0
    )
    index += 1
    while reading.at(index) in _INSERT_MODIFIERS:
        index += 1
    while reading.at(index + 1) == ".":
        index += 2
    scan(reading, start, column_list=index + 1)


def _read_commit(reading: Reading) -> None:
    tokens = reading.tokens
    if "TO" in tokens:
        reading.add(effects.UsesSavepoint())
        return
    commit = tokens[0] == "COMMIT"
    chain = "CHAIN" in tokens and not reading.run(tokens.index("CHAIN") - 1, "NO")
    release = "RELEASE" in tokens and not reading.run(tokens.index("RELEASE") - 1, "NO")
    reading.add(effects.EndsTransaction(commit, chain=chain, release=release))


def _read_begin(reading: Reading) -> None:
    if reading.tokens in (["BEGIN"], ["BEGIN", "WORK"]):
        reading.add(effects.BeginsTransaction())
    else:
        reading.add(effects.Opaque("a compound statement"))
        scan(reading)


def _read_start(reading: Reading) -> None:
    reading.choose(
        {"TRANSACTION": effects.BeginsTransaction()},
        commits=("ALL", "GROUP_REPLICATION", "REPLICA", "SLAVE"),
    )


def _read_savepoint(reading: Reading) -> None:
    reading.add(effects.UsesSavepoint())


def _read_release(reading: Reading) -> None:
    reading.choose({"SAVEPOINT": effects.UsesSavepoint()})


def _read_xa(reading: Reading) -> None:
    verb = "START" if reading.at(1) == "BEGIN" else reading.at(1)
    if verb in ("START", "END", "PREPARE", "COMMIT", "ROLLBACK"):
        reading.add(effects.ControlsXa(verb))
    elif verb != "RECOVER":
        reading.add(effects.Opaque("XA of something unknown"))


def _read_use(reading: Reading) -> None:
    if len(reading.tokens) == 2:
        reading.add(effects.UsesSchema(name_of(reading.at(1))))
    else:
        reading.add(effects.Opaque("USE of something unknown"))


def _read_prepare(reading: Reading) -> None:
    text = None
    if reading.at(2) == "FROM" and len(reading.tokens) == 4:
        text = _literal(reading.at(3))
    reading.add(effects.PreparesText(name_of(reading.at(1)), text))
    scan(reading, 2)


def _literal(piece: str) -> bytes | None:
    """What a string stands for; None where that depends on settings."""
    quote = piece[0]
    if quote not in ("'", '"') or "\\" in piece:
        return None
    return piece[1:-1].replace(quote * 2, quote).encode("latin-1")


def _read_execute(reading: Reading) -> None:
    if reading.at(1) == "IMMEDIATE":
        reading.add(effects.Opaque("EXECUTE IMMEDIATE runs a text that is made on the way"))
        scan(reading, 1, assigns=True)
        return
    reading.add(effects.ExecutesText(name_of(reading.at(1))))
    scan(reading, 2)


def _read_deallocate(reading: Reading) -> None:
    reading.add(effects.DeallocatesText(name_of(reading.at(2))))


def _read_call(reading: Reading) -> None:
    index = 1
    name = name_of(reading.at(index))
    while reading.at(index + 1) == ".":
        index += 2
        name += "." + name_of(reading.at(index))
    reading.add(effects.CallsRoutine(name, procedure=True))
    scan(reading, index + 1, column_list=index + 1, assigns=True)


def _read_load(reading: Reading) -> None:
    if reading.at(1) == "INDEX":
        reading.add(effects.CommitsImplicitly())
        return
    tokens = reading.tokens
    if "LOCAL" in tokens[:4]:
        reading.add(effects.LoadsLocalFile())
    elif reading.at(1) not in ("DATA", "XML"):
        reading.add(effects.Opaque("LOAD of something unknown"))
    assigned = tokens.index("SET", 1) if "SET" in tokens else len(tokens)
    scan(reading, 1, calls=False, assigns=True)
    scan(reading, assigned, assigns=True)


def _read_kill(reading: Reading) -> None:
    index = 1
    while reading.at(index) in ("HARD", "SOFT"):
        index += 1
    query = reading.at(index) == "QUERY"
    if query or reading.at(index) == "CONNECTION":
        index += 1
    rest = reading.tokens[index:]
    plain = len(rest) == 1 and rest[0].isascii() and rest[0].isdigit() and len(rest[0]) < 20
    number = int(rest[0]) if plain else None
    reading.add(effects.Kills(number, query))
    scan(reading, index, variables=rest[:1] != ["USER"])


def _read_diagnostics(reading: Reading) -> None:
    reading.add(effects.ReadsDiagnostics())
    scan(reading, assigns=True)


def _read_shutdown(reading: Reading) -> None:
    reading.add(effects.ShutsDown())


def _read_administration(reading: Reading) -> None:
    reading.add(effects.CommitsImplicitly())
    evaluates = reading.tokens[0] in ("INSTALL", "PURGE")
    scan(reading, calls=evaluates, variables=evaluates)


def _read_rename(reading: Reading) -> None:
    reading.add(effects.CommitsImplicitly())
    if reading.at(1) == "USER":
        reading.add(effects.ChangesAccount())
    else:
        reading.add(effects.RenamesTables())


def _read_analyze(reading: Reading) -> None:
    tokens = reading.tokens
    if any(piece in ("TABLE", "TABLES") for piece in tokens[1:3]):
        _read_administration(reading)
    else:
        scan(reading)


def _read_show(reading: Reading) -> None:
    tokens = reading.tokens
    second = reading.at(1)
    if second not in _SHOWN:
        reading.add(effects.Opaque("SHOW of something unknown"))
    if second in ("WARNINGS", "ERRORS", "PROFILE", "PROFILES", "COUNT"):
        reading.add(effects.ReadsDiagnostics())
    elif second == "STATUS" or (second in ("SESSION", "LOCAL") and reading.at(2) == "STATUS"):
        reading.add(effects.ReadsCounters())
    if "WHERE" in tokens:
        scan(reading, tokens.index("WHERE"))


def _read_set(reading: Reading) -> None:
    if reading.at(1) != "STATEMENT" or "FOR" not in reading.tokens:
        read_set(reading)
        return
    index = reading.tokens.index("FOR")
    before = Reading(reading.tokens, reading.mariadb)
    assignments(before, 2, index)
    for effect in before.effects:
        match effect:
            case effects.SetsVariables(names):
                if DECIDES_READING.intersection(names):
                    reading.add(effects.Opaque("SET STATEMENT changes how the text is read"))
            case _:
                reading.add(effect)
    inner = Reading(reading.tokens[index + 1 :], reading.mariadb)
    if inner.tokens[:2] == ["SET", "STATEMENT"] or not inner.tokens:
        reading.add(effects.Opaque("SET STATEMENT for nothing, or for another one"))
    else:
        read_statement(inner)
    for effect in inner.effects:
        reading.add(effect)


DECIDES_READING: Final = frozenset(("character_set_client", "old_mode", "sql_mode"))
"""Variables that change what the bytes of a text mean."""

_SHOWN: Final = words(
    """
    ALL ANALYZE AUTHORS BINARY BINLOG CHARACTER CHARSET CLIENT_STATISTICS COLLATION COLUMNS
    CONTRIBUTORS COUNT CREATE DATABASES ENGINE ENGINES ERRORS EVENTS EXPLAIN EXTENDED FIELDS
    FULL FUNCTION GLOBAL GRANTS INDEX INDEXES INDEX_STATISTICS KEYS LIBRARY LOCAL LOCALES
    MASTER OPEN PACKAGE PARSE_TREE PLUGINS PRIVILEGES PROCEDURE PROCESSLIST PROFILE PROFILES
    QUERY_RESPONSE_TIME RELAYLOG REPLICA REPLICAS SCHEMAS SESSION SLAVE STATUS STORAGE TABLE
    TABLES TABLE_STATISTICS TRIGGERS USER_STATISTICS VARIABLES WARNINGS
    """
)

_ADMINISTRATION: Final = words(
    """
    CACHE CHANGE CHECK CHECKSUM GRANT IMPORT INSTALL OPTIMIZE PURGE REPAIR RESET REVOKE STOP
    TRUNCATE UNINSTALL
    """
)

_READERS: Final[dict[str, Reader]] = {
    "SELECT": _read_expressions,
    "TABLE": _read_expressions,
    "VALUES": _read_expressions,
    "INSERT": _read_insert,
    "REPLACE": _read_insert,
    "UPDATE": _read_expressions,
    "DELETE": _read_expressions,
    "DO": _read_expressions,
    "SHOW": _read_show,
    "EXPLAIN": _read_explain,
    "DESCRIBE": _read_explain,
    "DESC": _read_explain,
    "ANALYZE": _read_analyze,
    "HELP": _read_expressions,
    "SET": _read_set,
    "USE": _read_use,
    "BEGIN": _read_begin,
    "START": _read_start,
    "COMMIT": _read_commit,
    "ROLLBACK": _read_commit,
    "SAVEPOINT": _read_savepoint,
    "RELEASE": _read_release,
    "XA": _read_xa,
    "LOCK": read_lock,
    "UNLOCK": read_unlock,
    "BACKUP": read_backup,
    "FLUSH": read_flush,
    "HANDLER": read_handler,
    "CREATE": read_create,
    "ALTER": read_alter,
    "DROP": read_drop,
    "RENAME": _read_rename,
    "PREPARE": _read_prepare,
    "EXECUTE": _read_execute,
    "DEALLOCATE": _read_deallocate,
    "CALL": _read_call,
    "LOAD": _read_load,
    "KILL": _read_kill,
    "GET": _read_diagnostics,
    "SIGNAL": _read_expressions,
    "SHUTDOWN": _read_shutdown,
    "RESTART": _read_shutdown,
    **dict.fromkeys(_ADMINISTRATION, _read_administration),
}
