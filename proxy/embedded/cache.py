"""Where this package keeps what is costly to make again, and who may make it."""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from proxy.embedded.errors import EmbeddedError

_POLL_SECONDS = 0.2
_UNFINISHED = "new-"


def cache_folder() -> Path:
    """The folder ``mysqlproxy`` in this user's cache folder (XDG base directories)."""
    place = os.environ.get("XDG_CACHE_HOME", "")
    # The specification says that a relative path is to be ignored.
    top = Path(place) if place.startswith("/") else Path.home() / ".cache"
    return top / "mysqlproxy"


def make_once(
    place: Path,
    make: Callable[[Path], None],
    limit_seconds: float,
    progress: Callable[[str], None],
) -> None:
    """
    Make a folder unless it is there; it gets its name only when it is complete.

    Args:
        place: the folder. Everything beside it belongs to this function.
        make: fills the empty folder it is given, which gets the name `place` later. What
            it puts beside that folder is thrown away.
        limit_seconds: how long to wait for another process that makes the same.
        progress: see `only_one_process`.

    Raises:
        EmbeddedError: see `only_one_process`; and whatever `make` raises, which leaves
            nothing behind.
    """
    if place.is_dir():
        return
    with only_one_process(place.parent, limit_seconds, progress):
        if place.is_dir():
            return
        for left_over in place.parent.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(left_over, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=place.parent) as fresh:
            unfinished = Path(fresh) / place.name
            unfinished.mkdir(mode=0o700)
            make(unfinished)
            unfinished.rename(place)


@contextlib.contextmanager
def only_one_process(
    folder: Path, limit_seconds: float, progress: Callable[[str], None]
) -> Iterator[None]:
    """
    Hold the lock of a folder: two processes do not make the same thing at once.

    The lock is the kernel's (flock(2)), so that it ends with its process.

    Args:
        folder: created if it is missing.
        limit_seconds: how long to wait for another process.
        progress: is told once when there is somebody to wait for.

    Raises:
        EmbeddedError: the folder cannot be written, or the other process took too long.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise EmbeddedError(
            f"The cache folder {folder} cannot be used ({error.strerror}); "
            "set XDG_CACHE_HOME to a folder that can."
        ) from error
    try:
        deadline = time.monotonic() + limit_seconds
        waited = False
        while not _locked(descriptor):
            if not waited:
                progress(f"waiting for another process that works in {folder}")
                waited = True
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"Another process has been working in {folder} for more than "
                    f"{limit_seconds:.0f} s; stop it and try again."
                )
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
