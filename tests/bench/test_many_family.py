"""Tests of `bench.many.family`."""

import os
import subprocess
import sys

from bench.many.family import family

STARTS_ANOTHER = (
    "import subprocess, sys; "
    "other = subprocess.Popen(['sleep', '60']); "
    "print(other.pid, flush=True); sys.stdin.read(); other.kill(); other.wait()"
)


def test_a_family_is_all_that_a_process_has_started():
    """Children of children too, and none that has ended."""
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_ANOTHER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        grandchild = int(child.stdout.readline())
        assert family(child.pid) == [child.pid, grandchild]
        assert {child.pid, grandchild} <= {*family(os.getpid())}
        child.communicate()
    assert child.pid not in family(os.getpid())
