"""The suites and the Python that runs them, fetched once into the cache of this user."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import attrs

from proxy.embedded.cache import cache_folder, make_once

SQLALCHEMY: Final = "sqlalchemy==2.1.9"
DJANGO: Final = "django==5.2.19"
PACKAGES: Final = (
    *(SQLALCHEMY, "pytest==9.2.0"),
    *(DJANGO, "unittest-xml-reporting==4.0.0"),
    *("pymysql==1.2.4", "cryptography"),
)
"""One version of each, so that two runs can be compared."""

INSTALL_SECONDS: Final = 600


@attrs.frozen
class Programs:
    """What `fetch` made.

    Attributes:
        python: An interpreter that has `PACKAGES`.
        sqlalchemy: SQLAlchemy's source distribution, unpacked: its tests are in ``test``.
        django: Django's, with its tests in ``tests``.
    """

    python: Path
    sqlalchemy: Path
    django: Path


def told(line: str) -> None:
    """Progress goes beside the tables."""
    sys.stderr.write(f"{line}\n")


def fetch() -> Programs:
    """Get the suites, from the package index at the first time.

    Raises:
        subprocess.CalledProcessError: pip failed; it has said why.
    """
    name = hashlib.sha256(repr(PACKAGES).encode()).hexdigest()[:12]
    folder = cache_folder() / "suites" / name
    make_once(folder, _fetch, INSTALL_SECONDS, told)
    return Programs(
        folder / "venv" / "bin" / "python",
        *(_unpacked(folder, p) for p in (SQLALCHEMY, DJANGO)),
    )


def _unpacked(folder: Path, package: str) -> Path:
    return folder / package.replace("==", "-")


def _fetch(folder: Path) -> None:
    told(f"fetching {', '.join(PACKAGES)}")
    _run(sys.executable, "-m", "venv", str(folder / "venv"))
    pip = (str(folder / "venv" / "bin" / "python"), "-m", "pip", "-q")
    _run(*pip, "install", *PACKAGES)
    # A wheel has no tests.
    for package in (SQLALCHEMY, DJANGO):
        archives = folder / f"archives-{package}"
        name = package.partition("==")[0]
        _run(*pip, "download", "--no-deps", "--no-binary", name, "-d", str(archives), package)
        (archive,) = archives.iterdir()
        shutil.unpack_archive(archive, folder, filter="data")
        shutil.rmtree(archives)


def _run(*words: str) -> None:
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run(
        words, check=True, timeout=INSTALL_SECONDS, stdout=sys.stderr, env=environment
    )
