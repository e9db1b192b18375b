"""Tests of `proxy.cli.trial`."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import signal
import subprocess
import sys
import urllib.request

import pytest

from proxy.embedded import Flavor

pytestmark = pytest.mark.live

LINES = 80
"""More than a trial says before it invites Ctrl-C, downloads included."""


class Trial:
    """`mysqlproxy try` at work, and what it says."""

    def __init__(self, flavor):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "proxy", "try", "--port", "0", "--flavor", flavor.value],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.said = []

    def wait_for(self, pattern):
        """Read until a line has this; what was found."""
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))
            found = re.search(pattern, line)
            if found is not None:
                return found
            assert len(self.said) < LINES, self.said
        raise AssertionError(self.said)

    def line(self, *words):
        """The line with these words that was said."""
        (line,) = [one for one in self.said if all(word in one for word in words)]
        return shlex.split(line)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def seen_in_dashboard(trial):
    """Names of the proxies, by the address of the dashboard as it is printed."""
    address, _, token = trial.line("http://127.0.0.1:")[0].partition("#token=")
    headers = {"Authorization": f"Bearer {token}"}
    call = urllib.request.Request(f"{address}v1/overview", headers=headers)
    with urllib.request.urlopen(call, timeout=60) as answer:
        return [one["status"]["name"] for one in json.load(answer)["proxies"]]


def output_of(words):
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout


@contextlib.contextmanager
def trying(flavor):
    """`mysqlproxy try` once it has invited to end it, and Ctrl-C in the end."""
    trial = Trial(flavor)
    try:
        trial.wait_for("^Ctrl-C")
        yield trial
        trial.process.send_signal(signal.SIGINT)
        trial.process.communicate(timeout=60)
        assert trial.process.returncode == 0
    finally:
        trial.end()


@contextlib.contextmanager
def watching(trial):
    """The ports of the servers that answer, by the line that is printed."""
    watch = subprocess.Popen(trial.line("@@port"), stdout=subprocess.PIPE, text=True)
    try:
        yield (line.strip() for line in watch.stdout)
    finally:
        watch.kill()
        watch.wait()
        watch.stdout.close()


def test_what_is_printed_works_as_printed_and_a_kill_is_survived():
    """PyMySQL gets an answer; when the primary dies, the same connection goes on."""
    with trying(Flavor.MYSQL) as trial:
        version = re.search(r"MySQL (\S+) runs on", "\n".join(trial.said))[1]
        assert output_of(trial.line("pymysql", "@@version'); print")) == f"('{version}',)\n"
        assert "READ_ONLY" in output_of(trial.line("mysqlproxy", "targets"))
        load = [*trial.line("mysqlproxy", " load "), "--seconds", "2", "--clients", "5"]
        assert re.search(r"^[1-9][\d,]* statements, 0 errors\.$", output_of(load), re.MULTILINE)
        assert seen_in_dashboard(trial) == ["try"]
        trial.wait_for(
            r"\d+ statements/s \| writer \S+ \| \d+ clients on \d+ of 20 connections"
        )
        with watching(trial) as ports:
            first = next(ports)
            output_of(trial.line("kill -9"))
            assert next(port for port in ports if port != first)
        trial.wait_for("is back, as a replica")


def test_a_promotion_as_printed_is_survived():
    """The same connection goes on at the server that was promoted, which gets a replica."""
    with trying(Flavor.MARIADB) as trial, watching(trial) as ports:
        first = next(ports)
        promote = trial.line("promote", "--socket")
        assert output_of(promote) == f"{promote[-1]} takes the writes.\n"
        second = next(port for port in ports if port != first)
        assert promote[-1] == f"127.0.0.1:{second}"
        trial.wait_for(rf"{promote[-1]} \(process \d+\) takes the writes; .* follows it")
