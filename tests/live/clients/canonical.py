"""What the Python clients share: values as JSON, one line for each answer.

It runs under whichever Python has the driver, so it uses nothing but the standard library.
"""

import datetime as dt
import decimal
import hashlib
import json
import os
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LONG = 400
WITH_CHARSET, BINARY = 9, 63
NUMBERS = re.compile(r"(?<=handler )\(\d+\)|(?<=statement )\(\d+\)|at 0x[0-9a-f]+")
"""What is each run's own: ids of prepared statements, addresses of objects."""


def option(name):
    """One of the settings that the test hands over in the environment."""
    return os.environ[f"STORY_{name.upper()}"]


def plain(value):
    """A value as JSON can say it, its type still to be seen; a long one by its digest."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(value)
        return {"bytes": data.hex() if len(data) <= LONG else digest(data)}
    if isinstance(value, str):
        return value if len(value) <= LONG else {"text": digest(value.encode())}
    if isinstance(value, decimal.Decimal):
        return {"decimal": str(value)}
    if isinstance(value, float):
        return {"float": repr(value)}
    if isinstance(value, (dt.date, dt.time, dt.timedelta)):
        return {type(value).__name__: str(value)}
    if isinstance(value, (set, frozenset)):
        return {"set": sorted(value)}
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, BaseException):
        return failure(value)
    return value


def digest(data):
    """Length and digest of a long value."""
    return f"{len(data)} {hashlib.sha256(data).hexdigest()[:16]}"


def failure(error):
    """An error of any driver: its class, number, SQLSTATE and text as far as it has them."""
    state = getattr(error, "sqlstate", None)
    parts = [NUMBERS.sub("(n)", part) if isinstance(part, str) else part for part in error.args]
    return {"error": [type(error).__name__, state, *[plain(part) for part in parts]]}


def say(label, value):
    """Print one line."""
    print(json.dumps([label, plain(value)], ensure_ascii=True))
    sys.stdout.flush()


def attempt(label, function, *arguments, **options):
    """Call, and print what it returns or what it raises."""
    try:
        value = function(*arguments, **options)
    except Exception as error:  # noqa: BLE001 - every error is an answer
        value = failure(error)
    say(label, value)


def sections():
    """The statements of ``statements.sql`` for this flavor, in a list for each heading."""
    parts = []
    for paragraph in (HERE / "statements.sql").read_text("utf-8").split("\n\n"):
        text = paragraph.strip("\n")
        first, _, rest = text.partition("\n")
        if first in {"#mysql", "#mariadb"}:
            if first[1:] == option("flavor"):
                parts[-1].append(rest)
        elif text.startswith("# "):
            parts.append([])
        elif text:
            parts[-1].append(text)
    return parts


def described(column):
    """A column; of its charset, which some drivers tell, only whether it is text.

    The collation by which a server names the charset of a result cannot be set from outside.
    """
    known = list(column)
    return known if len(known) < WITH_CHARSET else [*known[:-1], known[-1] == BINARY]


def results(cursor):
    """All results that a cursor has, the rows of each read to the end."""
    while True:
        rows = cursor.fetchall() if cursor.description else None
        columns = [described(column) for column in cursor.description or ()]
        yield {
            "columns": columns,
            "rows": rows,
            "count": cursor.rowcount,
            "id": cursor.lastrowid,
        }
        if not cursor.nextset():
            return


def run(cursor, statement, parameters=None):
    """Run a statement and print each of its results, or its error."""
    label = " ".join(statement.split())[:100]
    try:
        if parameters is None:
            cursor.execute(statement)
        else:
            cursor.execute(statement, parameters)
        for result in results(cursor):
            say(label, result)
    except Exception as error:  # noqa: BLE001 - every error is an answer
        say(label, error)


def run_all(connect):
    """Run every statement of the story, each section on a connection of its own."""
    for number, section in enumerate(sections()):
        connection = connect()
        cursor = connection.cursor()
        if number:
            cursor.execute("USE test_story")
        for statement in section:
            run(cursor, statement)
        connection.close()
