"""
Gives a member of a Galera cluster the data of another one of the same machine.

The servers run this as a program at both ends (``wsrep_sst_method``), as they would run
rsync, and talk with it by lines. The joiner says ``ready ADDRESS`` at once, and ``ID:NUMBER``,
the position that it was given, when all is there. The donor says ``flush tables``, waits for
the file ``tables_flushed``, whereupon nothing changes in its folder until it says
``continue``, and says ``done ID:NUMBER`` at the end. With ``--bypass`` the joiner's data are
good, and it will get what it missed from the cluster.

Only the standard library is used: ``python -I -S transfer.py --role joiner --datadir FOLDER``
or ``--role donor --datadir FOLDER --address ADDRESS --gtid ID:NUMBER [--bypass]``; all other
words are passed over.
"""

import shutil
import sys
import time
from pathlib import Path

HOST = "127.0.0.1"
LIMIT_SECONDS = 120.0
"""As long as nobody copies more than a test's data; a server that died does not stop this
program."""

_POLL_SECONDS = 0.01
_POSITION = "transferred"
_FLUSHED = "tables_flushed"

_OWN = ("galera.cache", "grastate.dat", "gvwstate.dat")
"""What a member knows of itself."""

_NOT_GIVEN = (*_OWN, _POSITION, _FLUSHED, "auto.cnf", "ibtmp1", "binlog.*")


def receive(data: Path) -> None:
    """Say that this folder is ready, and the position when it has been filled."""
    place = data / _POSITION
    place.unlink(missing_ok=True)
    # The donor gets it as its address; a temporary folder's path has no letter that the
    # servers do not let through there.
    _say(f"ready {HOST}{data}")
    _wait_for(place)
    position = place.read_text()
    # The next donor's folder is this one: it must not give this file away.
    place.unlink()
    _say(position)


def give(data: Path, address: str, position: str, *, bypass: bool) -> None:
    """
    Fill the folder of a joiner.

    Args:
        data: this member's own folder.
        address: what the joiner has said.
        position: what the joiner is told to have then.
        bypass: whether its data are good already.
    """
    target = Path(address.removeprefix(HOST))
    if not bypass:
        _say("flush tables")
        _wait_for(data / _FLUSHED)
        (data / _FLUSHED).unlink()
        _replace(data, target)
    _say("continue")
    unfinished = target / f"{_POSITION}.new"
    unfinished.write_text(position)
    unfinished.rename(target / _POSITION)
    _say(f"done {position}")


def main(words: list[str]) -> None:
    """Do what the words of the command line say."""
    options = dict(zip(words, [*words[1:], ""], strict=True))
    data = Path(options["--datadir"])
    if options["--role"] == "joiner":
        receive(data)
    else:
        bypass = "--bypass" in options
        give(data, options["--address"], options["--gtid"], bypass=bypass)


def _replace(data: Path, target: Path) -> None:
    for old in target.iterdir():
        if old.name in _OWN:
            continue
        if old.is_dir():
            shutil.rmtree(old)
        else:
            old.unlink()
    shutil.copytree(
        data, target, ignore=shutil.ignore_patterns(*_NOT_GIVEN), dirs_exist_ok=True
    )


def _wait_for(place: Path) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not place.exists():
        if time.monotonic() > deadline or not place.parent.exists():
            sys.exit(f"{place} did not appear.")
        time.sleep(_POLL_SECONDS)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
