"""
Unpacks Debian packages with all they need into a folder, by the machine's own apt.

apt works on a state of its own, which knows of no installed package, so that everything a
program needs is fetched, the C library and its loader included. Signatures are checked as
always.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from proxy.embedded import sources
from proxy.embedded.cache import make_once
from proxy.embedded.errors import EmbeddedError

OWN_SUITE = ""
"""Stands for the suite that this machine itself is."""

_LOCK_LIMIT_SECONDS = 900.0
_STEP_LIMIT_SECONDS = 600.0
_TELL_EVERY_PACKAGES = 20
_COMPLAINTS_TOLD = 3

_TOOLS = ("apt-get", "apt-config", "dpkg-deb")

_UNSAFE = re.compile(r"insecure|weak|trusted|^Acquire::IndexTargets", re.IGNORECASE)
"""What is not taken over from the machine: unsigned packages, and lists nobody reads."""


class PackagesUnavailableError(EmbeddedError):
    """The packages could not be fetched or unpacked; the text says why."""


def is_usable() -> bool:
    """Whether this machine has what unpacking packages takes."""
    return all(shutil.which(tool) for tool in _TOOLS)


def unpack(
    packages: Sequence[str], suite: str, into: Path, progress: Callable[[str], None]
) -> Path:
    """
    Fetch packages with all they depend on and unpack them, unless that was done before.

    Args:
        packages: their names.
        suite: a suite of Debian, or `OWN_SUITE` for this machine's own sources.
        into: the folder for the tree; it gets its name ``root`` only when it is complete.
        progress: is told what is done, and how far it is.

    Returns:
        The top of the unpacked tree.

    Raises:
        PackagesUnavailableError: the machine lacks apt, the packages cannot be fetched, or
            their signatures are not right.
        EmbeddedError: the folder cannot be used, or another process holds it too long.
    """

    def make(root: Path) -> None:
        if not is_usable():
            raise PackagesUnavailableError("This machine has no apt-get and dpkg.")
        _fetch(packages, suite, root.parent, progress)
        _extract(root.parent / "cache" / "archives", root, progress)

    make_once(into / "root", make, _LOCK_LIMIT_SECONDS, progress)
    return into / "root"


def _fetch(
    packages: Sequence[str], suite: str, fresh: Path, progress: Callable[[str], None]
) -> None:
    """Download packages and their dependencies into ``cache/archives`` below a folder."""
    configuration = _configure(suite, fresh)
    progress(f"reading the package lists of {suite or 'the suite of this machine'}")
    _run_apt(configuration, ("update",), lambda _: None)
    progress(f"downloading {' '.join(packages)} and what it needs")
    count = 0

    def told(line: str) -> None:
        nonlocal count
        if line.startswith("Need to get"):
            progress(line)
        if line.startswith("Get:"):
            count += 1
            if count % _TELL_EVERY_PACKAGES == 0:
                progress(f"downloaded {count} packages")

    _run_apt(configuration, ("install", "-y", "--download-only", *packages), told)


def _configure(suite: str, fresh: Path) -> Path:
    """Write apt's private configuration; the machine's proxies and mirrors stay in force."""
    for name in ("lists/partial", "cache/archives/partial"):
        (fresh / name).mkdir(parents=True)
    (fresh / "status").touch()
    found = sources.own_archive(
        sources.machine_sources(), sources.release().get("VERSION_CODENAME", "")
    )
    if suite:
        if not sources.DEBIAN_KEYRING.is_file():
            raise PackagesUnavailableError(
                f"{sources.DEBIAN_KEYRING} is missing; install debian-archive-keyring."
            )
        keyring = str(sources.DEBIAN_KEYRING)
        found = (sources.Source(sources.debian_mirror(found), suite, ("main",), keyring),)
    if not found:
        raise PackagesUnavailableError("apt's sources name no archive for this machine.")
    lines = "".join(f"{source.line()}\n" for source in found)
    (fresh / "sources.list").write_text(lines, "utf-8")
    inherited = [line for line in _machine_configuration() if not _UNSAFE.search(line)]
    own = {
        # Everything else that the machine's apt is told, hooks that delete packages after
        # use among it, must not touch this run.
        "Dir::Etc::main": "/dev/null",
        "Dir::Etc::parts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::Etc::sourcelist": f"{fresh}/sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State": str(fresh),
        "Dir::State::lists": f"{fresh}/lists",
        "Dir::State::status": f"{fresh}/status",
        "Dir::Cache": f"{fresh}/cache",
        "Dir::Log": str(fresh),
        # A snapshot mirror's lists are older than they say they may be.
        "Acquire::Check-Valid-Until": "false",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "APT::Install-Recommends": "false",
        # Else a mirror that does not answer is a warning, and the next step's riddle.
        "APT::Update::Error-Mode": "any",
        # apt would give up root for a user who cannot write to this user's cache.
        "APT::Sandbox::User": "root",
    }
    text = [*inherited, *(f'{name} "{value}";' for name, value in own.items())]
    configuration = fresh / "apt.conf"
    configuration.write_text("\n".join(text) + "\n", "utf-8")
    return configuration


def _machine_configuration() -> list[str]:
    """How the machine's apt reaches the network: proxies, certificates, timeouts."""
    answer = subprocess.run(
        ["apt-config", "dump"],  # noqa: S607 - wherever this machine has it
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=_STEP_LIMIT_SECONDS,
    )
    return [line for line in answer.stdout.splitlines() if line.startswith("Acquire::")]


def _run_apt(configuration: Path, words: Sequence[str], told: Callable[[str], None]) -> None:
    command = ["timeout", str(int(_STEP_LIMIT_SECONDS)), "apt-get", *words]
    complaints: list[str] = []
    with subprocess.Popen(  # noqa: S603 - our own words
        command,
        env={**os.environ, "APT_CONFIG": str(configuration), "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as apt:
        assert apt.stdout is not None
        try:
            for line in apt.stdout:
                told(line.strip())
                if line.startswith(("E:", "Err:")):
                    complaints.append(line.strip())
        except BaseException:
            # timeout(1) leaves the terminal's group: Ctrl-C reaches this process alone.
            apt.terminate()
            raise
    if apt.returncode != 0:
        raise PackagesUnavailableError(
            f"apt-get {words[0]} failed with exit status {apt.returncode}: "
            f"{' '.join(complaints[:_COMPLAINTS_TOLD]) or 'it did not say why'}"
        )


def _extract(archives: Path, root: Path, progress: Callable[[str], None]) -> None:
    packages = sorted(archives.glob("*.deb"))
    progress(f"unpacking {len(packages)} packages")
    for package in packages:
        answer = subprocess.run(  # noqa: S603 - our own words
            ["dpkg-deb", "-x", str(package), str(root)],  # noqa: S607 - see is_usable
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=_STEP_LIMIT_SECONDS,
        )
        if answer.returncode != 0:
            raise PackagesUnavailableError(f"{package.name}: {answer.stderr.strip()}")
