from collections import Counter

from bench.failover.samples import Measure, median


def test_what_never_came_is_later_than_all_that_came():
    """A median of mostly nothing is nothing, and a single miss does not hide the others."""
    assert median([3.0, None, 1.0]) == 3.0
    assert median([None, None, 1.0]) is None
    assert median([]) is None


def test_the_table_has_medians_and_ranges():
    """One value, or equal ones, need no range; a column without the figure has a dash."""
    measure = Measure("kill")
    for value in (1500.0, 1400.0, 1700.0):
        measure.add("ms to writable", "mysqlproxy", value)
        measure.add("errors", "mysqlproxy", 0)
    measure.add("errors", "direct", 10)
    assert [line.split("  ") for line in compact(measure)] == [
        ["kill", "mysqlproxy", "direct"],
        ["ms to writable", "1,500 (1,400 to 1,700)", "-"],
        ["errors", "0", "10"],
    ]


def compact(measure):
    """The lines of its table, with two blanks wherever there are more."""
    lines = measure.table().splitlines()
    return ["  ".join(part.strip() for part in line.split("  ") if part) for line in lines]


def test_the_table_says_never():
    """A run in which it never came is no zero."""
    measure = Measure("kill")
    for value in (200.0, None, 100.0):
        measure.add("ms to the first write", "mysqlproxy", value)
    for value in (None, None):
        measure.add("ms until all went on", "mysqlproxy", value)
    assert compact(measure)[1:] == [
        "ms to the first write  200 (100 to never)",
        "ms until all went on  never",
    ]


def test_notes_are_counted_with_their_first_example(capsys):
    """Only the first one of a kind is said at once."""
    measure = Measure("kill")
    measure.note("it hung", "client 1")
    measure.note("it hung", "client 2")
    measure.note("a reader is missing")
    assert measure.remarks() == [
        "2 x it hung - for example client 1",
        "1 x a reader is missing",
    ]
    assert capsys.readouterr().err == "  it hung - client 1\n  a reader is missing\n"


def test_the_json_has_every_sample():
    """Medians are there, too, and how often each error was heard."""
    measure = Measure("kill")
    for value in (2.0, None, 1.0):
        measure.add("ms", "mysqlproxy", value)
    measure.hear("mysqlproxy", "writing", Counter({"2013/08007": 3}))
    measure.hear("mysqlproxy", "writing", Counter({"2013/08007": 1}))
    assert measure.as_json() == {
        "title": "kill",
        "figures": {"ms": {"mysqlproxy": {"median": 2.0, "samples": [2.0, None, 1.0]}}},
        "errors": {"mysqlproxy": {"writing": {"2013/08007": 4}}},
        "notes": [],
    }
