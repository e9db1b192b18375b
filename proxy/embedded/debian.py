"""
Server programs, and others, from Debian's packages: no root, nothing installed.

A program of another suite runs beside older libraries by the loader that was unpacked with
it (`private_loader`).
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from proxy.embedded import sources
from proxy.embedded.apt import OWN_SUITE, PackagesUnavailableError, unpack
from proxy.embedded.cache import cache_folder
from proxy.embedded.distribution import Distribution, Flavor, examine


def server(flavor: Flavor, progress: Callable[[str], None]) -> Distribution:
    """
    The server programs of this flavor, unpacked at the first call.

    MariaDB comes from the machine's own suite. So does MySQL on Ubuntu; Debian has MySQL in
    its suite sid alone.

    Args:
        flavor: which family is wanted.
        progress: is told what takes time.

    Raises:
        PackagesUnavailableError: they cannot be fetched or unpacked.
        ServerFailedError: they are there and do not run.
    """
    names: tuple[str, ...]
    if flavor is Flavor.MARIADB:
        suite, names = OWN_SUITE, ("mariadb-server-core",)
    elif sources.release().get("ID") == "ubuntu":
        suite, names = OWN_SUITE, ("mysql-server-core", "mysql-server-core-8.0")
    else:
        suite, names = "sid", ("mysql-server-core",)
    root = _unpack_first(names, suite, progress)
    name = "mysqld" if flavor is Flavor.MYSQL else "mariadbd"
    return examine(
        root / "usr" / "sbin" / name,
        launcher=private_loader(root),
        plugins=root / "usr" / "lib" / "mysql" / "plugin",
    )


def _unpack_first(names: Sequence[str], suite: str, progress: Callable[[str], None]) -> Path:
    """Unpack the first of several packages that the suite has."""
    for name in names[:-1]:
        try:
            return unpack([name], suite, package_folder([name], suite), progress)
        except PackagesUnavailableError as error:
            progress(str(error))
    return unpack(names[-1:], suite, package_folder(names[-1:], suite), progress)


def tool(
    package: str, program: str, suite: str, progress: Callable[[str], None]
) -> tuple[str, ...]:
    """
    The words that run a program of a Debian package, unpacked at the first call.

    Args:
        package: such as ``sysbench``.
        program: the path within the package, such as ``usr/bin/sysbench``.
        suite: such as ``sid``, or `OWN_SUITE`.
        progress: is told what takes time.

    Raises:
        PackagesUnavailableError: it cannot be fetched or unpacked.
    """
    root = unpack([package], suite, package_folder([package], suite), progress)
    return (*private_loader(root), str(root / program))


def galera_library(progress: Callable[[str], None]) -> Path:
    """
    The library that makes MariaDB servers a Galera cluster, unpacked at the first call.

    Raises:
        PackagesUnavailableError: it cannot be fetched or unpacked.
    """
    names = ["galera-4"]
    root = unpack(names, OWN_SUITE, package_folder(names, OWN_SUITE), progress)
    return root / "usr" / "lib" / "galera" / "libgalera_smm.so"


def package_folder(packages: Sequence[str], suite: str) -> Path:
    """The place in the cache for these packages of this suite."""
    suite = suite or sources.release().get("VERSION_CODENAME", "own")
    return cache_folder() / "debian" / f"{suite}-{os.uname().machine}" / "+".join(packages)


def private_loader(root: Path) -> tuple[str, ...]:
    """
    The words before a program of an unpacked tree: its own loader, told of its libraries.

    Raises:
        PackagesUnavailableError: the tree has no C library.
    """
    loaders = [*root.glob("lib*/ld-linux*.so.*"), *root.glob("usr/lib*/ld-linux*.so.*")]
    if not loaders:
        raise PackagesUnavailableError(f"There is no C library among the packages in {root}.")
    folders = [
        *root.glob("usr/lib/*-linux-*"),
        *root.glob("lib/*-linux-*"),
        root / "usr/lib/mysql/private",
        root / "usr/lib/mysql-router/private",
    ]
    path = ":".join(str(folder) for folder in folders if folder.is_dir())
    return (str(loaders[0]), "--library-path", path)
