"""The systemd units in etc/: systemd takes them, and they are as closed as they say."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from proxy.config.reference import describe

ETC = Path(__file__).resolve().parent.parent / "etc"
SERVICE = (ETC / "mysqlproxy.service").read_text()
SOCKET = (ETC / "mysqlproxy.socket").read_text()
MOST_EXPOSED = 3.0
"""systemd calls what is below "OK"; without the options of hardening a service has 9.6."""


def value_of(text: str, name: str) -> str:
    """The value of a setting that stands there once."""
    (found,) = re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)
    return found


@pytest.fixture(scope="module")
def analyze():
    """Runs systemd-analyze on the units, with programs that this machine has."""
    program = shutil.which("systemd-analyze")
    assert program, "there is no systemd-analyze; on Debian and Ubuntu: apt-get install systemd"

    def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        for name, text in (("service", SERVICE), ("socket", SOCKET)):
            there = re.sub(r"/opt/mysqlproxy/bin/\w+", "/bin/true", text)
            (folder / f"mysqlproxy.{name}").write_text(there)
        return subprocess.run(
            [program, *arguments, str(folder / "mysqlproxy.service")],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_systemd_takes_them(analyze, tmp_path):
    """No unknown setting, no section that is in the wrong place."""
    done = analyze(tmp_path, "verify", "--man=no", str(tmp_path / "mysqlproxy.socket"))
    ours = [line for line in done.stderr.splitlines() if "mysqlproxy" in line]
    assert not ours
    assert done.returncode == 0, done.stderr


def test_little_can_be_reached_from_the_service(analyze, tmp_path):
    """By systemd's own measure."""
    done = analyze(tmp_path, "security", "--offline=true", "--no-pager")
    found = re.search(r"Overall exposure level for mysqlproxy.service: ([\d.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= MOST_EXPOSED, done.stdout


def test_every_setting_has_its_reason():
    """Each line, or the block that it stands in, comes after a comment."""
    for text in (SERVICE, SOCKET):
        for block in text.split("\n\n"):
            lines = block.strip().splitlines()
            settings = [line for line in lines if "=" in line and not line.startswith("#")]
            if settings and not lines[0].startswith(("#", "[")):
                pytest.fail(f"no comment before {settings[0]}")


def test_a_stop_waits_longer_than_a_drain():
    """Systemd kills what has not ended by then."""
    default = next(one.default for one in describe() if one.key_path == "drain_timeout")
    assert default is not None
    assert int(value_of(SERVICE, "TimeoutStopSec")) > float(default)


def test_there_are_files_for_as_many_clients_as_may_come():
    """By default, with a connection to a target for each."""
    default = next(one.default for one in describe() if one.key_path == "proxies[].max_clients")
    assert default is not None
    assert int(value_of(SERVICE, "LimitNOFILE")) > 2 * int(default)


def test_the_backlog_is_that_of_an_endpoint():
    """A burst of clients finds as much room as at a port of the proxy's own."""
    doc = next(one.doc for one in describe() if one.key_path == "proxies[].endpoints[].listen")
    assert f"{int(value_of(SOCKET, 'Backlog')):,}" in doc
