"""Each client tells a long story, of all that it can say, directly and through the proxy.

The stories are in ``clients``: programs that print a line for every answer.  Most run
``statements.sql`` as well.  Meanwhile others use the same few backends (`tests.support.crowd`).
"""

from __future__ import annotations

import difflib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs
import pytest

from proxy.embedded import Flavor, Server
from tests.support import drivers
from tests.support.crowd import crowd
from tests.support.process import ACCOUNTS

pytestmark = pytest.mark.live

RUN_SECONDS = 120
BACKENDS = 3
ONLY_ITS_OWN = re.compile(
    r"sec\)|sec$|^(?:Connection id|SSL|TCP port|Uptime|Threads|Current user|Using delimiter):"
)
"""Lines of the command line clients about clocks and connections."""


@attrs.frozen
class Story:
    """A client and what it runs.

    Attributes:
        words: Its command.
        environment: What it needs beside the settings.
        reads: A file that it reads from its standard input.
    """

    words: Sequence[str]
    environment: Mapping[str, str] = attrs.field(factory=dict)
    reads: Path | None = None


def script(name: str) -> str:
    return str(drivers.CLIENTS / name)


def mysqlclient() -> Story:
    words, environment = drivers.mysqlclient()
    more = {"MARIADB_PLUGIN_DIR": drivers.plugins()}
    return Story([*words, script("mysqldb_story.py")], environment | more)


def mysql2() -> Story:
    words, environment = drivers.node()
    return Story([*words, script("mysql2_story.js")], environment)


COMMAND_LINE = ["--no-defaults", "--local-infile=1", "-h127.0.0.1", "-uapp", "--force"]
COMMAND_LINE += ["--default-character-set=utf8mb4", "--comments", "--column-type-info", "-vvv"]


def command_line(flavor: Flavor) -> Story:
    """The client of each server's own makers: MySQL's has no native passwords any more."""
    text = drivers.CLIENTS / "cli_story.sql"
    if flavor is Flavor.MARIADB:
        return Story([*drivers.mariadb(), *COMMAND_LINE, "shop"], reads=text)
    more = ["--ssl-mode=DISABLED", "--get-server-public-key", "--commands=ON", "shop"]
    return Story([*drivers.mysql(), *COMMAND_LINE, *more], reads=text)


STORIES: Mapping[str, Callable[[Flavor], Story]] = {
    "PyMySQL": lambda _: Story([sys.executable, script("pymysql_story.py")]),
    "raw packets": lambda _: Story([sys.executable, script("raw_story.py")]),
    "mysqlclient": lambda _: mysqlclient(),
    "connector-python": lambda _: Story([sys.executable, script("connector_story.py"), "pure"]),
    "connector-python-c": lambda _: Story([sys.executable, script("connector_story.py"), "c"]),
    "mysql2": lambda _: mysql2(),
    "go-sql-driver": lambda _: Story(drivers.go("go_story.go")),
    "command line": command_line,
}


@attrs.frozen
class Difference:
    """What may differ, and why."""

    client: str
    label: str
    why: str
    flavor: Flavor | None = None

    def covers(self, client: str, flavor: Flavor, label: str) -> bool:
        """Whether it is about this line; the client and the label are patterns."""
        return (
            re.fullmatch(self.client, client) is not None
            and re.match(self.label, label) is not None
            and self.flavor in {None, flavor}
        )


