import pytest

from bench.clients_sysbench import LoadFailedError, parse
from bench.curves.load import percentile

REPORT = """\
Threads started!

Latency histogram (values are in milliseconds)
       value  ------------- distribution ------------- count
       0.218 |***************************              50
       0.222 |**************************************** 45
       1.030 |***                                      4
      12.500 |                                         1

SQL statistics:
    queries performed:
        read:                            100
    ignored errors:                      0      (0.00 per sec.)

General statistics:
    total time:                          2.0000s
    total number of events:              100

Latency (ms):
         99th percentile:                        1.03
"""


@pytest.mark.parametrize(
    ("share", "milliseconds"), [(0.5, 0.218), (0.51, 0.222), (0.99, 1.03), (1.0, 12.5)]
)
def test_a_percentile_is_the_bar_in_which_so_many_have_ended(share, milliseconds):
    """Bars without a star count, too."""
    assert percentile(REPORT, share) == milliseconds


def test_a_report_without_a_histogram_has_no_percentiles():
    """It has come to no end then."""
    with pytest.raises(LoadFailedError, match="histogram"):
        percentile("FATAL: nothing", 0.5)


def test_the_histogram_is_no_hindrance_to_the_rest():
    """The report says the same as without it."""
    outcome = parse(REPORT)
    assert (outcome.events, outcome.seconds, outcome.p99_ms) == (100, 2.0, 1.03)
