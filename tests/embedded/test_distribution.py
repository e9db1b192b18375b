from pathlib import Path

import pytest

from proxy.embedded.distribution import Distribution, Flavor, examine
from proxy.embedded.errors import ServerFailedError

MYSQL_SAYS = "/usr/sbin/mysqld  Ver 8.4.6-0ubuntu1 for Linux on x86_64 ((Ubuntu))"
MARIADB_SAYS = (
    "mysqld  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)"
)


def program(folder, text, status=0):
    path = folder / "sbin" / "mysqld"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\necho '{text}'\nexit {status}\n")
    path.chmod(0o755)
    return path


def test_mysql_is_known_by_its_version_line(tmp_path):
    """A server whose version line names no fork is MySQL, and its version is the digits."""
    found = examine(program(tmp_path, MYSQL_SAYS))
    assert found.flavor is Flavor.MYSQL
    assert found.version_numbers == (8, 4, 6)


def test_mariadb_under_the_name_of_mysqld_is_mariadb(tmp_path):
    """The program's name is not believed: Debian's mysqld is a link to mariadbd."""
    found = examine(program(tmp_path, MARIADB_SAYS))
    assert found.flavor is Flavor.MARIADB
    assert str(found) == f"MariaDB 10.11.19 ({tmp_path}/sbin/mysqld)"


def test_program_that_says_no_version_is_refused_with_its_last_line(tmp_path):
    """A server that cannot run is refused, and the error tells what it said."""
    with pytest.raises(ServerFailedError, match="libaio is missing"):
        examine(program(tmp_path, "libaio is missing", 127))


def test_program_that_does_not_exist_is_refused(tmp_path):
    """A path without a program raises the package's own error."""
    with pytest.raises(ServerFailedError, match="cannot be run"):
        examine(tmp_path / "mysqld")


def test_messages_beside_the_server_are_found(tmp_path):
    """The share folder is the one that holds the character sets."""
    index = tmp_path / "share" / "mariadb" / "charsets" / "Index.xml"
    index.parent.mkdir(parents=True)
    index.touch()
    found = examine(program(tmp_path, MARIADB_SAYS))
    assert found.share == tmp_path / "share" / "mariadb"


def test_server_command_puts_the_loader_first_and_the_option_file_off():
    """The loader's words come before the program; no option file of the machine is read."""
    programs = Distribution(
        Flavor.MYSQL,
        "9.7.4",
        Path("/r/usr/sbin/mysqld"),
        launcher=("/r/ld", "--library-path", "/r/lib"),
        share=Path("/r/usr/share/mysql"),
        plugins=Path("/r/plugin"),
    )
    command = programs.server_command("--port=1")
    assert command[:5] == (
        "/r/ld",
        "--library-path",
        "/r/lib",
        "/r/usr/sbin/mysqld",
        "--no-defaults",
    )
    assert "--basedir=/r/usr" in command
    assert "--plugin-dir=/r/plugin" in command
    assert command[-1] == "--port=1"


def test_server_command_of_an_installed_server_trusts_its_built_in_paths():
    """Without folders of its own a distribution passes none."""
    programs = Distribution(Flavor.MYSQL, "9.7.4", Path("/usr/sbin/mysqld"))
    assert programs.server_command() == ("/usr/sbin/mysqld", "--no-defaults")


def test_tool_is_found_in_bin_beside_the_servers_folder(tmp_path):
    """A tool lies beside the server or in the bin folder next to it, or there is none."""
    server = program(tmp_path, MYSQL_SAYS)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "mysql").touch()
    programs = examine(server)
    assert programs.tool_command("mysql", "-V") == (f"{tmp_path}/bin/mysql", "-V")
    assert programs.tool_command("mysqldump") is None
