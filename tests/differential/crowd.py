"""The others: clients whose sessions differ, each of which knows its answers."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from proxy.embedded import Server
from tests.differential.answers import lines
from tests.differential.script import (
    Client,
    Execute,
    InitDb,
    Prepare,
    Reset,
    Script,
    Step,
    steps,
)
from tests.differential.stage import Stage
from tests.support.process import WORKERS, running_proxy

WAYS: tuple[Script, ...] = (
    steps(
        "SET NAMES latin1, sql_mode = 'ANSI_QUOTES', autocommit = 0",
        "UPDATE t SET id = LAST_INSERT_ID(id), a = a + 1 WHERE id = 1",
        "UPDATE t SET id = LAST_INSERT_ID(id), a = a + 1 WHERE b = 'two'",
        "SELECT LAST_INSERT_ID(), ROW_COUNT()",
        "ROLLBACK",
        'SELECT a, "id" FROM t ORDER BY id',
        "COMMIT",
    ),
    steps(
        "SET @a = 'others', @b = 17.5, @of_procedure = 1",
        "SELECT @a, @b, @missing",
        "SELECT CAST('other' AS SIGNED)",
        "SHOW WARNINGS",
        "SELECT @a, @b",
    ),
    steps(
        "SET group_concat_max_len = 4, sql_select_limit = 2, time_zone = '+05:00'",
        "SELECT id FROM t ORDER BY id",
        "SELECT GROUP_CONCAT(id) FROM t",
        "SELECT @@group_concat_max_len, @@time_zone, DATABASE()",
        "SELECT nothing FROM nowhere",
    ),
    steps(
        "USE test_diff_others_2",
        "INSERT INTO t (id, a) VALUES (7, 1) ON DUPLICATE KEY UPDATE "
        "id = LAST_INSERT_ID(id), a = 1 - a",
        "SELECT DATABASE(), LAST_INSERT_ID()",
        InitDb("test_diff_others"),
        "SELECT SQL_CALC_FOUND_ROWS a FROM t LIMIT 1",
        "SELECT FOUND_ROWS()",
    ),
    steps(
        Prepare("p", "SELECT ?, @@sql_mode, a FROM t WHERE id = ?"),
        Execute("p", ("text", 1)),
        Execute("p", ("text", 2)),
        Prepare("q", "SELECT ?, ? + 1"),
        Execute("q", (1.5, 2)),
        "SET sql_mode = 'NO_BACKSLASH_ESCAPES'",
        Execute("p", ("more", 1)),
        Reset(),
    ),
    steps(
        "CREATE TEMPORARY TABLE t (id INT, secret VARCHAR(20))",
        "INSERT INTO t VALUES (1, 'of others')",
        "SELECT * FROM t",
        "DROP TEMPORARY TABLE t",
        "SELECT COUNT(*) FROM t",
    ),
    steps(
        "SELECT GET_LOCK('others', 5)",
        "SELECT 1",
        "DO RELEASE_LOCK('others')",
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "START TRANSACTION READ ONLY",
        "DELETE FROM t",
        "COMMIT",
    ),
    steps(
        "SET lc_time_names = 'de_DE', character_set_results = NULL",
        "SELECT doubled(8), @of_function, MONTHNAME('2024-03-01')",
        "SET timestamp = 1000000",
        "SELECT UNIX_TIMESTAMP()",
        Reset(),
        "SELECT @of_function, UNIX_TIMESTAMP() > 1000000",
    ),
)
"""Each in schemas of its own; the names in the texts are those of the first round's letters."""


ROUNDS = 20
"""How often a client of the crowd goes through its script before it logs in anew."""


@attrs.define
class Crowd:
    """What the others did.

    Attributes:
        said: How many answers they compared.
        wrong: Where an answer was not the one that the server gives directly.
    """

    said: int = 0
    wrong: list[str] = attrs.field(factory=list)


@contextlib.contextmanager
def crowd(server: Server, port: int, size: int, capabilities: int) -> Iterator[Crowd]:
    """
    Keep so many clients busy for the length of a block.

    Raises:
        AssertionError: one of them got another answer than directly.
    """
    over = threading.Event()
    found = Crowd()
    members = []
    for number in range(size):
        stage = Stage(server, f"others{number}")
        script = _named(WAYS[number % len(WAYS)], stage)
        stage.play(server.port, script, capabilities)  # later rounds find what it leaves
        with stage.client(server.port, capabilities) as client:
            expected = [
                [lines(client, step, client.do(step)) for step in script] for _ in range(2)
            ]
        words = (stage, port, script, expected, capabilities, over, found)
        members.append(threading.Thread(target=_live, args=words))
    for member in members:
        member.start()
    try:
        yield found
    finally:
        over.set()
        for member in members:
            member.join(90)
    assert not found.wrong, "\n".join(found.wrong[:5])


@contextlib.contextmanager
def played_among(
    size: int,
    server: Server,
    folder: Path,
    *,
    shape: int,
    backends: int,
    workers: int = WORKERS,
    target: Any = None,
) -> Iterator[tuple[Stage, int]]:
    """A stage and the port of a proxy whose backends others use all the time.

    Args:
        size: How many others.
        server: Where the stage is.
        folder: For the proxy's configuration and log.
        shape: What the clients negotiate.
        backends: How many connections they share.
        workers: How many processes serve them.
        target: What the proxy stands in front of, where that is not the server itself.
    """
    pool = {"max_connections": backends, "connection_borrow_timeout": 30}
    with running_proxy(target or server, folder, pool=pool, workers=workers) as proxy:
        stage = Stage(server, "subject")
        with crowd(server, proxy.port, size, shape) as others:
            yield stage, proxy.port
            assert others.said > 0


def _named(script: Script, stage: Stage) -> Script:
    """The script with the names of this stage's schemas."""
    return [_renamed(step, stage) for step in script]


def _renamed(step: Step, stage: Stage) -> Step:
    field = "schema" if isinstance(step, InitDb) else "text"
    text = getattr(step, field, None)
    if text is None:
        return step
    text = text.replace("test_diff_others_2", stage.other)
    text = text.replace("test_diff_others", stage.schema)
    return attrs.evolve(step, **{field: text.replace("'others'", f"'{stage.schema}'")})


def _live(
    stage: Stage,
    port: int,
    script: Script,
    expected: list[list[list[str]]],
    capabilities: int,
    over: threading.Event,
    found: Crowd,
) -> None:
    try:
        while not over.is_set():
            with stage.client(port, capabilities) as client:
                for turn in range(ROUNDS):
                    if over.is_set() or not _round(client, script, expected[turn > 0], found):
                        break
    except Exception as error:  # noqa: BLE001 - told by the thread that made this one
        found.wrong.append(f"{stage.schema}: {error!r}")


def _round(client: Client, script: Script, expected: list[list[str]], found: Crowd) -> bool:
    for step, wanted in zip(script, expected, strict=True):
        heard = lines(client, step, client.do(step))
        found.said += 1
        if heard != wanted:
            found.wrong.append(f"{step}\n  directly: {wanted}\n  proxied:  {heard}")
            return False
    return True
