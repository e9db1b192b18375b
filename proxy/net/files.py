"""Files that the configuration points to: read without waiting, and looked at for changes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

import attrs
from structlog.typing import FilteringBoundLogger

Version: TypeAlias = tuple[int, int, int]
"""What changes when a file is replaced or written anew: its mtime in nanoseconds, its size in
bytes, its inode."""


class FileUnreadableError(Exception):
    """A file that cannot be read.

    Attributes:
        path: Which one.
        reason: Why, in words that fit behind it and have nothing of its content.
        version: Of what stood there; None where it could not even be opened.
    """

    def __init__(self, path: Path, reason: str, version: Version | None = None) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
        self.version = version


class FileChangingError(FileUnreadableError):
    """Somebody writes the file at this moment; soon it can be read."""


@attrs.frozen
class Content:
    """What stood in a file, and which version of it that was."""

    data: bytes = attrs.field(repr=False)
    version: Version


def version_of(path: str | Path) -> Version | None:
    """The version of a file; None where there is none that we may see."""
    try:
        return _version(Path(path).stat())
    except OSError:
        return None


class Watched:
    """Some files, and how they were the last time that somebody asked."""

    def __init__(self, paths: Iterable[str | Path | None]) -> None:
        """Look at them for the first time; None stands for a file that is not named."""
        self._paths = tuple(path for path in paths if path is not None)
        self._seen = self._versions()

    def __repr__(self) -> str:
        """How many."""
        return f"<Watched: {len(self._paths)} files>"

    def changed(self) -> bool:
        """Whether one was replaced, written anew, gone or come since the last time."""
        before, self._seen = self._seen, self._versions()
        return self._seen != before

    def _versions(self) -> tuple[Version | None, ...]:
        return tuple(version_of(path) for path in self._paths)


def read_content(path: str | Path, limit: int) -> Content:
    """Read a file that has so many bytes at most.

    Raises:
        FileChangingError: it was written while it was read.
        FileUnreadableError: it is not there, is no regular file, or is larger.
    """
    content = _read(Path(path), limit)
    if len(content.data) > limit:
        reason = f"is larger than {limit:,} bytes"
        raise FileUnreadableError(Path(path), reason, content.version)
    return content


def read_limited(path: str | Path, limit: int) -> bytes:
    """The bytes of a file that has so many at most; errors as of `read_content`."""
    return read_content(path, limit).data


def first_line(path: str | Path, limit: int) -> bytes:
    """The first line of a file, without its end; what stands behind it may be of any length.

    Raises:
        FileChangingError: the file was written while it was read.
        FileUnreadableError: it is not there, is no regular file, or its first line has more
            bytes than the limit.
    """
    content = _read(Path(path), limit)
    line = content.data.split(b"\n", 1)[0]
    if len(line) > limit:
        reason = f"its first line is longer than {limit:,} bytes"
        raise FileUnreadableError(Path(path), reason, content.version)
    return line.removesuffix(b"\r")


def is_readable_by_others(path: str | Path) -> bool:
    """Whether every user of this machine may read a file, by its own permissions."""
    try:
        return bool(Path(path).stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def warn_of_readers(log: FilteringBoundLogger, path: str | Path) -> None:
    """Say that a file with secrets can be read by everybody, if so."""
    if is_readable_by_others(path):
        log.warning("every user of this machine can read a secret; chmod o-r", file=str(path))


def _read(path: Path, limit: int) -> Content:
    """Read a byte more than the limit, so that the caller can see what is too long."""
    try:
        # A pipe that nobody writes to must not keep anybody waiting.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            status = os.fstat(descriptor)
            version = _version(status)
            if not stat.S_ISREG(status.st_mode):
                raise FileUnreadableError(path, "is not a file", version)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                data = file.read(limit + 1)
            if _version(os.fstat(descriptor)) != version:
                raise FileChangingError(path, "is being written")
        finally:
            os.close(descriptor)
    except OSError as error:
        raise FileUnreadableError(path, f"cannot be read: {error.strerror}") from None
    return Content(data, version)


def _version(status: os.stat_result) -> Version:
    return status.st_mtime_ns, status.st_size, status.st_ino
