import re
import signal
import subprocess
import sys
from pathlib import Path

import pymysql
import pytest

pytestmark = pytest.mark.live


@pytest.fixture
def command():
    """Runs the module with options; it is killed at the end if it still runs."""
    started = []

    def run(*options):
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "proxy.embedded", *options],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parents[2],
            )
        )
        return started[-1]

    yield run
    for body in started:
        body.kill()
        body.communicate(timeout=30)


def read_until(body, word):
    lines = []
    for line in body.stdout:
        lines.append(line)
        if word in line:
            break
    return "".join(lines)


def printed_calls(text):
    """Evaluates the connect lines as a reader would who pastes them."""
    return [
        eval(call, {"pymysql": pymysql}) for call in re.findall(r"pymysql\.connect.*", text)
    ]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_printed_lines_connect_until_the_signal(command, ending):
    """The lines printed for the primary and its replica work as printed."""
    body = command("--flavor", "mariadb", "--replicas", "1")
    text = read_until(body, "Ctrl-C")
    connections = printed_calls(text)
    assert len(connections) == 2
    for connection in connections:
        with connection:
            assert connection.cursor().execute("SELECT 1") == 1
    body.send_signal(ending)
    assert body.wait(30) == 0


def test_server_that_ends_by_itself_ends_the_command(command):
    """The command does not wait beside a server that is gone."""
    body = command("--flavor", "mariadb")
    [connection] = printed_calls(read_until(body, "Ctrl-C"))
    with connection:
        connection.cursor().execute("SHUTDOWN")
    assert body.wait(30) == 1
    assert "ended" in body.stderr.read()


def test_machine_without_a_server_hears_one_sentence(command, monkeypatch):
    """The advice is printed without a traceback."""
    monkeypatch.setenv("MYSQLPROXY_SERVERS", "container")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent")
    body = command()
    assert body.wait(30) == 1
    error = body.stderr.read()
    assert "Error: There is no MySQL server to start here: install" in error
    assert "Traceback" not in error
