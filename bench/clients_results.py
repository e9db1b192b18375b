"""Large results, read to the end by MariaDB's client and thrown away."""

from __future__ import annotations

import subprocess
import time
from typing import Final

from bench import machine, tools
from bench.clients_sysbench import LoadFailedError
from bench.peers import Running
from bench.report import Sample
from bench.site import PASSWORD, SCHEMA, USER
from proxy.embedded import Server

NUMBERS: Final = "thousand"

WIDE: Final = f"SELECT REPEAT('x', 1000) FROM {NUMBERS} a JOIN {NUMBERS} b ON b.n < 180"
"""180,000 rows, 180 MB."""

NARROW: Final = f"SELECT a.n FROM {NUMBERS} a, {NUMBERS} b JOIN {NUMBERS} c ON c.n < 2"
"""Two million rows of one small number."""

_LIMIT_SECONDS = 120.0


def prepare(server: Server) -> None:
    """Make the table that the large results are joined from."""
    server.execute(
        f"CREATE TABLE {SCHEMA}.{NUMBERS} (n INT NOT NULL PRIMARY KEY)",
        f"INSERT INTO {SCHEMA}.{NUMBERS} WITH RECURSIVE counted (n) AS "
        "(SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n < 999) SELECT n FROM counted",
    )


def read(client: tools.Program, running: Running, statement: str) -> Sample:
    """The seconds from the client's start to its end.

    Raises:
        LoadFailedError: the client ended with an error.
    """
    command = (
        *client.command,
        "--no-defaults",
        "--skip-ssl",
        f"--host={running.host}",
        f"--port={running.port}",
        f"--user={USER}",
        f"--password={PASSWORD}",
        "--quick",
        "--raw",
        "--batch",
        "--skip-column-names",
        f"--execute={statement}",
        SCHEMA,
    )
    used = machine.cpu_seconds(running.pid) if running.pid else 0.0
    began = time.monotonic()
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=tools.environment_of(client),
            timeout=_LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LoadFailedError(f"no end within {_LIMIT_SECONDS:.0f} s") from error
    took = time.monotonic() - began
    if done.returncode:
        raise LoadFailedError(done.stderr.strip() or f"the client ended with {done.returncode}")
    return Sample(took, machine.cpu_seconds(running.pid) - used if running.pid else None)