DIFFERENCES = (
    Difference(
        ".*",
        r"SELECT LAST_INSERT_ID\(\) /\* an id that was given",
        why="An OK tells an id that the statement gave like one that the server made; only the "
        "latter is LAST_INSERT_ID(), and the proxy carries whatever the OK told.",
    ),
    Difference(
        ".*",
        r".*/\* others may come between",
        why="ROW_COUNT(), FOUND_ROWS() and errors are on the backend that ran the statement; "
        "without a pin another client may have used it since.",
    ),
    Difference(
        ".*",
        r"SHOW WARNINGS /\* of a statement before the last",
        why="MariaDB keeps warnings during a SELECT without tables; the pin ends with the "
        "statement behind the one that made them.",
        flavor=Flavor.MARIADB,
    ),
    Difference(
        "mysql2",
        r"SELECT \* FROM every_type|HANDLER",
        why="MariaDB's extended metadata, by which mysql2 tells JSON, are not offered.",
        flavor=Flavor.MARIADB,
    ),
    Difference(
        "mysql2",
        "COMMIT AND CHAIN",
        why="MySQL sets SERVER_SESSION_STATE_CHANGED without a report here, the proxy never.",
        flavor=Flavor.MYSQL,
    ),
    Difference(
        "raw packets",
        "execute after ALTER",
        why="A statement that is prepared anew on another backend has the new columns at once, "
        "so that the server does not say that they changed.",
    ),
    Difference(
        "raw packets",
        "after the refusal",
        why="MariaDB lets a client go on as it was whose COM_CHANGE_USER it refused; the proxy "
        "closes the connection as MySQL does.",
        flavor=Flavor.MARIADB,
    ),
)
"""Lines that may differ."""


def told(story: Story, server: Server, port: int, folder: Path) -> list[str]:
    """Run a client from a clean state; the lines that it prints."""
    stale = "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'test%'"
    for (name,) in server.execute(stale):
        if "crowd" not in name:
            server.execute(f"DROP DATABASE {name}")
    settings = {
        "STORY_HOST": "127.0.0.1",
        "STORY_PORT": str(port),
        "STORY_USER": "app",
        "STORY_PASSWORD": ACCOUNTS["app"],
        "STORY_FLAVOR": server.flavor.value,
        "STORY_SCRIPTS": str(drivers.CLIENTS),
        "MYSQL_PWD": ACCOUNTS["app"],
        "MYSQL_TCP_PORT": str(port),
        "LC_ALL": "C.UTF-8",
    }
    ran = subprocess.run(
        story.words,
        cwd=folder,
        # Stories in Python import what stands beside them, over the compiled form too.
        env={**os.environ, "PYTHONSAFEPATH": "", **story.environment, **settings},
        input=story.reads.read_bytes() if story.reads else b"",
        capture_output=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    lines = ran.stdout.decode("utf-8", "backslashreplace").splitlines()
    said = ran.stderr.decode("utf-8", "backslashreplace")
    if story.reads:  # an error does not end it: --force
        lines += said.splitlines()
    else:
        assert ran.returncode == 0, said
    assert len(lines) > 90, said or lines[-3:]
    return [line for line in lines if not ONLY_ITS_OWN.search(line)]


def is_known(name: str, flavor: Flavor, line: str) -> bool:
    """Whether a line may differ."""
    try:
        label = json.loads(line)[0]
    except (ValueError, TypeError, KeyError, IndexError):
        return False
    return any(known.covers(name, flavor, str(label)) for known in DIFFERENCES)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The folder in which clients run, with files for LOAD DATA LOCAL."""
    folder = tmp_path / "files"
    folder.mkdir()
    rows = "".join(f"{number}\tüx {number}\n" for number in range(1000, 41_000))
    for name, text in (("rows", rows), ("empty", ""), ("odd", "1\tone\tmore\nx\n")):
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize("name", STORIES)
def test_a_story_is_the_same(name, any_server, serve, files):
    """Line by line, but for the differences that are listed with their reasons."""
    flavor = any_server.flavor
    story = STORIES[name](flavor)
    # With a cold cache of passwords the first login asks for more than every client knows.
    any_server.connect(user="app", password=ACCOUNTS["app"]).close()
    any_server.connect(user="admin", password=ACCOUNTS["admin"]).close()
    proxy = serve(any_server, pool={"max_connections": BACKENDS})
    directly = told(story, any_server, any_server.port, files)
    with crowd(proxy):
        proxied = told(story, any_server, proxy.port, files)
    one, other = (
        [line for line in lines if not is_known(name, flavor, line)]
        for lines in (directly, proxied)
    )
    differences = difflib.unified_diff(one, other, "directly", "proxied", lineterm="", n=0)
    assert not (text := "\n".join(line[:600] for line in differences)), text
