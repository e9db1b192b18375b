"""Tests of `proxy.service.cores`."""

import math
import os

import pytest

from proxy.config.model import MAX_WORKERS, WorkerCount
from proxy.service.cores import Decided, decide, quota

UNIT = "0::/system.slice/proxy.service\n"
OLD = "12:devices:/x\n4:cpu,cpuacct:/docker/4711\n3:cpuset:/\n0::/\n"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Lays down the files of a machine, and says how many of its cores may be used."""

    def lay(own=None, cores=8, **files):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
        if own is not None:
            files["/proc/self/cgroup"] = own
        for name, text in files.items():
            path = tmp_path / name.strip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return lay


@pytest.mark.parametrize("count", [1, 7])
def test_a_number_counts_as_it_is(machine, count):
    """Whatever the machine has."""
    assert decide(count, machine(cores=3)) == Decided(count, "as configured")


@pytest.mark.parametrize(
    ("cores", "count"), [(1, 1), (8, 8), (MAX_WORKERS, MAX_WORKERS), (256, MAX_WORKERS)]
)
def test_each_core_that_may_be_used_has_one(machine, cores, count):
    """As far as clients' numbers can tell workers apart."""
    decided = decide(WorkerCount.AUTO, machine(UNIT, cores))
    assert decided == Decided(count, "one for each core that the process may use")


@pytest.mark.parametrize(
    ("limit", "count"),
    [
        ("50000 100000\n", 1),
        ("100000 100000\n", 1),
        ("250000 100000\n", 3),
        ("800000 100000\n", 8),
        ("6400000 100000\n", 8),
        ("max 100000\n", 8),
    ],
)
def test_a_quota_is_worth_so_many_cores(machine, limit, count):
    """Rounded up, and never more than there are."""
    root = machine("0::/\n", **{"/sys/fs/cgroup/cpu.max": limit})
    assert decide(WorkerCount.AUTO, root).count == count


def test_a_quota_is_named_where_it_decides(machine):
    """Whoever wonders why there are so few finds it in the log."""
    root = machine("0::/\n", **{"/sys/fs/cgroup/cpu.max": "150000 100000\n"})
    why = "as the control group has a quota of processor time"
    assert decide(WorkerCount.AUTO, root) == Decided(2, why)


@pytest.mark.parametrize("inner", ["400000 100000\n", "max 100000\n", None])
def test_the_limit_of_a_group_around_holds_as_well(machine, inner):
    """The least of them counts, wherever it stands."""
    files = {"/sys/fs/cgroup/system.slice/cpu.max": "200000 100000\n"}
    if inner is not None:
        files["/sys/fs/cgroup/system.slice/proxy.service/cpu.max"] = inner
    assert quota(machine(UNIT, **files)) == 2


def test_only_the_groups_of_the_process_count(machine):
    """Not those beside or below it."""
    root = machine(
        UNIT,
        **{
            "/sys/fs/cgroup/system.slice/proxy.service/cpu.max": "300000 100000\n",
            "/sys/fs/cgroup/system.slice/proxy.service/inner/cpu.max": "100000 100000\n",
            "/sys/fs/cgroup/system.slice/other.service/cpu.max": "100000 100000\n",
        },
    )
    assert quota(root) == 3


def test_the_first_version_has_a_hierarchy_of_its_own(machine):
    """The one that has the processor among its controllers."""
    root = machine(
        OLD,
        **{
            "/sys/fs/cgroup/cpu/docker/4711/cpu.cfs_quota_us": "150000\n",
            "/sys/fs/cgroup/cpu/docker/4711/cpu.cfs_period_us": "100000\n",
            "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
    )
    assert quota(root) == 1.5


def test_a_container_sees_its_own_group_on_top(machine):
    """Its path may be the machine's, which is not there."""
    root = machine(
        OLD,
        **{
            "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000\n",
            "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "50000\n",
        },
    )
    assert quota(root) == 2


def test_a_path_that_leads_out_of_sight_is_not_followed(machine):
    """What is on top counts, and nothing elsewhere."""
    root = machine(
        "0::/../proxy\n",
        **{
            "/sys/fs/cgroup/cpu.max": "300000 100000\n",
            "/sys/fs/proxy/cpu.max": "100000 100000\n",
        },
    )
    assert quota(root) == 3


@pytest.mark.parametrize(
    ("own", "limit"),
    [
        (None, "100000 100000\n"),
        ("", "100000 100000\n"),
        ("0::/\n", ""),
        ("0::/\n", "many 100000\n"),
        ("0::/\n", "1 2 3\n"),
        ("0::/\n", "100000 0\n"),
    ],
)
def test_what_cannot_be_read_is_no_limit(machine, own, limit):
    """Neither is a group that is not known, nor one that says nothing."""
    assert quota(machine(own, **{"/sys/fs/cgroup/cpu.max": limit})) == math.inf


def test_this_machine_has_some():
    """Whichever it is."""
    assert 1 <= decide(WorkerCount.AUTO).count <= MAX_WORKERS
