"""Finds the servers that are installed on this machine."""

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from proxy.embedded.distribution import Distribution, Flavor, examine
from proxy.embedded.errors import ServerFailedError

SERVER_FOLDERS = (
    "/usr/sbin",
    "/usr/libexec",
    "/usr/bin",
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/local/libexec",
    "/usr/local/mysql/bin",
    "/usr/local/mariadb/bin",
    "/opt/mysql/bin",
    "/opt/homebrew/bin",
)
"""Where servers lie that are not on everybody's PATH."""

_NAMES = {Flavor.MYSQL: ("mysqld",), Flavor.MARIADB: ("mariadbd", "mysqld")}


def installed(
    flavor: Flavor,
    progress: Callable[[str], None],
    folders: Iterable[str] | None = None,
) -> Distribution | None:
    """
    The first installed server of this flavor that is new enough.

    Args:
        flavor: which family is wanted.
        progress: is told, in one line each, which servers were passed over and why.
        folders: where to look, in order; by default PATH, then `SERVER_FOLDERS`.

    Returns:
        The programs, or None where there are none to use.
    """
    if folders is None:
        folders = (*os.get_exec_path(), *SERVER_FOLDERS)
    seen = set()
    for folder in folders:
        for name in _NAMES[flavor]:
            path = shutil.which(name, path=folder)
            if path is None or os.path.realpath(path) in seen:
                continue
            seen.add(os.path.realpath(path))
            found = _usable(Path(path), flavor, progress)
            if found is not None:
                return found
    return None


def _usable(path: Path, flavor: Flavor, progress: Callable[[str], None]) -> Distribution | None:
    try:
        found = examine(path)
    except ServerFailedError as error:
        progress(str(error))
        return None
    if found.flavor is not flavor:
        return None
    if found.version_numbers < flavor.oldest_version:
        oldest = ".".join(str(number) for number in flavor.oldest_version)
        progress(f"{found} is too old: {oldest} is the oldest that can be used.")
        return None
    return found
