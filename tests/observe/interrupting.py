"""Something else in the midst of what runs: as a signal's handler, or another thread."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager

SWITCH_SECONDS = 1e-6
"""After which threads take turns: within a few steps."""


def interrupt_each_step(module, begin):
    """Run something again and again, interrupted at another step of a module each time.

    Args:
        module: Whose steps are meant.
        begin: Called for each time: gives what is run, what is done in its midst, and what is
            called at the end.
    """
    step, interrupted = 0, True
    while interrupted:
        step += 1
        run, interrupt, check = begin()
        interrupted = _interrupt(module.__file__, step, run, interrupt)
        if interrupted:
            check()
    assert step > 20, "there is more in a module than that"


def _interrupt(file, step, run, interrupt):
    """Interrupt at this step; whether there are so many."""
    left = step

    def trace(frame, event, _):
        nonlocal left
        if frame.f_code.co_filename != file:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if not left:
                interrupt()  # no step of it is traced
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return left <= 0


def in_threads(*runs):
    """Run these at the same time, each in a thread; what they raise is raised here."""
    failed = []

    def noting(run):
        try:
            run()
        except Exception as error:  # noqa: BLE001 - it is raised in the test
            failed.append(error)

    threads = [threading.Thread(target=noting, args=(run,)) for run in runs]
    with _switching():
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    if failed:
        raise failed[0]


@contextmanager
def _switching():
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
