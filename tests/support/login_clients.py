"""Clients that log in many times: each gets a list of logins and gives a list of outcomes."""

from __future__ import annotations

import enum
import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs

from tests.support import drivers

RUN_SECONDS = 180
AT_ONCE = 2
"""Command line clients that run at once: each login is a process of its own."""

CLIENT_HAS_TO_SEND_IT = 2061
"""MySQL's client: the server wants the password itself, and nothing hides it on the way."""

_ERROR = re.compile(r"^ERROR (\d+)", re.MULTILINE)


class Driver(enum.Enum):
    """A client."""

    PYMYSQL = "PyMySQL"
    MYSQL = "mysql"
    CONNECTOR = "mysql-connector-python"
    MYSQL2 = "mysql2"


@attrs.frozen
class Login:
    """What a client is asked for.

    Attributes:
        port: Where, on this machine.
        user: As whom.
        password: What it shows; a token maybe.
        ca: The authority that has to have signed the server's certificate, made for this
            machine; empty: no TLS.
        clear: Whether it may send the password in clear, and does so where it has the choice.
        native: Whether it is to prove it by mysql_native_password.
        size: Bytes of the parameter that it sends and gets back.
    """

    port: int
    user: str
    password: str = attrs.field(repr=False)
    ca: str = ""
    clear: bool = False
    native: bool = False
    size: int = 100_000


@attrs.frozen
class Outcome:
    """What came of it.

    Attributes:
        user: CURRENT_USER(), when the client was let in.
        echoed: Whether its parameter came back as it was.
        tls: The version of TLS between server and proxy, as the server sees it.
        error: The number of the error; 0 of one that has none.
        message: Its text.
    """

    user: str = ""
    echoed: bool = False
    tls: str = ""
    error: int | None = None
    message: str = ""


def run(driver: Driver, logins: Sequence[Login]) -> list[Outcome]:
    """Let a client log in again and again; the outcomes in the same order.

    Raises:
        AssertionError: the client broke down.
    """
    if not logins:
        return []
    if driver is Driver.MYSQL:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(_command_line, logins))
    words, environment = _program(driver)
    ran = subprocess.run(
        words,
        env={**os.environ, **environment},
        input=json.dumps([attrs.asdict(login) for login in logins]),
        capture_output=True,
        encoding="utf-8",
        timeout=RUN_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    outcomes: list[dict[str, Any]] = json.loads(ran.stdout)
    assert len(outcomes) == len(logins), ran.stderr
    return [Outcome(**outcome) for outcome in outcomes]


def _program(driver: Driver) -> tuple[list[str], dict[str, str]]:
    if driver is Driver.MYSQL2:
        node, environment = drivers.node()
        return [*node, str(drivers.CLIENTS / "matrix_mysql2.js")], environment
    module = "pymysql" if driver is Driver.PYMYSQL else "mysql.connector"
    return [sys.executable, str(drivers.CLIENTS / "matrix_dbapi.py"), module], {}


@functools.cache
def _command_line_clients() -> tuple[list[str], list[str], str]:
    """MySQL's and MariaDB's, and the folder of the latter's plugins: looked for only once."""
    return drivers.mysql(), drivers.mariadb(), drivers.plugins()


def is_cached(login: Login) -> Outcome:
    """Log in by MySQL's client without TLS and without asking for the server's key.

    It cannot send the password itself then: it comes in only where the server needs a proof.
    """
    return _run_command_line(login)


def _command_line(login: Login) -> Outcome:
    return _run_command_line(login, *(() if login.native else ("--get-server-public-key",)))


def _run_command_line(login: Login, *more: str) -> Outcome:
    """Run MySQL's client or, as that has no native passwords any more, MariaDB's."""
    mysql, mariadb, plugins = _command_line_clients()
    if login.native:
        client, tls = mariadb, ["--skip-ssl"]
        if login.ca:
            tls = ["--ssl", f"--ssl-ca={login.ca}", "--ssl-verify-server-cert"]
    else:
        client, tls = mysql, ["--ssl-mode=DISABLED"]
        if login.ca:
            tls = ["--ssl-mode=VERIFY_IDENTITY", f"--ssl-ca={login.ca}"]
        if login.clear:
            tls += ["--enable-cleartext-plugin", "--default-auth=mysql_clear_password"]
    fixed = ["--no-defaults", "--batch", "--skip-column-names", "-h127.0.0.1"]
    text = "x" * login.size
    statements = (f"SELECT CURRENT_USER(), '{text}'", "SHOW SESSION STATUS LIKE 'Ssl_version'")
    ran = subprocess.run(
        [*client, *fixed, f"-P{login.port}", f"-u{login.user}", *tls, *more],
        env={
            **os.environ,
            "MYSQL_PWD": login.password,
            "MARIADB_PLUGIN_DIR": plugins,
        },
        input=";\n".join(statements),
        capture_output=True,
        encoding="utf-8",
        timeout=RUN_SECONDS,
        check=False,
    )
    if ran.returncode:
        number = _ERROR.search(ran.stderr)
        return Outcome(error=int(number[1]) if number else 0, message=ran.stderr)
    answer, status = ran.stdout.splitlines()
    user, _, back = answer.partition("\t")
    return Outcome(user=user, echoed=back == text, tls=status.partition("\t")[2])
