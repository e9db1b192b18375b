"""What the machine is, and what a process on it has used so far."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
KIB: Final = 1024

_VERSION_LIMIT_SECONDS = 20.0


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and its threads, user and system, in seconds.

    Raises:
        OSError: there is no such process.
    """
    return sum(cpu_split(pid))


def cpu_split(pid: int) -> tuple[float, float]:
    """The same, user and system apart.

    Raises:
        OSError: there is no such process.
    """
    return parse_stat(Path(f"/proc/{pid}/stat").read_text("ascii"))


def parse_stat(text: str) -> tuple[float, float]:
    """Seconds, user and system, in a line of /proc/PID/stat (proc_pid_stat(5))."""
    # The second field is the program's name in parentheses, which may hold spaces itself.
    fields = text.rpartition(")")[2].split()
    return int(fields[11]) / TICKS_PER_SECOND, int(fields[12]) / TICKS_PER_SECOND


def memory_bytes(pid: int, what: str = "VmRSS") -> int:
    """Memory of a process: `VmRSS` is what it has now, `VmHWM` the most it ever had.

    Raises:
        OSError: there is no such process.
        ValueError: it has no memory of its own any more.
    """
    return parse_memory(Path(f"/proc/{pid}/status").read_text("utf-8"), what)


def parse_memory(text: str, what: str) -> int:
    """The bytes that a line such as ``VmRSS:  5 kB`` of /proc/PID/status tells."""
    found = re.search(rf"^{what}:\s+(\d+) kB$", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"there is no {what}")
    return int(found[1]) * KIB


def describe(programs: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Machine and versions, as the report keeps them.

    Args:
        programs: the words that make each program say its version.
    """
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    facts = {
        "processor": f"{_processor()}, {os.cpu_count()} logical",
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') >> 30} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "load average before": load,
        "Python": platform.python_version(),
    }
    for name, command in programs.items():
        facts[name] = _first_line(command)
    return facts


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def _first_line(command: Sequence[str]) -> str:
    try:
        said = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERSION_LIMIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"unknown: {error}"
    lines = (said.stdout + said.stderr).strip().splitlines()
    return lines[0] if lines else "unknown"
