"""A set of server programs on this machine, and how to call them."""

import enum
import re
import subprocess
from pathlib import Path

import attrs

from proxy.embedded.errors import ServerFailedError

_VERSION = re.compile(r"\bVer (?P<version>\d+(?:\.\d+)+)(?P<rest>\S*)")
_VERSION_LIMIT_SECONDS = 30.0

_SHARES = ("share/mysql", "share/mariadb", "share")


class Flavor(enum.Enum):
    """Which family of servers; the value is its name on the command line."""

    MYSQL = "mysql"
    MARIADB = "mariadb"

    @property
    def title(self) -> str:
        """The name as its makers write it."""
        return "MySQL" if self is Flavor.MYSQL else "MariaDB"

    @property
    def oldest_version(self) -> tuple[int, ...]:
        """The first version this package can start.

        MySQL 8.0.23 brought CHANGE REPLICATION SOURCE; MariaDB 10.4 keeps all accounts in
        mysql.global_priv, and 10.5 is the oldest of which a release still appears.
        """
        return (8, 0, 23) if self is Flavor.MYSQL else (10, 5)


@attrs.frozen
class Distribution:
    """
    Server programs of one version in one place.

    Attributes:
        flavor: MySQL or MariaDB.
        version: dotted digits, such as ``9.7.4``.
        server: the path of mysqld or mariadbd.
        launcher: words before the path of every program. Programs unpacked beside the
            machine's own are run by the loader that was unpacked with them, as they may
            need a newer C library than the machine has. Empty for installed programs.
        share: the folder with the server's messages and its system tables' SQL, or None
            where the server's own built-in path is right.
        plugins: the folder of loadable plugins, or None likewise.
    """

    flavor: Flavor
    version: str
    server: Path
    launcher: tuple[str, ...] = ()
    share: Path | None = None
    plugins: Path | None = None

    @property
    def version_numbers(self) -> tuple[int, ...]:
        """The version to compare with, such as ``(9, 7, 4)``."""
        return tuple(int(part) for part in self.version.split("."))

    def __str__(self) -> str:
        return f"{self.flavor.title} {self.version} ({self.server})"

    def server_command(self, *options: str) -> tuple[str, ...]:
        """The words that run the server with these options and no option file."""
        places = []
        if self.share is not None:
            places += [
                f"--basedir={self.server.resolve().parent.parent}",
                f"--lc-messages-dir={self.share}",
                f"--character-sets-dir={self.share / 'charsets'}",
            ]
        if self.plugins is not None:
            places.append(f"--plugin-dir={self.plugins}")
        return (*self.launcher, str(self.server), "--no-defaults", *places, *options)

    def tool_command(self, name: str, *options: str) -> tuple[str, ...] | None:
        """The words that run another program of this set, or None where it has none."""
        for folder in (self.server.parent, self.server.parent.parent / "bin"):
            if (folder / name).is_file():
                return (*self.launcher, str(folder / name), *options)
        return None


def examine(
    server: Path,
    *,
    launcher: tuple[str, ...] = (),
    plugins: Path | None = None,
) -> Distribution:
    """
    Ask a server program what it is.

    Args:
        server: the path of mysqld or mariadbd; on some machines the first is a link to the
            second, so its name is not believed.
        launcher: see `Distribution`.
        plugins: see `Distribution`.

    Raises:
        ServerFailedError: it does not run, or does not say its version.
    """
    command = (*launcher, str(server), "--no-defaults", "--version")
    try:
        answer = subprocess.run(  # noqa: S603 - the path was found by this package
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERSION_LIMIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerFailedError(f"{server} cannot be run: {error}.") from error
    found = _VERSION.search(answer.stdout)
    if found is None:
        said = (answer.stderr or answer.stdout).strip().splitlines()
        raise ServerFailedError(
            f"{server} does not say its version: {said[-1] if said else 'no output'}."
        )
    flavor = Flavor.MARIADB if "MariaDB" in found["rest"] else Flavor.MYSQL
    return Distribution(flavor, found["version"], server, launcher, _share_of(server), plugins)


def _share_of(server: Path) -> Path | None:
    """The server's folder of messages, found by what must lie in it."""
    top = server.resolve().parent.parent
    for name in _SHARES:
        if (top / name / "charsets" / "Index.xml").is_file():
            return top / name
    return None
