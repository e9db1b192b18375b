"""Tests of `proxy.cli.trial`."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.live

LINES = 60
"""More than a trial says before it invites Ctrl-C, downloads included."""


def test_what_is_printed_works_as_printed(mysql_server):  # noqa: ARG001 - unpacked before
    """The PyMySQL line answers with the server's version; Ctrl-C ends both."""
    trial = subprocess.Popen(
        [sys.executable, "-m", "proxy", "try", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert trial.stdout is not None
    try:
        said = []
        for line in trial.stdout:
            said.append(line.strip())
            if line.startswith("Ctrl-C") or len(said) > LINES:
                break
        version = re.match(r"MySQL (\S+) runs on", "\n".join(said)[said[0].find("MySQL") :])
        assert version is not None, said
        (python,) = [line for line in said if "pymysql" in line]
        ran = subprocess.run(
            shlex.split(python), capture_output=True, text=True, timeout=60, check=True
        )
        assert ran.stdout == f"('{version[1]}',)\n"
        live = trial.stdout.readline()
        assert re.search(r"\d+ clients \| \d+ of 20 backend connections", live)
        trial.send_signal(signal.SIGINT)
        trial.communicate(timeout=60)
        assert trial.returncode == 0
    finally:
        trial.kill()
        trial.wait()
        trial.stdout.close()
