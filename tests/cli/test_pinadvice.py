"""Tests of `proxy.cli.pinadvice`: what is said of reasons and of logs."""

from __future__ import annotations

import io
import json

import pytest
from click.testing import CliRunner

from proxy.cli.main import main
from proxy.cli.pinlog import PINNED
from proxy.observe.log import configure, get_logger
from proxy.session.advice import ADVICE
from proxy.session.pins import PinReason


def run(*words, text=None):
    words = words if "--log" in words else ("--explain", *words)
    return CliRunner(catch_exceptions=False).invoke(main, ["pins", *words], input=text)


@pytest.fixture
def log(tmp_path):
    """Write a log with the proxy's own logger: three locks, and one table from elsewhere."""
    stream = io.StringIO()
    configure("json", "info", stream)
    try:
        logger = get_logger(proxy="shop")
        logger.info("an endpoint listens", address="tcp:3306")
        for client in range(3):
            logger.warning(
                PINNED,
                client=client,
                reason=PinReason.NAMED_LOCK.value,
                statement="SELECT GET_LOCK(?, ?)",
            )
        logger.warning(
            PINNED,
            reason=PinReason.TEMPORARY_TABLE.value,
            statement="CREATE TEMPORARY TABLE picked SELECT id FROM items",
        )
    finally:
        configure()
    path = tmp_path / "mysqlproxy.log"
    path.write_text(stream.getvalue())
    return path


def test_every_reason_is_in_the_table():
    """Without an argument all reasons are listed, each on a line of its own."""
    result = run()
    assert result.exit_code == 0
    beginnings = [line.split(" ")[0] for line in result.output.splitlines()]
    assert [word for word in beginnings if word in PinReason.__members__] == [
        reason.name for reason in ADVICE
    ]


@pytest.mark.parametrize("columns", [10, 100, 1000])
def test_the_table_fits_the_terminal(monkeypatch, columns):
    """No line is longer than the terminal, within reason."""
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = run().output.splitlines()
    assert max(len(line) for line in lines) <= max(72, min(columns, 120))


def test_one_reason_is_explained():
    """A reason is found in any case; when, until, what to change, and examples."""
    result = run("named_lock")
    assert result.exit_code == 0
    assert result.output.startswith("NAMED_LOCK: a named lock\n  Pins ")
    assert "DO RELEASE_LOCK('nightly')" in result.output
    assert "  Filters" not in result.output


def test_filters_are_named_where_there_are_any():
    """An operator sees which filter lets a reason pass."""
    assert "  Filters      EXCLUDE_ROUTINES\n" in run("ROUTINE").output


@pytest.mark.parametrize(
    ("word", "hint"), [("named_lok", "did you mean NAMED_LOCK?"), ("moon", "lists them")]
)
def test_a_reason_that_is_none_is_refused(word, hint):
    """A typing error hears of what is near, or where to look."""
    result = run(word)
    assert result.exit_code == 2
    assert f"{word!r} is no reason" in result.output
    assert hint in result.output


def test_programs_get_json():
    """All reasons, or one, with every field."""
    everything = json.loads(run("--json").output)
    assert [one["reason"] for one in everything] == [reason.name for reason in ADVICE]
    (one,) = json.loads(run("ROLE", "--json").output)
    assert one["sentence"] == PinReason.ROLE.value
    assert one["filters"] == []
    assert one["examples"]


def test_a_log_says_what_pins_most(log):
    """The most frequent cause comes first, and the advice for each follows."""
    result = run("--log", str(log))
    assert result.exit_code == 0
    first, *rest = result.output.splitlines()
    assert first.startswith("Clients were pinned 4 times, from 20")
    rows = [line.split(maxsplit=2) for line in rest[1:4]]
    assert rows == [
        ["TIMES", "REASON", "STATEMENT"],
        ["3", "NAMED_LOCK", "SELECT GET_LOCK(?, ?)"],
        ["1", "TEMPORARY_TABLE", "CREATE TEMPORARY TABLE picked SELECT id FROM items"],
    ]
    assert result.output.index("NAMED_LOCK: a") < result.output.index("TEMPORARY_TABLE: a")


def test_a_log_comes_from_standard_input_too(log):
    """`journalctl ... | mysqlproxy pins --log -` works."""
    assert run("--log", "-", text=log.read_text()).output == run("--log", str(log)).output


def test_only_the_top_is_shown(log):
    """What is left out is counted."""
    output = run("--log", str(log), "--top", "1").output
    assert "picked" not in output.split("NAMED_LOCK: ")[0]
    assert "and 1 times 1 others (--top)" in output


def test_a_log_can_be_read_for_one_reason(log):
    """The other reasons are left out of the counts and of the advice."""
    output = run("TEMPORARY_TABLE", "--log", str(log)).output
    assert output.startswith("Clients were pinned 1 times")
    assert "NAMED_LOCK" not in output


def test_a_log_without_pins_is_good_news(log):
    """Nothing found is said, with how much was read."""
    assert run("XA", "--log", str(log)).output == "No client was pinned in 5 lines.\n"


def test_a_log_for_people_is_refused():
    """A log in the console format names the setting that helps."""
    result = run("--log", "-", text="2026-11-24 [warning] pinned client=7\n")
    assert result.exit_code == 1
    assert "format: json" in result.output


def test_lines_that_are_no_json_are_counted(log):
    """A traceback in between does not stop the count, and is not passed over in silence."""
    result = run("--log", "-", text="Traceback:\n" + log.read_text())
    assert result.exit_code == 0
    assert "1 lines that are no JSON were left out." in result.stderr
    assert "pinned 4 times" in result.stdout


def test_unknown_reasons_are_shown_without_advice():
    """A log of another release is counted, and long words do not break the table."""
    words = "Something that this release has never heard of and that is long."
    line = json.dumps({"message": PINNED, "reason": words, "statement": "X"})
    output = run("--log", "-", text=line).output
    assert "Clients were pinned 1 times.\n" in output
    assert "Something that this release has never" in output


def test_a_log_for_programs(log):
    """Counts, statements and advice as one JSON object."""
    found = json.loads(run("--log", str(log), "--json", "--top", "1").output)
    assert found["pins"] == 4
    assert found["reasons"] == {"NAMED_LOCK": 3, "TEMPORARY_TABLE": 1}
    assert found["statements"] == [
        {"times": 3, "reason": "NAMED_LOCK", "statement": "SELECT GET_LOCK(?, ?)"}
    ]
    assert [one["reason"] for one in found["advice"]] == ["NAMED_LOCK", "TEMPORARY_TABLE"]
    assert found["first"] <= found["last"]
