"""Tests of `proxy.admin.console`: who may say what."""

import pytest
from structlog.testing import capture_logs

from proxy.admin.console_orders import ORDERS
from proxy.admin.console_shows import VIEWS
from tests.admin.consoling import Terminal


@pytest.fixture(scope="module")
def terminal():
    """Somebody at the console."""
    return Terminal()


EXAMPLES = {
    "PAUSE": "PAUSE",
    "RESUME": "resume shop",
    "DRAIN": "DRAIN 'db2.example'",
    "UNDRAIN": "UNDRAIN db2.example",
    "PROMOTE": "PROMOTE db2.example",
    "SWITCH": "SWITCH green",
    "KILL": "KILL 9",
    "RELOAD": "RELOAD",
    "RESTART": "RESTART",
    "SET LOG LEVEL": "SET LOG LEVEL = info",
    "SET DEBUG LOGGING": "SET DEBUG LOGGING ON",
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=lambda order: order.form)
def test_who_may_only_look_does_nothing(order):
    """A VIEWER hears error 1227, and nothing is done."""
    terminal = Terminal()
    (text,) = [text for begin, text in EXAMPLES.items() if order.form.startswith(begin)]
    reply = terminal.refusal(text, user="eye")
    assert (reply.code, reply.sqlstate) == (1227, "42000")
    assert "OPERATOR" in reply.message
    assert terminal.operations[0].done == []
    assert terminal.process.done == []


@pytest.mark.parametrize("view", VIEWS)
def test_who_may_only_look_sees_everything(terminal, view):
    """A VIEWER is answered each SHOW."""
    terminal.rows(f"SHOW {' '.join(view)}", user="eye")


def test_help_names_all_statements(terminal):
    """With who may send them; by SHOW HELP and by HELP."""
    rows = terminal.rows("SHOW HELP")
    assert rows == terminal.rows("HELP")
    statements = {row["statement"]: row["role"] for row in rows}
    assert statements["SHOW POOLS"] == "VIEWER"
    assert statements["SHOW CONFIG | CONFIGURATION"] == "VIEWER"
    assert statements["PAUSE [proxy]"] == "OPERATOR"
    assert len(rows) == len(VIEWS) + len(ORDERS) + 1
    assert len(terminal.rows("SHOW HELP LIKE '%DRAIN%'")) == 2


@pytest.mark.parametrize("text", ["INSERT INTO t VALUES (1)", "DROP TABLE orders", "FLUSH x"])
def test_other_statements_are_errors_that_say_what_there_is(terminal, text):
    """So that nobody needs the manual."""
    reply = terminal.refusal(text)
    assert (reply.code, reply.sqlstate) == (1064, "42000")
    for word in ("SHOW HELP", "PAUSE", "SET LOG LEVEL", repr(text.split()[0])):
        assert word in reply.message


def test_an_unknown_show_says_what_there_is(terminal):
    """By name."""
    message = terminal.refusal("SHOW FIELDS").message
    assert "no SHOW 'FIELDS'" in message
    assert "PIN REASONS" in message
    assert "needs a name" in terminal.refusal("SHOW").message


def test_a_user_whom_a_reload_has_taken_away_is_refused():
    """Whatever it says; and one whose role changed may do what the new one allows."""
    terminal = Terminal()
    terminal.admins.replace({})
    assert terminal.refusal("SHOW POOLS").code == 1045


def test_a_mistake_of_ours_is_an_error_like_others():
    """The log has the traceback, and whoever asked goes on."""
    terminal = Terminal()
    terminal.operations[0].mistakes["pause"] = ZeroDivisionError()
    with capture_logs() as lines:
        assert terminal.refusal("PAUSE").code == 1105
    assert "the console made a mistake" in [line["event"] for line in lines]


def test_it_says_how_long_the_process_serves(terminal):
    """And for whom it is."""
    assert terminal.console.uptime == 60.0
    assert repr(terminal.console) == "<AdminConsole for <Admins: 2>>"
