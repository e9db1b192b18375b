"""Tests of `proxy.cli.main`."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from proxy import __version__
from proxy.cli.main import SECTIONS, main
from proxy.service.form import form

GOOD = """
proxies:
  - name: shop
    auth: [{username: app, password_file: app.password}]
    target_group: {targets: [{address: "db1.example:3306"}]}
    endpoints: [{name: shop, listen: "tcp:3306"}]
"""


@pytest.fixture
def config(tmp_path):
    """Give a good configuration file with its password file."""
    (tmp_path / "app.password").write_text("secret\n")
    path = tmp_path / "mysqlproxy.yaml"
    path.write_text(GOOD)
    return path


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_the_version_is_said():
    """`--version` names the program, its version, and the form that runs."""
    said = f"mysqlproxy, version {__version__} ({form()})\n"
    assert run("--version").output == said


def test_a_full_disk_is_said():
    """Without a traceback, and with a status for scripts."""
    words = [sys.executable, "-m", "proxy", "completion", "bash"]
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a path of the system
        done = subprocess.run(
            words, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "Error: the output cannot be written: No space left on device\n"


def test_help_names_every_command():
    """Whoever asks for help sees what there is, by section, and what the exit status says."""
    output = run("--help").output
    for title, commands in SECTIONS.items():
        assert f"\n{title}:\n" in output
        assert all(f"\n  {command} " in output for command in commands)
    assert "3  no proxy was reached" in output
    assert max(map(len, output.splitlines())) <= 80


@pytest.mark.parametrize(
    ("name", "listed"), [pair for part in SECTIONS.values() for pair in part.items()]
)
def test_the_list_says_what_each_command_says(name, listed):
    """It has the same name and the same summary, and help of its own."""
    command = listed.load()
    assert (command.name, command.short_help) == (name, listed.summary)
    result = run(name, "--help")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: main {name}")


def test_the_help_needs_little():
    """Neither Twisted nor the configuration is imported for a list of commands."""
    program = (
        "import sys; from proxy.cli.main import main; "
        "main(['--help'], standalone_mode=False); "
        "print([name for name in ('twisted', 'botocore', 'cattrs', 'rich') "
        "if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize(
    ("word", "hint"), [("statsu", "did you mean status?"), ("xyzzy", "--help lists them")]
)
def test_an_unknown_command_gets_the_nearest_one(word, hint):
    """The status is 2."""
    result = run(word)
    assert result.exit_code == 2
    assert f"'{word}' is no command; " in result.output
    assert hint in result.output


def test_a_command_is_needed():
    """Without one, and with an option that there is not, help is told or offered."""
    assert run().exit_code == 2
    assert run("--nonsense").exit_code == 2


def test_a_good_file_is_fine(config):
    """`check-config` says what it read, and ends well."""
    result = run("check-config", config)
    assert result.exit_code == 0
    assert "proxy shop: user app; target db1.example:3306" in result.output
    assert result.output.endswith("is fine.\n")


def test_a_bad_file_is_explained(config):
    """Each fault with file, line and key path; exit status 1."""
    config.write_text(GOOD.replace('3306"}]}', 'x"}]}').replace("name: shop\n", "nmae: shop\n"))
    result = run("check-config", config)
    assert result.exit_code == 1
    assert f"{config}:3: proxies[0]" in result.output
    assert f"{config}:5: proxies[0].target_group.targets[0].address" in result.output


def test_a_password_that_is_not_there_is_explained(config):
    """The file that the configuration points to is named, before anything starts."""
    (config.parent / "app.password").unlink()
    for command in (("check-config", config), ("run", "--config", config)):
        result = run(*command)
        assert result.exit_code == 1
        assert "app.password (password_file)" in result.output


def test_a_server_that_is_not_to_be_had_is_explained(monkeypatch):
    """`try` without any way to a server says what to install."""
    monkeypatch.setenv("MYSQLPROXY_SERVERS", "system")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("proxy.embedded.find.FOLDERS", (), raising=False)
    result = run("try", "--flavor", "nonsense")
    assert result.exit_code == 2
    assert "mariadb" in result.output
