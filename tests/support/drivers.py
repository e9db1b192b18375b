"""Real clients of other makers, fetched once into the cache of this user."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from proxy.embedded import debian
from proxy.embedded.apt import OWN_SUITE, unpack
from proxy.embedded.cache import cache_folder, make_once

CLIENTS = Path(__file__).parent.parent / "live" / "clients"
INSTALL_SECONDS = 300


def told(line):
    """Progress goes where pytest shows it when something fails."""
    sys.stderr.write(f"{line}\n")


def mysql():
    """The command words of MySQL's own client."""
    return list(debian.tool("mysql-client-core", "usr/bin/mysql", "sid", told))


def mariadb():
    """The command words of MariaDB's own client."""
    return list(debian.tool("mariadb-client-core", "usr/bin/mariadb", OWN_SUITE, told))


def plugins():
    """Where MariaDB's library finds its plugins, for MARIADB_PLUGIN_DIR."""
    words, _ = mysqlclient()
    root = _root(words)
    return str(next(root.glob("usr/lib/*/libmariadb3/plugin")))


def _root(words):
    return next(
        Path(word) for word in words[::-1] if word.endswith("/usr/bin/python3")
    ).parents[2]


def node():
    """The command words of Node.js, and the environment in which it finds mysql2."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise RuntimeError(
            "Node.js and npm are not installed: on Debian, apt-get install nodejs npm"
        )
    folder = cache_folder() / "clients" / "node" / "mysql2"
    folder.parent.mkdir(parents=True, exist_ok=True)
    make_once(folder, _install_mysql2, INSTALL_SECONDS, told)
    return ["node"], {"NODE_PATH": str(folder / "node_modules")}


def _install_mysql2(folder):
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), "mysql2@3"],
        check=True,
        timeout=INSTALL_SECONDS,
        stdout=sys.stderr,
    )


def go(source="driver.go"):
    """The command words of the program made of a file among the clients."""
    source = CLIENTS / source
    folder = cache_folder() / "clients" / "go" / _version(source)
    folder.parent.mkdir(parents=True, exist_ok=True)
    make_once(folder, lambda fresh: _build_go(source, fresh), INSTALL_SECONDS, told)
    return [str(folder / "driver")]


def _version(source):
    """A name that changes with the source."""
    return hashlib.sha256(source.read_bytes()).hexdigest()[:12]


def _build_go(source, folder):
    packages = ["golang-github-go-sql-driver-mysql-dev"]
    found = shutil.which("go")
    if found is None:
        packages.append("golang-go")
    tree = unpack(packages, OWN_SUITE, debian.package_folder(packages, OWN_SUITE), told)
    command = found or str(next(tree.glob("usr/lib/go-*/bin/go")))
    environment = {
        **os.environ,
        "GOPATH": str(tree / "usr/share/gocode"),
        "GO111MODULE": "off",
        "GOFLAGS": "",
        "GOCACHE": str(folder / "cache"),
        "CGO_ENABLED": "0",
    }
    if found is None:
        environment["GOROOT"] = str(Path(command).parent.parent)
    subprocess.run(
        [command, "build", "-o", str(folder / "driver"), str(source)],
        check=True,
        timeout=INSTALL_SECONDS,
        env=environment,
    )


def mysqlclient():
    """The command words of a Python that has mysqlclient (MySQLdb): Debian's own."""
    words = list(debian.tool("python3-mysqldb", "usr/bin/python3", OWN_SUITE, told))
    home = _root(words) / "usr"
    return words, {"PYTHONHOME": str(home), "PYTHONPATH": ""}
