"""How many processes serve: as many as the configuration says, or one for each core.

A core counts when this process may use it: the machine may have more than its affinity allows,
and a container, or a unit of systemd, more than its quota of processor time is worth.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

from proxy.config.model import MAX_WORKERS, WorkerCount

ROOT: Final = Path("/")

_QUOTA_FILES: Final = (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us"))
"""Where a control group has its quota and the period that this is for, both in microseconds:
in version 2 in one file, in version 1 in two.  See cgroup-v2 and sched-bwc in the manual of the
kernel."""


@attrs.frozen
class Decided:
    """How many processes serve.

    Attributes:
        count: From 1 to `MAX_WORKERS`.
        why: For people.
    """

    count: int
    why: str


def decide(setting: int | WorkerCount, root: Path = ROOT) -> Decided:
    """How many processes serve with this setting.

    Args:
        setting: That of the configuration.
        root: Where the folders `proc` and `sys` are.
    """
    if isinstance(setting, int):
        return Decided(setting, "as configured")
    cores, worth = len(os.sched_getaffinity(0)), quota(root)
    if worth < cores:
        count, why = math.ceil(worth), "as the control group has a quota of processor time"
    else:
        count, why = cores, "one for each core that the process may use"
    return Decided(min(count, MAX_WORKERS), why)


def quota(root: Path = ROOT) -> float:
    """How many cores' time the process may use by its control group and those around that one.

    Infinity where there is no limit, or none that can be read.
    """
    return min(map(_quota_of, _groups(root)), default=math.inf)


def _groups(root: Path) -> Iterator[Path]:
    """The folders of the groups that the process is in; some need not be there.

    In a container the path may be one of the machine's, of which only the last folder is in
    sight, in the place of the topmost one.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        _, _, named = line.partition(":")
        controllers, _, group = named.partition(":")
        top = root / "sys/fs/cgroup"
        if controllers:  # version 1, with a hierarchy for each of them
            if "cpu" not in controllers.split(","):
                continue
            top /= "cpu"
        parts = Path(group).parts[1:]
        yield top
        for depth in range(len(parts) if ".." not in parts else 0):
            yield top.joinpath(*parts[: depth + 1])


def _quota_of(group: Path) -> float:
    for names in _QUOTA_FILES:
        try:
            said = " ".join((group / name).read_text("utf-8") for name in names)
            time, period = map(float, said.split())
        except (OSError, ValueError):  # there is no such file, or it says "max"
            continue
        if time > 0 and period > 0:
            return time / period
    return math.inf
