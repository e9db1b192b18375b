"""A real writer with two readers, and clients of a proxy that write here and read there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymysql
from pymysql.constants import CLIENT

from proxy.embedded import Flavor, LocalServer, ReplicatedServers, start_replicated
from proxy.embedded.following import delay
from tests.support.failing_over import Watching, heal, prepare, proxy_before

OWN_WRITES: dict[str, Any] = {"read_your_writes": True}
LONG_SECONDS = 3600

ROUTINES = (
    "CREATE TABLE shop.v (id INT PRIMARY KEY, v INT)",
    "INSERT INTO shop.v VALUES (1, 0)",
    "CREATE PROCEDURE shop.put(n INT) UPDATE shop.v SET v = n",
    (
        "CREATE PROCEDURE shop.put_and_fail(n INT) "
        "BEGIN UPDATE shop.v SET v = n; SIGNAL SQLSTATE '45000'; END"
    ),
    (
        "CREATE FUNCTION shop.putting(n INT) RETURNS INT DETERMINISTIC "
        "BEGIN UPDATE shop.v SET v = n; RETURN n; END"
    ),
)


@contextlib.contextmanager
def with_readers(flavor: Flavor) -> Iterator[ReplicatedServers]:
    """A primary and two replicas, with a table of one number."""
    with start_replicated(flavor, 2) as group:
        prepare(group.primary)
        if flavor is Flavor.MYSQL:
            group.primary.execute("SET GLOBAL log_bin_trust_function_creators = 1")
        group.primary.execute(*ROUTINES)
        group.wait_until_caught_up()
        yield group


def mend(group: ReplicatedServers) -> None:
    """Let all run, and replicate without a delay."""
    for replica in group.replicas:
        if not replica.is_running():
            replica.start()
        put_off(replica, 0)
    heal(group)


@contextlib.contextmanager
def proxy_with_readers(
    group: ReplicatedServers, folder: Path, **settings: Any
) -> Iterator[Watching]:
    """A proxy that knows all of them; the settings are those of `proxy_before`."""
    with proxy_before(group.servers, folder, **settings) as proxy:
        proxy.wait_until_well()
        for replica in group.replicas:
            proxy.wait_until_follows(replica)
        yield proxy


def put_off(replica: LocalServer, seconds: int) -> None:
    """Let a replica apply what it gets that much later; 0: at once, whatever was before."""
    word = "REPLICA" if replica.flavor is Flavor.MYSQL else "SLAVE"
    replica.execute(f"STOP {word}")
    delay(replica, seconds)
    replica.execute(f"START {word}")


def ask(client: Any, text: str, *values: Any) -> Any:
    """Run a statement, or several; the rows of the first one."""
    with client.cursor() as cursor:
        cursor.execute(text, values or None)
        rows = cursor.fetchall()
        while cursor.nextset():
            pass
    return rows


def hear(client: Any, text: str) -> int:
    """Run a statement; the code of its error, 0 for none."""
    try:
        ask(client, text)
    except pymysql.MySQLError as error:
        return int(error.args[0])
    return 0


def reading(proxy: Watching, **options: Any) -> Any:
    """A client that reads."""
    return contextlib.closing(proxy.connect(port=proxy.readers_port, **options))


def writing(proxy: Watching, **options: Any) -> Any:
    """A client that writes."""
    options.setdefault("client_flag", CLIENT.MULTI_STATEMENTS)
    return contextlib.closing(proxy.connect(**options))
