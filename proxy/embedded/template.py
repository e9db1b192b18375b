"""Data folders that were initialised once, to be copied for each server."""

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from proxy.embedded.cache import cache_folder, make_once
from proxy.embedded.distribution import Distribution, Flavor
from proxy.embedded.errors import ServerFailedError
from proxy.embedded.settings import as_options, settings_for

_LIMIT_SECONDS = 180.0

_MARIADB_SCRIPTS = (
    "system_tables",
    "performance_tables",
    "system_tables_data",
    "maria_add_gis_sp_bootstrap",
    "sys_schema",
)
"""What mariadb-install-db feeds to the server, in its order, without the help tables."""

_MYSQL_KEYS = (
    "ca.pem",
    "server-cert.pem",
    "server-key.pem",
    "private_key.pem",
    "public_key.pem",
)
"""TLS and, for caching_sha2_password without TLS, RSA."""

_INIT_SETTINGS = ("character-set-server", "innodb-redo-log-capacity", "innodb-log-file-size")


def new_data_folder(
    distribution: Distribution, into: Path, progress: Callable[[str], None]
) -> None:
    """
    Fill a new data folder with the system tables and the account ``root@localhost``.

    The account has no password: the caller keeps the server's socket where nobody else can
    reach it. The first call for a distribution takes seconds, later ones copy its result.

    Args:
        distribution: whose tables.
        into: a folder that does not exist yet.
        progress: is told that the first call will take its time.

    Raises:
        ServerFailedError: the server cannot initialise its tables; its last words are told.
    """
    settings = settings_for(distribution.flavor, max_connections=10)
    kept = {name: settings[name] for name in _INIT_SETTINGS if name in settings}

    def initialise(folder: Path) -> None:
        progress(f"initialising a data folder for {distribution}")
        _initialise(distribution, (*as_options(kept), f"--datadir={folder}"), folder)

    template = cache_folder() / "templates" / _name(distribution, kept) / "data"
    make_once(template, initialise, _LIMIT_SECONDS, progress)
    shutil.copytree(template, into)
    # A server's identity: two replicas with the same one disconnect each other.
    (into / "auto.cnf").unlink(missing_ok=True)


def _name(distribution: Distribution, kept: Mapping[str, str]) -> str:
    """A folder name that changes when the programs or the settings do."""
    state = distribution.server.stat()
    own = f"{distribution.server} {state.st_size} {state.st_mtime_ns} {sorted(kept.items())}"
    digest = hashlib.sha256(own.encode()).hexdigest()[:8]
    return f"{distribution.flavor.value}-{distribution.version}-{digest}"


def _initialise(distribution: Distribution, options: tuple[str, ...], data: Path) -> None:
    if distribution.flavor is Flavor.MARIADB:
        options = ("--bootstrap", *options, "--enforce-storage-engine=")
        _run(distribution, options, _mariadb_tables(distribution))
        return
    _run(distribution, ("--initialize-insecure", *options), "")
    missing = [name for name in _MYSQL_KEYS if not (data / name).is_file()]
    if missing:
        raise ServerFailedError(
            f"{distribution} initialised its data folder without {missing[0]}, which only "
            "a server without OpenSSL does."
        )


def _mariadb_tables(distribution: Distribution) -> str:
    """The SQL that makes MariaDB's system tables, one account in them."""
    if distribution.share is None:
        raise ServerFailedError(
            f"The SQL of the system tables of {distribution} was not found beside it; "
            "install the server's whole package."
        )
    parts = ["CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n"]
    for script in _MARIADB_SCRIPTS:
        # MariaDB 11 renamed them.
        names = (f"mariadb_{script}.sql", f"mysql_{script}.sql", f"{script}.sql")
        found = [name for name in names if (distribution.share / name).is_file()]
        if not found:
            raise ServerFailedError(
                f"{names[0]} is missing in {distribution.share}; install the server's "
                "whole package."
            )
        parts.append((distribution.share / found[0]).read_text("utf-8"))
    # The scripts also make accounts without a password for TCP, which anybody can reach.
    parts.append("DELETE FROM mysql.global_priv WHERE Host <> 'localhost' OR User = '';\n")
    return "\n".join(parts)


def _run(distribution: Distribution, options: tuple[str, ...], text: str) -> None:
    command = distribution.server_command(*options)
    try:
        answer = subprocess.run(  # noqa: S603 - the path was found by this package
            command,
            input=text,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LIMIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerFailedError(
            f"{distribution} cannot make a data folder: {error}."
        ) from error
    if answer.returncode != 0:
        raise ServerFailedError(
            f"{distribution} could not initialise its data folder (exit status "
            f"{answer.returncode}); it said:\n{last_words(answer.stderr or answer.stdout)}"
        )


def last_words(text: str, lines: int = 8) -> str:
    """The end of a log that is told to a person: errors if there are any, else the tail."""
    told = text.strip().splitlines()
    errors = [line for line in told if "[ERROR]" in line]
    return "\n".join((errors or told)[-lines:])
