import pytest

from bench.clients_sysbench import LoadFailedError, Outcome, mean_microseconds, parse, rate

REPORT = """\
Threads started!

SQL statistics:
    transactions:                        8000   (4000.00 per sec.)
    ignored errors:                      3      (0.00 per sec.)

General statistics:
    total time:                          2.0000s
    total number of events:              8000

Latency (ms):
         avg:                                    1.87
         99th percentile:                        3.25
"""


def test_a_report_is_read():
    """Events, seconds, latency and errors stand in lines of their own."""
    assert parse(REPORT) == Outcome(8000, 2.0, 3.25, 3)


def test_a_rate_comes_with_processor_time_for_each_operation():
    """A second of processor time for 8,000 operations is 125 µs for one."""
    sample = rate(parse(REPORT), 1.0)
    assert sample.value == 4000
    assert sample.cpu_seconds == 125e-6
    assert sample.p99_ms == 3.25
    assert sample.errors == 3


def test_a_single_client_is_told_by_its_mean():
    """The time of one operation is finer than sysbench's own average of two digits."""
    sample = mean_microseconds(parse(REPORT), None)
    assert sample.value == 250
    assert sample.cpu_seconds is None


def test_a_load_that_failed_says_why():
    """The cause is what the server said, not that sysbench could not connect."""
    text = (
        "Threads started!\n"
        "FATAL: unable to connect to MySQL server on host '127.0.0.1', port 1, aborting...\n"
        "FATAL: error 2002: Can't connect to server on '127.0.0.1' (115)\n"
    )
    with pytest.raises(LoadFailedError, match=r"^sysbench: error 2002"):
        parse(text)


def test_a_load_that_was_killed_says_so():
    """Without any complaint the last line is told, or that there was none."""
    with pytest.raises(LoadFailedError, match="Threads started!"):
        parse("Initializing\nThreads started!\n")
    with pytest.raises(LoadFailedError, match="it said nothing"):
        parse("")
