import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from proxy.embedded import process as process_module
from proxy.embedded.errors import ServerFailedError
from proxy.embedded.process import GuardedProcess

STUBBORN = ("/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done")
WILLING = ("/bin/sleep", "60")


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def start(tmp_path):
    """Starts a command under guard; what still runs at the end is killed."""
    started = []

    def begin(command):
        started.append(
            GuardedProcess.start(
                command, log=tmp_path / "log", folder=tmp_path / "own", limit_seconds=1
            )
        )
        return started[-1]

    yield begin
    for process in started:
        process.kill()


def test_stop_asks_the_process_to_finish(start):
    """A process that obeys SIGTERM ends within the limit, and stopping it twice is no error."""
    process = start(WILLING)
    assert process.is_running()
    assert is_alive(process.pid)
    process.stop(limit_seconds=10)
    assert not process.is_running()
    assert not is_alive(process.pid)
    process.stop(limit_seconds=10)


def test_stop_kills_a_process_that_does_not_obey(start, tmp_path):
    """After the limit a process that ignores SIGTERM is gone all the same."""
    process = start(STUBBORN)
    wait_until(lambda: (tmp_path / "log").read_text() == "up\n")
    process.stop(limit_seconds=0.2)
    assert not is_alive(process.pid)


def test_process_that_ends_by_itself_is_noticed(start):
    """The end of the process is the end of its guard."""
    process = start(("/bin/true",))
    wait_until(lambda: not process.is_running())
    process.kill()
    assert not is_alive(process.pid)


def test_folder_stays_when_the_starter_lives(start, tmp_path):
    """Only an orphan's folder is removed: a stopped server can be started again."""
    (tmp_path / "own").mkdir()
    start(WILLING).stop(limit_seconds=10)
    assert (tmp_path / "own").is_dir()


def test_command_that_does_not_exist_is_refused(start):
    """A program that cannot be run is told at once, with the log that says why."""
    with pytest.raises(ServerFailedError, match="/no/such/program could not be started"):
        start(("/no/such/program",))


def test_output_is_appended_to_the_log(start, tmp_path):
    """What the process prints is kept in the file that was named."""
    for _ in range(2):
        process = start(("/bin/echo", "hello"))
        wait_until(lambda process=process: not process.is_running())
    assert (tmp_path / "log").read_text() == "hello\nhello\n"


PARENT = """
import os, sys, time
from pathlib import Path
from proxy.embedded.process import GuardedProcess

folder = Path({folder!r})
process = GuardedProcess.start(
    {command!r}, log=folder / "log", folder=folder / "own", limit_seconds=1
)
{more}
try:
    print(process.pid, flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print(process.is_running(), flush=True)
    process.stop(5)
"""


def test_frozen_process_does_nothing_until_it_is_thawed(start, tmp_path):
    """A frozen process lives and writes nothing more; a thawed one goes on."""
    process = start(("/bin/sh", "-c", "while :; do echo tick; sleep 0.01; done"))
    log = tmp_path / "log"
    wait_until(lambda: log.stat().st_size)
    assert not process.is_frozen()
    process.freeze()
    assert process.is_frozen()
    assert process.is_running()
    size = log.stat().st_size
    time.sleep(0.1)
    assert log.stat().st_size == size
    process.thaw()
    assert not process.is_frozen()
    wait_until(lambda: log.stat().st_size > size)


def test_frozen_process_obeys_a_stop_and_a_kill(start):
    """A stop thaws the process, so that it can finish; a kill needs no thawing."""
    polite, killed = start(WILLING), start(STUBBORN)
    for process in (polite, killed):
        process.freeze()
    polite.stop(limit_seconds=3600)
    killed.kill()
    assert not polite.is_running()
    assert not killed.is_running()
    assert not killed.is_frozen()


def test_process_that_has_ended_cannot_be_frozen_or_thawed(start):
    """Nobody waits for the state of a process that is gone."""
    process = start(("/bin/true",))
    wait_until(lambda: not process.is_running())
    for change in (process.freeze, process.thaw):
        with pytest.raises(ServerFailedError, match="has ended"):
            change()


def test_process_that_does_not_freeze_in_time_is_told(start, monkeypatch):
    """The wait for the kernel has an end."""
    process = start(WILLING)
    monkeypatch.setattr(process_module, "FREEZE_LIMIT_SECONDS", 0)
    monkeypatch.setattr(process_module, "_states", lambda _pid: iter("S"))
    with pytest.raises(ServerFailedError, match="did not freeze within 0 s"):
        process.freeze()


@pytest.fixture
def parent(tmp_path):
    """Runs a process that starts a command under guard; gives it and the command's pid."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "data").touch()
    begun = []

    def begin(command, more=""):
        text = PARENT.format(folder=str(tmp_path), command=command, more=more)
        body = subprocess.Popen(
            [sys.executable, "-c", text],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            cwd=Path(__file__).parents[2],
        )
        begun.append(body)
        return body, int(body.stdout.readline())

    yield begin
    for body in begun:
        body.kill()
        body.wait(10)
        body.stdout.close()


@pytest.mark.parametrize("command", [WILLING, STUBBORN], ids=["willing", "stubborn"])
def test_killed_starter_takes_its_process_and_folder_along(parent, tmp_path, command):
    """When the starter dies by SIGKILL the process ends, willing or not; so does its folder."""
    body, pid = parent(command)
    assert is_alive(pid)
    body.kill()
    wait_until(lambda: not is_alive(pid))
    wait_until(lambda: not (tmp_path / "own").exists())


def test_forked_child_that_holds_the_pipe_does_not_keep_the_process(parent):
    """A fork of the starter keeps the pipe open; the guard notices the death without it."""
    fork = "child = os.fork()\nif child == 0:\n    time.sleep(15)\n    os._exit(0)\n"
    body, pid = parent(WILLING, fork)
    body.kill()
    wait_until(lambda: not is_alive(pid))


def test_starter_that_exits_without_a_word_takes_its_process_along(parent):
    """A process that was never stopped ends with a starter that ends normally."""
    _, pid = parent(WILLING, "print(process.pid, flush=True)\nsys.exit()\n")
    wait_until(lambda: not is_alive(pid))


def test_interrupt_from_the_terminal_reaches_the_starter_only(parent):
    """Ctrl-C goes to the terminal's process group, which the process is not in."""
    body, pid = parent(WILLING)
    os.killpg(body.pid, signal.SIGINT)
    assert body.stdout.readline() == "True\n"
    assert body.wait(15) == 0
    assert not is_alive(pid)


def test_killed_guard_takes_the_process_along(start):
    """The kernel kills the process when its guard is killed."""
    process = start(WILLING)
    os.kill(process._guard.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(process.pid))
    assert not process.is_running()


def test_guard_passes_a_polite_signal_on(start):
    """Whoever ends the guard politely ends the process politely."""
    process = start(WILLING)
    os.kill(process._guard.pid, signal.SIGTERM)
    wait_until(lambda: not process.is_running())
    assert not is_alive(process.pid)
