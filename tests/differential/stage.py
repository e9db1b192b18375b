"""Where scripts play: schemas that are the same before each run, and clients of them.

Each part has a letter, two schemas and named locks of its own, so that parts played at the same
time do not meet in the server, only in the proxy's few backends.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from proxy.embedded import Flavor, Server
from tests.differential import speaker as wire
from tests.differential.answers import lines
from tests.differential.script import Client, Script
from tests.differential.speaker import Speaker
from tests.support.process import ACCOUNTS

OLD = wire.MULTI_STATEMENTS
NEW = wire.MULTI_STATEMENTS | wire.DEPRECATE_EOF | wire.SESSION_TRACK
"""What clients negotiate: PyMySQL's generation, and libmysqlclient's."""

COLLATIONS = {"utf8mb4": 45, "latin1": 8}

_TABLES = (
    "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a INT, b VARCHAR(20))",
    "CREATE TABLE u (id INT PRIMARY KEY, a TINYINT, b VARCHAR(3) NOT NULL)",
    "CREATE TABLE watched (id INT)",
)
_PROGRAMS = (
    "CREATE PROCEDURE sets() SET group_concat_max_len = 777, @of_procedure = 'p'",
    "CREATE PROCEDURE tells(IN n INT) SELECT n, @a, DATABASE(), @@sql_mode",
    "CREATE PROCEDURE counts(OUT n INT) SELECT COUNT(*) INTO n FROM t",
    "CREATE PROCEDURE warns() SELECT CAST('x' AS SIGNED), LAST_INSERT_ID()",
    "CREATE PROCEDURE begins() START TRANSACTION",
    "CREATE PROCEDURE inserts() INSERT INTO t (a) VALUES (1000)",
    "CREATE PROCEDURE prepares() BEGIN PREPARE of_procedure FROM 'SELECT 11'; END",
    "CREATE PROCEDURE makes() CREATE TEMPORARY TABLE IF NOT EXISTS made (id INT)",
    """CREATE FUNCTION doubled(n INT) RETURNS INT DETERMINISTIC
        BEGIN SET @of_function = n; RETURN 2 * n; END""",
    """CREATE FUNCTION changes() RETURNS INT DETERMINISTIC
        BEGIN SET SESSION div_precision_increment = 7; RETURN 1; END""",
    "CREATE TRIGGER seen BEFORE INSERT ON watched FOR EACH ROW SET @of_trigger = NEW.id",
)
_CLEARED = (
    "DROP TABLE IF EXISTS x, y",
    "TRUNCATE t",
    "TRUNCATE u",
    "TRUNCATE watched",
    "INSERT INTO t (a, b) VALUES (1, 'one'), (2, 'two'), (3, NULL)",
    "INSERT INTO u VALUES (1, 1, 'a'), (2, 2, 'b')",
)
ROWS = 3


class Stage:
    """The schemas of one part, on one server."""

    def __init__(self, server: Server, letter: str) -> None:
        self.server = server
        self.schema, self.other = f"test_diff_{letter}", f"test_diff_{letter}_2"
        server.execute(
            *(f"DROP DATABASE IF EXISTS {name}" for name in (self.schema, self.other)),
            *(f"CREATE DATABASE {name}" for name in (self.schema, self.other)),
            f"USE {self.schema}",
            *_TABLES,
            *_PROGRAMS,
            f"CREATE TABLE {self.other}.t (id INT AUTO_INCREMENT PRIMARY KEY, a INT)",
        )

    def clear(self) -> None:
        """All tables are as in the beginning."""
        self.server.execute(
            f"USE {self.schema}",
            *_CLEARED,
            f"TRUNCATE {self.other}.t",
            f"DROP TABLE IF EXISTS {self.other}.x",
        )

    @contextlib.contextmanager
    def client(
        self, port: int, capabilities: int, charset: str = "utf8mb4"
    ) -> Iterator[Client]:
        """Log in at a port, with the stage's schema."""
        where: dict[str, Any] = {"host": "127.0.0.1", "port": port, "charset": charset}
        account = {"user": "app", "password": ACCOUNTS["app"], "database": self.schema}
        with Speaker(capabilities, read_timeout=60, **where, **account) as speaker:
            yield Client(speaker)

    def play(self, port: int, script: Script, capabilities: int = NEW) -> list[list[str]]:
        """Play a script from the beginning; what the client hears after each step."""
        self.clear()
        with self.client(port, capabilities) as client:
            return [lines(client, step, client.do(step)) for step in script]


def is_mariadb(server: Server) -> bool:
    """Whether the server is MariaDB's."""
    return server.flavor is Flavor.MARIADB
