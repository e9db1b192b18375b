"""
Statements that lock, and HANDLER, which keeps a table open.

Source: MySQL manual, "LOCK TABLES and UNLOCK TABLES Statements", "LOCK INSTANCE FOR BACKUP",
"FLUSH Statement", "HANDLER Statement"; MariaDB's "BACKUP STAGE", "BACKUP LOCK".
"""

from __future__ import annotations

from proxy.sql import effects
from proxy.sql.expressions import Reading, scan
from proxy.sql.lexer import name_of


def read_lock(reading: Reading) -> None:
    """Add what LOCK does."""
    reading.choose(
        {
            "TABLES": effects.LocksTables(),
            "TABLE": effects.LocksTables(),
            "INSTANCE": effects.LocksInstance(),
        },
    )


def read_unlock(reading: Reading) -> None:
    """Add what UNLOCK does."""
    reading.choose(
        {
            "TABLES": effects.UnlocksTables(),
            "TABLE": effects.UnlocksTables(),
            "INSTANCE": effects.UnlocksInstance(),
        },
    )


def read_backup(reading: Reading) -> None:
    """Add what BACKUP does."""
    ends = reading.at(1) == "UNLOCK" or reading.run(1, "STAGE", "END")
    reading.add(effects.UnlocksInstance() if ends else effects.LocksInstance())


def read_flush(reading: Reading) -> None:
    """Add what FLUSH does: some forms lock."""
    reading.add(effects.CommitsImplicitly())
    tokens = reading.tokens
    if "EXPORT" in tokens:
        reading.add(effects.LocksTables())
    elif "READ" in tokens or "LOCK" in tokens:
        index = next((at for at, piece in enumerate(tokens) if piece in ("TABLE", "TABLES")), 0)
        named = reading.at(index + 1) != "WITH"
        reading.add(effects.LocksTables() if named else effects.LocksServer())


def read_handler(reading: Reading) -> None:
    """Add what HANDLER does."""
    index = 1
    while reading.at(index + 1) == ".":
        index += 2
    name, action = name_of(reading.at(index)), reading.at(index + 1)
    if action == "OPEN":
        rest = reading.tokens[index + 2 :]
        if rest:
            name = name_of(rest[-1])  # OPEN AS alias, OPEN alias
        reading.add(effects.OpensHandler(name))
    elif action == "CLOSE":
        reading.add(effects.ClosesHandler(name))
    elif action == "READ":
        reading.add(effects.ReadsHandler(name))
        scan(reading, index + 2)
    else:
        reading.add(effects.Opaque("HANDLER of something unknown"))
