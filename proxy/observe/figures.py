"""What the system says of this process: processor, memory, files."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

import attrs

_FILES = Path("/proc/self/fd")
_MEMORY = Path("/proc/self/statm")


@attrs.frozen(kw_only=True)
class Figures:
    """How much a process takes.

    Attributes:
        pid: Its process id.
        cpu_seconds: Processor time that it has used.
        resident_bytes: Memory that it takes; 0 where the system does not tell.
        open_files: File descriptors in use; likewise.
        max_open_files: How many it may have.
    """

    pid: int = 0
    cpu_seconds: float = 0.0
    resident_bytes: int = 0
    open_files: int = 0
    max_open_files: int = 0


def figures() -> Figures:
    """Those of this process, now."""
    return Figures(
        pid=os.getpid(),
        cpu_seconds=time.process_time(),
        resident_bytes=_resident_bytes(),
        open_files=_open_files(),
        max_open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    )


def _open_files() -> int:
    """File descriptors in use; Linux tells their number since 6.2, else they are counted."""
    try:
        return _FILES.stat().st_size or sum(1 for _ in _FILES.iterdir())
    except OSError:
        return 0


def _resident_bytes() -> int:
    try:
        pages = int(_MEMORY.read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
