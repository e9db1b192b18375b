import os
import threading
from xml.etree import ElementTree as ET

from bench.report import DIRECT, OURS
from bench.savings import draw, table
from bench.savings.looking import look, switches
from bench.savings.work import STEADY, statements

SVG = "{http://www.w3.org/2000/svg}"


def told(**more):
    """Figures of two rounds, the proxy's half of the direct ones."""
    names = {row.figure for row in draw.ROWS} | {line.figure for line in table.LINES}
    figures = {
        name: {
            way: {"median": value, "samples": [value, value]}
            for way, value in ((DIRECT, 100.0), (OURS, 50.0))
        }
        for name in names
    }
    for name in {row.beside for row in draw.ROWS if row.beside}:
        figures[name] = {OURS: {"median": 10.0, "samples": [10.0, 10.0]}}
    return {"modes": {STEADY: {"title": "2,000 clients", "figures": figures | more}}}


def test_context_switches_of_both_kinds_are_counted():
    """Those that a thread wanted, and those that it did not."""
    text = "Threads:\t1\nvoluntary_ctxt_switches:\t40\nnonvoluntary_ctxt_switches:\t2\n"
    assert switches(text) == 42


def test_a_process_is_looked_at_with_all_its_threads():
    """A thread more is one more that is seen."""
    before = look(os.getpid())
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    try:
        after = look(os.getpid())
    finally:
        ended.set()
        thread.join()
    assert after.threads == before.threads + 1
    assert after.memory_bytes > 0
    assert after.cpu_seconds >= before.cpu_seconds


def test_clients_ask_for_rows_that_are_there():
    """A tenth of the statements sorts."""
    texts = statements()
    assert len(set(texts)) == len(texts)
    sorting = sum("ORDER BY" in text for text in texts)
    assert len(texts) // 10 <= sorting <= len(texts) // 10 + 1


def test_the_table_compares_within_rounds():
    """Direct, through the proxy, and the ratio; with the proxy's own part where it is said."""
    lines = {line.heading: table.cells(told(), STEADY, line) for line in table.LINES}
    assert lines["its threads"] == ["100", "50", "0.50"]
    assert lines["the same, with the proxy's, µs"] == ["100", "60", "0.60"]
    text = table.table(told(), STEADY)
    assert text.startswith(".. list-table::\n")
    assert text.count("   * - ") == len(table.LINES) + 1


def test_the_picture_has_two_bars_for_each_figure():
    """As long as what they stand for, with the proxy's own part behind the server's."""
    root = ET.fromstring(draw.picture(told(), STEADY))
    bars = [one for one in root.iter(f"{SVG}rect") if one.get("height") == "14"]
    beside = sum(bool(row.beside) for row in draw.ROWS)
    assert len(bars) == 2 * len(draw.ROWS) + beside
    assert float(bars[0].get("width")) == 2 * float(bars[1].get("width"))
    assert {one.get("fill") for one in bars} == {"#d9552b", "#3b82c4", "#8fb8de"}
    right = max(float(one.get("x")) + float(one.get("width")) for one in bars)
    assert right < draw.WIDTH


def test_the_picture_is_told_in_words():
    """For those who do not see it."""
    root = ET.fromstring(draw.picture(told(), STEADY))
    [words] = [one.text for one in root.iter(f"{SVG}desc")]
    assert "threads of the server: direct 100, mysqlproxy 50." in words
    assert "mysqlproxy 50 + 10" in words
