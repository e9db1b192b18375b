"""Other clients of the same proxy, whose sessions differ: no backend stays as it was."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pymysql

from tests.support.process import RunningProxy

SCHEMAS = ("test_crowd_0", "test_crowd_1", "test_crowd_2")
"""A schema for each of them."""

_WAYS: tuple[dict[str, Any], ...] = (
    {"charset": "latin1", "autocommit": False},
    {"charset": "utf8mb4", "collation": "utf8mb4_bin", "autocommit": True},
    {"charset": "utf8mb3", "autocommit": True, "sql_mode": "ANSI_QUOTES"},
)
_PAUSE_SECONDS = 0.004


@contextlib.contextmanager
def crowd(proxy: RunningProxy) -> Iterator[None]:
    """
    Keep three clients busy for the length of a block, each in a state of its own.

    They differ in schema, charset, autocommit and sql_mode, insert rows (so that the last
    insert ids of the backends change), make warnings and errors, and never hold a backend
    for longer than a short transaction.

    Raises:
        AssertionError: One of them got a wrong answer.
    """
    over = threading.Event()
    troubles: list[str] = []
    members = [
        threading.Thread(target=_live, args=(proxy, number, over, troubles))
        for number in range(len(SCHEMAS))
    ]
    for member in members:
        member.start()
    try:
        yield
    finally:
        over.set()
        for member in members:
            member.join(60)
    assert not troubles, troubles


def _live(proxy: RunningProxy, number: int, over: threading.Event, troubles: list[str]) -> None:
    try:
        _work(proxy, number, over)
    except Exception as error:  # noqa: BLE001 - told by the thread that made this one
        troubles.append(f"client {number} of the crowd: {error!r}")


def _work(proxy: RunningProxy, number: int, over: threading.Event) -> None:
    schema = SCHEMAS[number]
    with contextlib.closing(proxy.connect(**_WAYS[number])) as connection:
        cursor = connection.cursor()
        cursor.execute(f"DROP DATABASE IF EXISTS {schema}")
        cursor.execute(f"CREATE DATABASE {schema}")
        connection.select_db(schema)
        cursor.execute("CREATE TABLE own (id INT AUTO_INCREMENT PRIMARY KEY, a INT)")
        turn = 0
        while not over.wait(_PAUSE_SECONDS):
            turn += 1
            cursor.execute("INSERT INTO own (a) VALUES (%s)", (turn,))
            mine = cursor.lastrowid
            if turn % 3 == 0:
                cursor.execute("SELECT LAST_INSERT_ID(), DATABASE(), @@autocommit")
                seen, wanted = (
                    cursor.fetchone(),
                    (mine, schema, int(connection.autocommit_mode)),
                )
                assert seen == wanted, (seen, wanted)
            if turn % 5 == 0:
                with contextlib.suppress(pymysql.err.Error):
                    cursor.execute("SELECT nothing FROM nowhere")
            if turn % 7 == 0:
                cursor.execute("SELECT COUNT(*) FROM own")
                assert cursor.fetchone() == (turn,)
            if not connection.autocommit_mode and turn % 2:
                connection.commit()
        connection.rollback()
