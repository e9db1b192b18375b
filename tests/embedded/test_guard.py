import os
import subprocess
import sys

import pytest

from proxy.embedded import guard

STUBBORN = "trap '' TERM; echo deaf; while :; do sleep 0.1; done"


def run(*command, limit="1", folder="", words=b"", hold=True):
    """Runs a command under guard; without `hold` the pipe ends behind the words."""
    end, pipe = os.pipe()
    os.write(pipe, words)
    if not hold:
        os.close(pipe)
    try:
        return subprocess.run(
            [sys.executable, "-I", "-S", guard.__file__, limit, folder, *command],
            stdin=end,
            capture_output=True,
            timeout=30,
            check=False,
        )
    finally:
        os.close(end)
        if hold:
            os.close(pipe)


def test_exit_status_is_the_commands():
    """The guard ends as its command ended."""
    assert run("/bin/sh", "-c", "exit 7").returncode == 7


@pytest.mark.parametrize(("word", "status"), [(b"T", 128 + 15), (b"K", 128 + 9)])
def test_word_from_the_pipe_is_the_signal_to_send(word, status):
    """T is SIGTERM and K is SIGKILL; death by signal n is told as 128 + n."""
    assert run("/bin/sleep", "60", words=word).returncode == status


def test_words_are_obeyed_in_their_order():
    """S freezes and C thaws, so that a frozen command can finish."""
    assert run("/bin/sleep", "60", words=b"STC").returncode == 128 + 15


def test_frozen_orphan_is_thawed_so_that_it_can_finish(tmp_path):
    """An orphan that was frozen ends by SIGTERM, long before its limit."""
    own = tmp_path / "own"
    own.mkdir()
    done = run("/bin/sleep", "60", words=b"S", limit="3600", folder=str(own), hold=False)
    assert done.returncode == 128 + 15
    assert not own.exists()


def test_process_id_is_told_and_output_goes_to_the_log():
    """Standard output carries the process id alone; the command's output goes to the log."""
    done = run("/bin/sh", "-c", "echo $$")
    assert done.stdout == done.stderr
    assert done.stdout.strip().isdigit()


def test_end_of_the_pipe_is_the_end_of_the_command(tmp_path):
    """A pipe that ends means an orphan: it is stopped, and its folder removed."""
    own = tmp_path / "own"
    own.mkdir()
    assert run("/bin/sleep", "60", folder=str(own), hold=False).returncode == 128 + 15
    assert not own.exists()


def test_orphan_that_does_not_obey_is_killed_after_the_limit():
    """An orphan may take the limit to finish, no longer."""
    end, pipe = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-I", "-S", guard.__file__, "0.1", "", "/bin/sh", "-c", STUBBORN],
        stdin=end,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as body:
        os.close(end)
        assert body.stderr.readline() == b"deaf\n"
        os.close(pipe)
        assert body.wait(30) == 128 + 9


def test_folder_of_an_orphan_that_ended_first_is_removed(tmp_path):
    """A command that ends in the same moment as its starter leaves no folder either."""
    own = tmp_path / "own"
    own.mkdir()
    run("/bin/true", folder=str(own), hold=False)
    assert not own.exists()
