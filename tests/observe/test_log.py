import io
import json
import sys

import pytest
import structlog
from twisted.logger import ILogObserver, Logger, LogLevel

from proxy.config.secret import Secret
from proxy.observe import log
from proxy.observe.log import (
    MASK,
    begin_twisted,
    configure,
    get_logger,
    make_twisted_observer,
)


def make_terminal():
    stream = io.StringIO()
    stream.isatty = lambda: True
    return stream


def make_full_disk():
    def write(_text):
        raise OSError(28, "No space left on device")

    stream = io.StringIO()
    stream.write = write
    return stream


@pytest.fixture(autouse=True)
def _leave_structlog_as_it_was():
    yield
    structlog.reset_defaults()


def lines_of(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_programs_get_json_with_utc_time():
    """Away from a terminal each line is a JSON object with level, time and fields."""
    stream = io.StringIO()
    configure("auto", "info", stream)
    get_logger(proxy="shop").warning("client pinned", reason="GET_LOCK")
    (line,) = lines_of(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "message": "client pinned",
        "level": "warning",
        "proxy": "shop",
        "reason": "GET_LOCK",
    }


def test_people_get_a_line_on_a_terminal():
    """On a terminal a line is text in colours, with no JSON."""
    stream = make_terminal()
    configure("auto", "info", stream)
    get_logger().info("client pinned", reason="GET_LOCK")
    assert "client pinned" in stream.getvalue()
    assert "{" not in stream.getvalue()
    assert "\x1b[" in stream.getvalue()


@pytest.mark.parametrize(("format_", "is_json"), [("console", False), ("json", True)])
def test_the_format_can_be_chosen(format_, is_json):
    """A format that is given holds whatever the stream is."""
    stream = make_terminal() if is_json else io.StringIO()
    configure(format_, "info", stream)
    get_logger().info("started")
    assert stream.getvalue().startswith("{") is is_json


def test_a_client_cannot_forge_a_line_on_the_console():
    """Line ends and escapes in a field are written as escapes."""
    stream = io.StringIO()
    configure("console", "info", stream)
    get_logger().info("access denied", user="a\n2026-01-01 [info] all is well\x1b[2J")
    assert stream.getvalue().count("\n") == 1
    assert "\x1b[2J" not in stream.getvalue()


def test_lines_below_the_level_are_not_written():
    """The level is the least serious that is shown, and a later configure() changes it."""
    stream = io.StringIO()
    logger = get_logger()
    configure("json", "warning", stream)
    logger.info("quiet")
    configure("json", "debug", stream)
    logger.debug("loud")
    assert [line["message"] for line in lines_of(stream)] == ["loud"]


def test_secrets_are_masked_by_name_at_any_depth():
    """Fields whose last word says secret are masked, files of them are not."""
    stream = io.StringIO()
    configure("json", "info", stream)
    get_logger().info(
        "login",
        password="hunter2",
        client_password="hunter2",
        Auth_Response=b"hunter2",
        nonce="hunter2",
        entry={"token": "hunter2", "username": "app", 7: "seven"},
        entries=[{"secret": "hunter2"}, ("plain",)],
        value=Secret("hunter2"),
        password_file="/etc/app.password",
    )
    assert "hunter2" not in stream.getvalue()
    (line,) = lines_of(stream)
    assert line["password"] == line["Auth_Response"] == MASK
    assert line["entry"] == {"token": MASK, "username": "app", "7": "seven"}
    assert line["entries"] == [{"secret": MASK}, ["plain"]]
    assert line["password_file"] == "/etc/app.password"


@pytest.mark.parametrize("format_", ["console", "json"])
def test_tracebacks_show_no_local_variables(format_):
    """A traceback has its lines and no values, where a password may be among them."""
    stream = io.StringIO()
    configure(format_, "info", stream)
    local = "hunter" + str(2)
    try:
        {}[len(local)]
    except KeyError:
        get_logger().exception("failed")
    assert "Traceback" in stream.getvalue()
    assert "KeyError: 7" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_a_log_that_cannot_be_written_disturbs_nobody():
    """A full disk and a closed stream cost the line and nothing else."""
    closed = io.StringIO()
    configure("json", "info", closed)
    closed.close()
    get_logger().info("lost")
    full = make_full_disk()
    configure("json", "info", full)
    get_logger().info("lost")
    assert full.getvalue() == ""


def test_standard_error_is_the_default(capsys):
    """Without a stream the log goes to standard error as it is when configured."""
    configure("json")
    stream, sys.stderr = sys.stderr, io.StringIO()
    try:
        get_logger().info("here")
    finally:
        sys.stderr = stream
    assert '"here"' in capsys.readouterr().err


def test_twisted_events_become_lines():
    """Text, level and namespace of Twisted's events are kept; control characters are not."""
    stream = io.StringIO()
    configure("json", "debug", stream)
    observer = make_twisted_observer()
    logger = Logger(namespace="front", observer=observer)
    logger.emit(LogLevel.warn, "cut off {peer}", peer="10.0.0.1\x1b[2J")
    logger.critical("stopping")
    observer({"log_time": 0.0})
    found = [(line["level"], line["namespace"], line["message"]) for line in lines_of(stream)]
    assert found == [
        ("warning", "front", "cut off 10.0.0.1?[2J"),
        ("critical", "front", "stopping"),
        ("info", "twisted", "(no text)"),
    ]


def test_twisted_failures_keep_their_traceback():
    """What Twisted catches in a protocol is in the log with its traceback."""
    stream = io.StringIO()
    configure("json", "info", stream)
    logger = Logger(namespace="front", observer=make_twisted_observer())
    try:
        {}["lease"]
    except KeyError:
        logger.failure("in a protocol")
    (line,) = lines_of(stream)
    assert line["level"] == "critical"
    assert line["exception"].endswith("KeyError: 'lease'")


def test_begins_twisteds_log_with_our_observer(monkeypatch):
    """begin_twisted() gives Twisted one observer, and leaves the standard streams alone."""
    begun = []

    class Beginner:
        def beginLoggingTo(self, observers, **options):  # noqa: N802 - Twisted's name
            begun.append((observers, options))

    monkeypatch.setattr(log, "globalLogBeginner", Beginner())
    begin_twisted()
    (([observer], options),) = begun
    assert ILogObserver.providedBy(observer)
    assert options == {"redirectStandardIO": False}
