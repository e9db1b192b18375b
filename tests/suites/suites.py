"""What a suite is, and how it is run once against one port."""

from __future__ import annotations

import abc
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import attrs

from proxy.embedded import Server
from tests.suites.programs import Programs

USER: Final = "suite"
PASSWORD: Final = "suite-secret-1"
SCHEMAS: Final = ("test", "test_schema", "test_schema_2")
LEFT_OVER: Final = (*SCHEMAS, "test_default", "test_other")

RUN_SECONDS: Final = 1800

TOO_MANY_AT_ONCE: Final = ("test_lambda_concurrency",)
"""Tests of SQLAlchemy's that keep ten transactions open until the tenth has run a statement."""


@attrs.frozen
class Suite(abc.ABC):
    """Tests of other makers that need a server.

    Attributes:
        title: Its line in the table.
        tests: Which of its tests; words of its own command line.
    """

    title: str
    tests: Sequence[str]

    def run(self, programs: Programs, port: int, folder: Path) -> dict[str, str]:
        """Run it against a server on a port of the loopback interface.

        Args:
            programs: Where it is.
            port: Where `USER` can log in.
            folder: Where what it prints goes, as ``output.txt``.

        Returns:
            For each test ``passed``, ``failed`` or ``skipped``.

        Raises:
            RuntimeError: It did not come to its end.
        """
        folder.mkdir(parents=True)
        outcomes = folder / "outcomes.xml"
        with (folder / "output.txt").open("wb") as output:
            self._start(programs, port, outcomes, output)
        if not outcomes.exists():
            tail = (folder / "output.txt").read_text("utf-8", "replace")[-4000:]
            raise RuntimeError(f"{self.title} did not come to its end:\n{tail}")
        return _read(outcomes)

    @abc.abstractmethod
    def _start(self, programs: Programs, port: int, outcomes: Path, output: Any) -> None:
        """Run it to its end."""


class SqlAlchemy(Suite):
    """SQLAlchemy's tests that are marked as ones that need a server."""

    def _start(self, programs: Programs, port: int, outcomes: Path, output: Any) -> None:
        account = f"{USER}:{PASSWORD}@127.0.0.1:{port}"
        words = [
            *("-m", "pytest", "-q", "-p", "no:cacheprovider", "--maxfail=1000000"),
            *("--backend-only", "--disable-asyncio", f"--junitxml={outcomes}"),
            f"--dburi=mysql+pymysql://{account}/test?charset=utf8mb4&ssl_disabled=true",
            *("-k", " and ".join(f"not {name}" for name in TOO_MANY_AT_ONCE)),
            *self.tests,
        ]
        _run([str(programs.python), *words], programs.sqlalchemy, {}, output)


class Django(Suite):
    """Django's tests, by the names of their folders."""

    def _start(self, programs: Programs, port: int, outcomes: Path, output: Any) -> None:
        words = ["runtests.py", "--parallel=1", "--noinput", "--settings=django_settings"]
        environment = {
            "PYTHONPATH": str(Path(__file__).parent),
            "SUITE_PORT": str(port),
            "SUITE_USER": USER,
            "SUITE_PASSWORD": PASSWORD,
            "SUITE_OUTCOMES": str(outcomes),
        }
        command = [str(programs.python), *words, *self.tests]
        _run(command, programs.django / "tests", environment, output)


def _read(outcomes: Path) -> dict[str, str]:
    """Read a report in the form of JUnit's."""
    found: dict[str, str] = {}
    words = {"failure": "failed", "error": "failed", "skipped": "skipped"}
    for case in ET.parse(outcomes).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        outcome = next((words[part.tag] for part in case if part.tag in words), "passed")
        # A test stands there again for its teardown, and for each part of it that fails.
        if found.get(name) != "failed":
            found[name] = outcome
    return found


def _run(
    words: Sequence[str], folder: Path, environment: Mapping[str, str], output: Any
) -> None:
    subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        timeout=RUN_SECONDS,
        check=False,  # some tests fail without the proxy too
    )


def clean(server: Server) -> None:
    """Leave nothing of an earlier run, and make the schemas that SQLAlchemy wants."""
    server.execute(
        *(f"DROP DATABASE IF EXISTS {name}" for name in LEFT_OVER),
        *(f"CREATE DATABASE {name} CHARACTER SET utf8mb4" for name in SCHEMAS),
    )


SHORT: Final = (
    SqlAlchemy("SQLAlchemy: dialect", ("test/dialect/mysql", "test/dialect/test_suite.py")),
    Django("Django: basics", ("backends", "basic", "transactions", "transaction_hooks")),
)
"""What speaks most of what is special about MySQL; three minutes on two servers."""

LONG: Final = (
    SqlAlchemy("SQLAlchemy: engine, sql", ("test/engine", "test/sql")),
    SqlAlchemy("SQLAlchemy: orm", ("test/orm",)),
    Django(
        "Django: queries, schema",
        (
            *("aggregation", "annotations", "async", "bulk_create", "cache", "constraints"),
            *("custom_pk", "datatypes", "db_functions", "delete", "expressions", "fixtures"),
            *("get_or_create", "indexes", "inspectdb", "introspection", "lookup"),
            *("many_to_many", "model_fields", "multiple_database", "queries", "raw_query"),
            *("schema", "select_for_update", "servers", "test_utils", "timezones"),
        ),
    ),
)
"""What there is beyond that; another quarter of an hour."""
