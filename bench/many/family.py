"""A process and all that it has started: a proxy with workers is several."""

from __future__ import annotations

from pathlib import Path

from bench import machine


def family(pid: int) -> list[int]:
    """The process and its descendants, as far as they live."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += map(int, task.read_text("ascii").split())
            except OSError:
                continue  # it has just ended
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time of all of them, user and system.

    Raises:
        OSError: one of them has just ended.
    """
    return sum(map(machine.cpu_seconds, family(pid)))


def memory_bytes(pid: int, what: str = "VmRSS") -> int:
    """See `machine.memory_bytes`; of all of them together.

    Raises:
        OSError: one of them has just ended.
    """
    return sum(machine.memory_bytes(one, what) for one in family(pid))
