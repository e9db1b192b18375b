"""Where the processes of one proxy show each other that a user has written.

It is memory that all have: each process counts in a column of its own.  Whoever is about to
read sees there at once that somebody else has counted; what was written comes in a message.
"""

from __future__ import annotations

import functools
import mmap
import os
import sys
import tempfile
import zlib
from typing import Final

from proxy.config.model import MAX_WORKERS

SLOTS: Final = 1024
"""Users that can be told apart: who shares a slot is taken for one, and waits for the writes of
the other."""

_KNOWN_USERS: Final = 4096
"""Users whose slots are kept at hand."""

_COUNT_BYTES: Final = 8
_ROW_BYTES: Final = MAX_WORKERS * _COUNT_BYTES
_SIZE: Final = SLOTS * _ROW_BYTES

NOTHING: Final = bytes(_ROW_BYTES)
"""A row in which nobody has counted."""


class Board:
    """See the module.

    Args:
        handle: A descriptor of the memory; it is kept, and is for child processes too.
    """

    def __init__(self, handle: int) -> None:
        self.handle = handle
        self._memory = mmap.mmap(handle, _SIZE)
        self._counts = memoryview(self._memory).cast("Q")

    def __repr__(self) -> str:
        """By which descriptor it is had."""
        return f"<Board by descriptor {self.handle}>"

    @classmethod
    def make(cls) -> Board:
        """A new one, for a process that will have others.

        Raises:
            OSError: there is no room.
        """
        with tempfile.TemporaryFile(prefix="mysqlproxy-") as file:
            file.truncate(_SIZE)
            return cls(os.dup(file.fileno()))

    def row(self, slot: int) -> bytes:
        """What all have counted."""
        return self._memory[slot * _ROW_BYTES : (slot + 1) * _ROW_BYTES]

    def count(self, slot: int, seat: int) -> int:
        """What one has counted; its number is from 1."""
        return self._counts[slot * MAX_WORKERS + seat - 1]

    def add(self, slot: int, seat: int) -> None:
        """Count once more; only who has this seat does."""
        self._counts[slot * MAX_WORKERS + seat - 1] += 1

    def close(self) -> None:
        """Have it no more."""
        self._counts.release()
        self._memory.close()
        os.close(self.handle)


@functools.lru_cache(_KNOWN_USERS)
def slot_of(proxy: str, user: str) -> int:
    """Where the writes of a user are counted; the same in each process."""
    return zlib.crc32(f"{proxy}\0{user}".encode("utf-8", "surrogatepass")) % SLOTS


def counted(row: bytes, seat: int) -> int:
    """What one has counted in a row."""
    return int.from_bytes(row[(seat - 1) * _COUNT_BYTES : seat * _COUNT_BYTES], sys.byteorder)


def with_count(row: bytes, seat: int, count: int) -> bytes:
    """The row with another count of one."""
    start = (seat - 1) * _COUNT_BYTES
    return (
        row[:start] + count.to_bytes(_COUNT_BYTES, sys.byteorder) + row[start + _COUNT_BYTES :]
    )
