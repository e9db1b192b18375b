"""The package: made of what an sdist has, installed where there is no checkout."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pymysql
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 300
# The compiled form has a run of the tests to itself, and takes minutes to build.
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
    "MYSQLPROXY_PURE_PYTHON": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}


def run(*command: object, folder: Path) -> str:
    """What a command prints; it has to end well."""
    done = subprocess.run(
        [*map(str, command)],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("package")


@pytest.fixture(scope="module")
def sdist(folder):
    """The source distribution."""
    source = folder / "source"
    run("git", "clone", "--quiet", "--no-hardlinks", ROOT, source, folder=folder)
    run(sys.executable, "setup.py", "-q", "sdist", "-d", folder, folder=source)
    (made,) = folder.glob("*.tar.gz")
    return made


@pytest.fixture(scope="module")
def wheel(folder, sdist):
    """The wheel that is made of it."""
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder)
    run(sys.executable, "-m", "pip", "wheel", *options, sdist, folder=folder)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def programs(folder, wheel):
    """The folder of programs of an environment that has the wheel, and what that needs."""
    environment = folder / "environment"
    venv.create(environment, with_pip=True)
    run(environment / "bin" / "pip", "install", "--quiet", wheel, folder=folder)
    return environment / "bin"


def test_the_sdist_has_what_it_takes_to_build(sdist):
    """Sources, the plugin of twistd, the licence and the files of the dashboard."""
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"setup.py", "pyproject.toml", "LICENSE", "README.rst"} <= names
    assert "twisted/plugins/mysqlproxy_plugin.py" in names
    assert "proxy/admin/dashboard/index.html" in names


def test_the_wheel_has_every_file_that_the_package_reads(wheel):
    """All of proxy/ that git knows, and nothing that is there for the tests."""
    tracked = run("git", "ls-files", "proxy", "twisted", folder=ROOT).splitlines()
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert set(tracked) <= set(names)
    assert not [name for name in names if name.startswith(("tests/", "bench/", "docs/"))]


def test_twistd_finds_the_plugin(programs, folder):
    """From anywhere."""
    assert "--config" in run(programs / "twistd", "mysqlproxy", "--help", folder=folder)


def test_the_command_is_there(programs, folder):
    """It says its version and form, and takes a configuration apart."""
    said = run(programs / "mysqlproxy", "--version", folder=folder)
    assert re.fullmatch(r"mysqlproxy, version \S+ \(pure Python\)\n", said)
    config = yaml.safe_load((ROOT / "etc" / "mysqlproxy.yaml").read_text())
    config["proxies"][0]["auth"] = [{"username": "app", "password": "secret"}]
    path = folder / "mysqlproxy.yaml"
    path.write_text(yaml.safe_dump(config))
    assert f"{path} is fine." in run(
        programs / "mysqlproxy", "check-config", path, folder=folder
    )


@pytest.mark.live
def test_it_can_be_tried(programs, folder):
    """A server, the proxy in front of it, and a client that gets through."""
    process = subprocess.Popen(
        [programs / "mysqlproxy", "try", "--port", "0"],
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said = ""
        command = None
        assert process.stdout is not None
        for line in process.stdout:
            said += line
            command = re.search(r"mysql .*-P ?(\d+) .*-p(\w+)", said)
            if command:
                break
        assert command, said
        client = pymysql.connect(
            host="127.0.0.1", port=int(command[1]), user="app", password=command[2]
        )
        with client.cursor() as cursor:
            cursor.execute("SELECT 6 * 7")
            assert cursor.fetchone() == (42,)
        client.close()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 0
