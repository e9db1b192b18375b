"""The settings of servers that are started to try things on: small, quick, disposable."""

import os

from proxy.embedded.certificates import CertificateFiles
from proxy.embedded.distribution import Flavor

_BOTH = {
    "bind-address": "127.0.0.1",
    "character-set-server": "utf8mb4",
    "innodb-buffer-pool-size": "64M",
    # Handed to the operating system at every commit but not forced to the disk: a killed
    # server loses nothing, which tests of failover need; a power cut may.
    "innodb-flush-log-at-trx-commit": "2",
    "innodb-doublewrite": "OFF",
    "innodb-log-buffer-size": "8M",
    "local-infile": "ON",
    "log-bin": "binlog",
    "max-allowed-packet": "64M",
    # Accounts are matched by address: no wait for a name server.
    "skip-name-resolve": "ON",
    "sync-binlog": "0",
    "table-definition-cache": "400",
    "table-open-cache": "400",
}

_MYSQL = {
    "collation-server": "utf8mb4_0900_ai_ci",
    "enforce-gtid-consistency": "ON",
    "gtid-mode": "ON",
    "innodb-redo-log-capacity": "32M",
    "innodb-dedicated-server": "OFF",
    # A replica notices within seconds that its primary is silent; "loose", as the name is
    # that of MySQL 8.0.26 and later.
    "loose-replica-net-timeout": "4",
    "mysqlx": "OFF",
    # The proxy reads session_variables here; the instruments' memory is kept small.
    "performance-schema": "ON",
    "performance-schema-digests-size": "500",
    "performance-schema-error-size": "0",
    "performance-schema-events-statements-history-long-size": "100",
    "performance-schema-events-stages-history-long-size": "100",
    "performance-schema-events-waits-history-long-size": "100",
    "performance-schema-events-transactions-history-long-size": "100",
}

_MARIADB = {
    "binlog-format": "ROW",
    "gtid-strict-mode": "ON",
    "innodb-log-file-size": "32M",
    "log-slave-updates": "ON",
    "performance-schema": "OFF",
    "slave-net-timeout": "4",
}


def settings_for(flavor: Flavor, max_connections: int) -> dict[str, str]:
    """
    The settings every embedded server of this flavor starts with, by option name.

    The binary log is written with GTIDs everywhere: a primary needs no restart to get
    replicas, and MySQL's tracker can report GTIDs.
    """
    own = _MYSQL if flavor is Flavor.MYSQL else _MARIADB
    return {**_BOTH, **own, "max-connections": str(max_connections)}


def tls_settings(files: CertificateFiles) -> dict[str, str]:
    """
    The settings with which a server of either flavor shows a certificate, by option name.

    It trusts clients' certificates of the same authority. The paths are absolute: a server
    changes to its data folder.
    """
    paths = {"ssl-ca": files.ca, "ssl-cert": files.certificate, "ssl-key": files.key}
    return {name: str(path.absolute()) for name, path in paths.items()}


def as_options(settings: dict[str, str]) -> tuple[str, ...]:
    """Command-line words for settings; as root the server must be told to stay root."""
    if os.geteuid() == 0:
        settings = {"user": "root", **settings}
    return tuple(f"--{name}={value}" for name, value in settings.items())
