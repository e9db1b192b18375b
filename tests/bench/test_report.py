import pytest

from bench.report import Line, Sample, as_json, duration, median, ratio, table

RATE = Line("select", "selects, per s", shows_p99=True)
TIME = Line("wide", "wide rows, s", more_is_better=False, digits=2)


def rates(*values, cpu_seconds=None):
    return [
        Sample(value, cpu_seconds, p99_ms=2.0, number=number)
        for number, value in enumerate(values)
    ]


def test_a_ratio_compares_each_round_with_itself():
    """A machine at half its speed in one round changes no ratio."""
    assert ratio(rates(50, 25, 50), rates(100, 50, 100)) == 0.5


def test_a_ratio_is_the_median_of_the_rounds():
    """One round that went wrong does not count."""
    assert ratio(rates(50, 1, 60), rates(100, 100, 100)) == 0.5


def test_rounds_of_one_side_only_are_left_out():
    """A peer that failed in one round is compared by the others, whichever it was."""
    assert ratio(rates(50, 70), rates(100)) == 0.5
    assert ratio(rates(70, 50)[1:], rates(700, 100)) == 0.5
    assert ratio(rates(70, 50), rates(7, 100)[1:]) == 0.5


def test_there_is_no_ratio_to_nothing():
    """Neither missing samples nor a rate of zero make a ratio."""
    assert ratio(rates(50), []) is None
    assert ratio(rates(50), rates(0)) is None


def test_a_median_leaves_out_what_was_not_measured():
    """The direct way has no proxy whose processor time could be told."""
    samples = [Sample(1.0), Sample(2.0, cpu_seconds=3e-5), Sample(9.0, cpu_seconds=5e-5)]
    assert median(samples, "value") == 2.0
    assert median(samples, "cpu_seconds") == 4e-5
    assert median(samples, "p99_ms") is None


def test_processor_time_is_shown_in_its_unit():
    """Microseconds for statements, milliseconds and seconds for large results."""
    assert duration(0.0000334) == "33 µs"
    assert duration(0.19) == "190 ms"
    assert duration(1.237) == "1.24 s"


def test_the_table_shows_figures_ratios_range_and_processor_time():
    """Each work has its figures, and below them what is known beside."""
    samples = {
        "select": {
            "direct": rates(20_000, 24_000),
            "HAProxy": rates(10_000, 12_000, cpu_seconds=4e-5),
            "mysqlproxy": rates(8_000, 9_600, cpu_seconds=5e-5),
        }
    }
    shown = table([RATE, TIME], ["direct", "HAProxy", "mysqlproxy"], samples)
    assert [line.split() for line in shown.splitlines()] == [
        ["direct", "HAProxy", "mysqlproxy"],
        ["selects,", "per", "s", "22,000", "11,000", "(0.50)", "8,800", "(0.40)"],
        [
            "least",
            "to",
            "most",
            *["20,000", "to", "24,000", "10,000", "to", "12,000", "8,000", "to", "9,600"],
        ],
        ["cpu", "per", "operation", "40", "µs", "50", "µs"],
        ["mysqlproxy", "÷", "it", "0.40", "0.80"],
        ["p99,", "ms", "2.00", "2.00", "2.00"],
    ]


def test_a_peer_without_samples_has_an_empty_cell():
    """A peer that failed in one work stays in the table for the others."""
    shown = table([TIME], ["direct", "Router"], {"wide": {"direct": [Sample(1.5)]}})
    assert shown.splitlines()[1].split() == ["wide", "rows,", "s", "1.50", "-"]


def test_columns_are_aligned():
    """Every figure ends below the name of its peer."""
    shown = table(
        [TIME], ["direct", "x"], {"wide": {"direct": [Sample(1.5)], "x": [Sample(3.0)]}}
    )
    head, figures, *_ = shown.splitlines()
    assert head.index("direct") + len("direct") == figures.index("1.50") + len("1.50")
    assert figures.endswith("3.00 (2.00)")


def test_the_json_keeps_every_sample():
    """What the table leaves out can be reckoned again from the file."""
    samples = {
        "wide": {"direct": [Sample(1.0), Sample(2.0, number=1)], "mysqlproxy": [Sample(3.0)]}
    }
    (work,) = as_json([RATE, TIME], ["direct", "HAProxy", "mysqlproxy"], samples).values()
    assert work["title"] == "wide rows, s"
    assert not work["more_is_better"]
    assert list(work["peers"]) == ["direct", "mysqlproxy"]
    direct = work["peers"]["direct"]
    assert (direct["least"], direct["median"], direct["most"]) == (1.0, 1.5, 2.0)
    assert direct["ours_to_it"] == 3.0
    assert [sample["value"] for sample in direct["samples"]] == [1.0, 2.0]
    assert work["peers"]["mysqlproxy"]["ratio_to_direct"] == 3.0


def test_what_resumption_saves_is_shown_by_throughput_and_by_processor_time():
    """Each peer is compared with itself, round by round; the direct way by throughput only."""
    saved = Line("resume", "logins resumed, per s", than="login")
    samples = {
        "login": {
            "direct": rates(200, 100),
            "mysqlproxy": rates(100, 50, cpu_seconds=1.5e-3),
        },
        "resume": {
            "direct": rates(220, 110),
            "mysqlproxy": rates(200, 100, cpu_seconds=0.6e-3),
        },
    }
    lines = [Line("login", "logins, per s"), saved]
    shown = table(lines, ["direct", "mysqlproxy"], samples).splitlines()
    compared = [" ".join(line.split()) for line in shown if "÷ login" in line]
    assert compared == ["it ÷ login 1.10 2.00", "cpu of it ÷ login 0.40"]
    kept = as_json(lines, ["mysqlproxy"], samples)
    ours = kept["resume"]["peers"]["mysqlproxy"]
    assert ours["ratio_to_dearer_work"] == 2.0
    assert ours["cpu_ratio_to_dearer_work"] == pytest.approx(0.4)
    assert "ratio_to_dearer_work" not in kept["login"]["peers"]["mysqlproxy"]
