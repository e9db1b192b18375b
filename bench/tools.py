"""Finds the programs that the bench runs: on PATH, else unpacked from Debian's packages."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import attrs

from proxy.embedded import EmbeddedError, sources
from proxy.embedded.apt import OWN_SUITE
from proxy.embedded.debian import package_folder, tool
from proxy.embedded.launch import tell

_ROOT = Path(__file__).resolve().parent.parent
_COMPILED = _ROOT / ".make/form"
"""Where the Makefile has the compiled form built."""

_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin")
"""Where daemons lie that are not on everybody's PATH."""


class ProgramMissingError(Exception):
    """A program is not here and cannot be fetched; the text says how to get it."""


@attrs.frozen
class Program:
    """A program that can be run.

    Attributes:
        command: the words that run it.
        root: the top of the tree it was unpacked in; None for an installed one.
    """

    command: tuple[str, ...]
    root: Path | None = None


def installed(name: str) -> Program | None:
    """The program of this name on PATH or in the usual folders."""
    path = shutil.which(name, path=os.pathsep.join((*os.get_exec_path(), *_FOLDERS)))
    return Program((path,)) if path else None


def ours() -> Program:
    """This project's own command line, compiled.

    Raises:
        ProgramMissingError: the compiled form was not built.
    """
    if not any(_COMPILED.glob("*.so")):
        raise ProgramMissingError("is not compiled: run `make compiled`")
    # -P: the sources here would come first else.
    return Program(("env", f"PYTHONPATH={_COMPILED}", sys.executable, "-P", "-m", "proxy"))


def ours_as_python() -> Program:
    """The same from its sources."""
    return Program(("env", f"PYTHONPATH={_ROOT}", sys.executable, "-P", "-m", "proxy"))


def packaged(
    name: str, package: str, path: str, *, only_in_sid: bool = False, libraries: str = ""
) -> Program:
    """An installed program, else the same unpacked from a Debian package.

    Args:
        name: of the program on PATH.
        package: Debian's package.
        path: of the program within the package.
        only_in_sid: whether Debian has it in its suite sid alone (Ubuntu has all of them).
        libraries: a folder of the package that its own loader must search too.

    Raises:
        ProgramMissingError: it is neither installed nor to be had.
    """
    found = installed(name)
    if found is not None:
        return found
    suite = "sid" if only_in_sid and sources.release().get("ID") != "ubuntu" else OWN_SUITE
    try:
        command = tool(package, path, suite, tell)
    except EmbeddedError as error:
        raise ProgramMissingError(
            f"install Debian's package {package}"
            f"{' (suite sid)' if only_in_sid else ''}: {error}"
        ) from error
    root = package_folder([package], suite) / "root"
    if libraries:
        loader, option, folders, *rest = command
        command = (loader, option, f"{folders}:{root / libraries}", *rest)
    return Program(command, root)


def sysbench() -> Program:
    """The load generator.

    Raises:
        ProgramMissingError: see `packaged`.
    """
    return packaged("sysbench", "sysbench", "usr/bin/sysbench")


def sysbench_scripts(program: Program) -> Path:
    """The folder with sysbench's own Lua scripts."""
    return (program.root or Path("/")) / "usr/share/sysbench"


def environment_of(program: Program) -> dict[str, str]:
    """What an unpacked sysbench or client must be told of its surroundings."""
    environment = dict(os.environ)
    if program.root is not None:
        environment["LUA_PATH"] = f"{sysbench_scripts(program)}/?.lua;;"
        for folder in program.root.glob("usr/lib/*/libmariadb3/plugin"):
            environment["MARIADB_PLUGIN_DIR"] = str(folder)
    return environment


def mysql_client() -> Program:
    """MariaDB's client, which logs in to both families of servers.

    Raises:
        ProgramMissingError: see `packaged`.
    """
    return packaged("mariadb", "mariadb-client-core", "usr/bin/mariadb")
