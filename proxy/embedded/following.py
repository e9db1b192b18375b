"""How one server follows another: by GTID, quick to notice that its source is gone."""

from typing import Any

from proxy.embedded.distribution import Flavor
from proxy.embedded.errors import ServerFailedError
from proxy.embedded.server import Server

CAUGHT_UP_LIMIT_SECONDS = 30.0
REPLICATION_USER = "replication"


def follow(replica: Server, primary: Server, replication_password: str) -> None:
    """
    Make a server replicate from another, from the last transaction it has itself.

    Args:
        replica: has nothing that the primary has not; if it followed another server, or led
            others itself, it stops doing so.
        primary: its new source.
        replication_password: of the account `REPLICATION_USER` on the primary.
    """
    if replica.flavor is Flavor.MYSQL:
        replica.execute(
            "STOP REPLICA",
            f"CHANGE REPLICATION SOURCE TO SOURCE_HOST = '{primary.host}', "
            f"SOURCE_PORT = {primary.port}, SOURCE_USER = '{REPLICATION_USER}', "
            f"SOURCE_PASSWORD = '{replication_password}', SOURCE_AUTO_POSITION = 1, "
            "SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 86400, "
            "SOURCE_HEARTBEAT_PERIOD = 1, "
            # Without TLS, caching_sha2_password needs the primary's RSA key.
            "GET_SOURCE_PUBLIC_KEY = 1",
            "START REPLICA",
        )
        return
    replica.execute(
        "STOP SLAVE",
        # What a server wrote itself as a primary is in its binary log alone.
        "SET GLOBAL gtid_slave_pos = @@GLOBAL.gtid_binlog_pos",
        f"CHANGE MASTER TO MASTER_HOST = '{primary.host}', MASTER_PORT = {primary.port}, "
        f"MASTER_USER = '{REPLICATION_USER}', MASTER_PASSWORD = '{replication_password}', "
        "MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1, MASTER_HEARTBEAT_PERIOD = 1",
        "START SLAVE",
    )


def delay(replica: Server, seconds: int) -> None:
    """
    Make a replica apply what its primary commits only that much later; 0 ends it.

    It still receives everything at once.
    """
    if replica.flavor is Flavor.MYSQL:
        replica.execute(
            "STOP REPLICA SQL_THREAD",
            f"CHANGE REPLICATION SOURCE TO SOURCE_DELAY = {seconds}",
            "START REPLICA SQL_THREAD",
        )
        return
    replica.execute("STOP SLAVE", f"CHANGE MASTER TO MASTER_DELAY = {seconds}", "START SLAVE")


def stop_following(replica: Server, limit_seconds: float = CAUGHT_UP_LIMIT_SECONDS) -> None:
    """
    Apply what a replica has received, then make it forget its primary.

    Args:
        replica: may also follow nobody. A delay is cut short on MySQL; MariaDB throws away
            what it has received when its delay is changed, so that it is waited for there.
        limit_seconds: how long the applying may take, beside a delay.

    Raises:
        ServerFailedError: it took longer; the replica still has what it has received.
    """
    told = status(replica)
    if not told:
        return
    if replica.flavor is Flavor.MYSQL:
        # Before its receiver stops: with both threads stopped the relay log would go.
        if told["SQL_Delay"]:
            delay(replica, 0)
        replica.execute("STOP REPLICA IO_THREAD")
        received = str(status(replica)["Retrieved_Gtid_Set"]).replace("\n", "")
        _wait_for(replica, received, limit_seconds)
        replica.execute("STOP REPLICA", "RESET REPLICA ALL")
        return
    replica.execute("STOP SLAVE IO_THREAD")
    received = str(status(replica)["Gtid_IO_Pos"])
    _wait_for(replica, received, limit_seconds + int(told["SQL_Delay"]))
    replica.execute("STOP SLAVE", "RESET SLAVE ALL")


def wait_until_caught_up(
    replica: Server, primary: Server, limit_seconds: float = CAUGHT_UP_LIMIT_SECONDS
) -> None:
    """
    Wait until a replica has what its primary has committed by now.

    Raises:
        ServerFailedError: it has not in time; its own words are told.
    """
    name = "gtid_executed" if replica.flavor is Flavor.MYSQL else "gtid_binlog_pos"
    [[position]] = primary.execute(f"SELECT @@GLOBAL.{name}")
    _wait_for(replica, position, limit_seconds)


def has_more(server: Server, primary: Server) -> bool:
    """
    Whether a server has transactions that another has not, so that it cannot follow it.

    MariaDB numbers transactions in one row, whoever wrote them. So each server's newest one
    has to be among those that the other knows of the same writer.
    """
    if server.flavor is Flavor.MYSQL:
        [[own]] = server.execute("SELECT @@GLOBAL.gtid_executed")
        [[within]] = primary.execute(f"SELECT GTID_SUBSET('{own}', @@GLOBAL.gtid_executed)")
        return not within
    [[own]] = server.execute("SELECT @@GLOBAL.gtid_binlog_pos")
    [[known]] = primary.execute("SELECT @@GLOBAL.gtid_binlog_state")
    newest = _numbers(known)
    return any(newest.get(writer, 0) < number for writer, number in _numbers(own).items())


def status(replica: Server) -> dict[str, Any]:
    """What a replica says of its replication, by column; empty where it follows nobody."""
    mysql = replica.flavor is Flavor.MYSQL
    with replica.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW REPLICA STATUS" if mysql else "SHOW SLAVE STATUS")
        row = cursor.fetchone()
        assert cursor.description is not None
        names = [column[0] for column in cursor.description]
    return dict(zip(names, row, strict=True)) if row else {}


def _wait_for(replica: Server, position: str, limit_seconds: float) -> None:
    if replica.flavor is Flavor.MYSQL:
        question = f"SELECT WAIT_FOR_EXECUTED_GTID_SET('{position}', {limit_seconds})"
    else:
        question = f"SELECT MASTER_GTID_WAIT('{position}', {limit_seconds})"
    [[answer]] = replica.execute(question)
    if answer != 0:
        told = status(replica)
        own_words = told.get("Last_IO_Error") or told.get("Last_SQL_Error")
        raise ServerFailedError(
            f"The replica on port {replica.port} did not catch up within "
            f"{limit_seconds:g} s: {own_words or 'it told no error'}."
        )


def _numbers(position: str) -> dict[str, int]:
    """The newest transaction of each domain and server in MariaDB's ``0-1-7,0-2-9``."""
    parts = (part.rpartition("-") for part in position.split(",") if part)
    return {writer: int(number) for writer, _, number in parts}
