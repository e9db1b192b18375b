import os

import pytest

from bench import machine


def test_processor_time_is_told_apart_by_user_and_system():
    """The name of a program may hold spaces and parentheses without shifting the fields."""
    line = "42 (a ) (b) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 7 8 20 0 3 0 100 200 300"
    ticks = machine.TICKS_PER_SECOND
    assert machine.parse_stat(line) == (250 / ticks, 50 / ticks)


def test_memory_is_told_in_bytes():
    """The peak and the present size stand in lines of their own."""
    text = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n"
    assert machine.parse_memory(text, "VmRSS") == 1 << 20
    assert machine.parse_memory(text, "VmHWM") == 2 << 20


def test_a_process_without_memory_has_no_size():
    """A process that has ended and was not waited for has no such line."""
    with pytest.raises(ValueError, match="VmRSS"):
        machine.parse_memory("Name:\tx\nState:\tZ (zombie)\n", "VmRSS")


def test_this_process_can_be_looked_at():
    """The files of a living process have the form that is expected."""
    assert machine.cpu_seconds(os.getpid()) > 0
    assert machine.memory_bytes(os.getpid()) <= machine.memory_bytes(os.getpid(), "VmHWM")
