import io
import json
import os
import sys
from pathlib import Path

import pytest
import structlog
from twisted.logger import ILogObserver, Logger, LogLevel

from proxy.config.secret import Secret
from proxy.observe import log
from proxy.observe.log import (
    begin_twisted,
    configure,
    get_logger,
    make_twisted_observer,
)
from proxy.observe.plain import MASK


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


def test_twisted_ports_are_talk_for_debugging():
    """What opens and closes has a line of ours where it matters; errors stay errors."""
    stream = io.StringIO()
    observer = make_twisted_observer()
    configure("json", "info", stream)
    last = log.events.last
    try:
        for level in (LogLevel.info, LogLevel.critical):
            observer({"log_namespace": "log_legacy", "log_level": level, "log_format": "Door"})
    finally:
        configure()
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["level"] == "critical"
    assert log.events.last == last + 1


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


# What changes while the proxy runs, and what is kept


class Hand:
    """A clock that goes when it is told to."""

    now = 0.0

    def __call__(self):
        return self.now


def kept_since(number):
    """Events that came after one."""
    return list(log.events.after(number))


def test_the_level_changes_for_loggers_that_are_bound():
    """A logger that was bound before follows the level, down and up."""
    stream = io.StringIO()
    configure("json", "info", stream)
    logger = get_logger(proxy="shop").bind(target="t1")
    logger.debug("quiet")
    log.set_level("debug")
    logger.debug("loud")
    log.set_level("error")
    logger.warning("quiet")
    assert log.level() == "error"
    assert [line["message"] for line in lines_of(stream)] == ["loud"]
    assert set(lines_of(stream)[0]) == {"timestamp", "level", "message", "proxy", "target"}


def test_a_level_that_is_none_is_refused():
    """Nothing changes then."""
    configure("json", "info", io.StringIO())
    with pytest.raises(ValueError, match="no level of the log: loud"):
        log.set_level("loud")
    assert log.level() == "info"


def test_lines_that_a_setting_asks_for_are_written_at_any_level():
    """They have their own level all the same, and no marks of ours."""
    stream = io.StringIO()
    configure("json", "error", stream)
    get_logger().debug("a statement", statement="SELECT 1", **log.WANTED)
    (line,) = lines_of(stream)
    del line["timestamp"]
    assert line == {"level": "debug", "message": "a statement", "statement": "SELECT 1"}


def test_events_are_kept_whatever_the_level():
    """Lines of info and above are kept as plain JSON without secrets; debug lines are not."""
    last = log.events.last
    configure("json", "error", io.StringIO())
    logger = get_logger(proxy="shop")
    logger.info("started", password="hunter2", names={"a"}, text="a\x1b[2J")
    logger.debug("opened")
    logger.debug("a statement", **log.WANTED)
    (event,) = kept_since(last)
    assert (event.level, event.event) == ("info", "started")
    assert event.fields == {"proxy": "shop", "password": MASK, "names": ["a"], "text": "a?[2J"}
    assert len(event.time) == len("2026-01-01T00:00:00.000Z")


def test_events_have_the_last_line_of_a_traceback():
    """Which exception it was fits on a line; a failure of Twisted's is an error."""
    last = log.events.last
    stream = io.StringIO()
    configure("json", "info", stream)
    try:
        {}["lease"]
    except KeyError as error:
        get_logger().exception("failed")
        get_logger().error("failed", exc_info=error)
        get_logger().error("failed", exc_info=(KeyError, error, None))
        Logger(namespace="front", observer=make_twisted_observer()).failure("in a protocol")
    get_logger().error("failed", exc_info=True)
    found = [(event.level, event.fields.get("exception")) for event in kept_since(last)]
    assert found == [("error", "KeyError: 'lease'")] * 4 + [("error", None)]


def test_a_whole_second_has_milliseconds_too():
    """The time of an event has always the same length."""
    last = log.events.last
    for stamp in ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123456Z"):
        log._keep(None, "info", {"timestamp": stamp, "level": "info", "event": "x"})
    found = [event.time for event in kept_since(last)]
    assert found == ["2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.123Z"]


def test_a_flood_is_thinned_out_and_counted():
    """Many lines of one kind are some lines and a number, in the log and among the events."""
    stream, clock, last = io.StringIO(), Hand(), log.events.last
    configure("json", "info", stream, clock=clock)
    for number in range(1334):
        get_logger().warning("a login was refused again and again", client=number)
    assert len(lines_of(stream)) == 100
    log.settle()
    clock.now = 10.0
    log.settle()
    clock.now = 20.0
    log.settle(at_once=True)
    line = lines_of(stream)[-1]
    assert len(lines_of(stream)) == 101
    assert line["message"] == "... and 1,234 more like it"
    assert (line["level"], line["like"]) == ("warning", "a login was refused again and again")
    assert log.events.last - last == 101


def test_mistakes_are_thinned_out_but_never_silenced():
    """A flood of errors goes on with some lines each second."""
    stream, clock = io.StringIO(), Hand()
    configure("json", "info", stream, clock=clock)
    for _ in range(20):
        clock.now += 1
        for _ in range(50):
            get_logger().error("a mistake while serving a client")
    lines = lines_of(stream)
    assert 100 < len(lines) < 300
    assert {line["level"] for line in lines} == {"error"}


def test_some_lines_are_in_no_flood():
    """What is marked as told in full is, and so are debug lines; no mark is written."""
    stream = io.StringIO()
    configure("json", "debug", stream, clock=Hand())
    failover = get_logger(**log.EVERY_LINE)
    for _ in range(500):
        failover.warning("another target takes the writes")
        get_logger().debug("a client left")
    lines = lines_of(stream)
    assert len(lines) == 1000
    assert not [name for line in lines for name in line if name.startswith("_")]


def test_texts_of_twisted_with_different_values_are_one_kind():
    """A flood of texts that differ in an address is a flood."""
    stream = io.StringIO()
    configure("json", "info", stream, clock=Hand())
    logger = Logger(namespace="front", observer=make_twisted_observer())
    for number in range(500):
        logger.warn("cut off {number}", number=number)  # noqa: G010 - Twisted's name
    assert len(lines_of(stream)) == 100


def test_what_was_lost_is_told_when_there_is_room_again(tmp_path):
    """A disk that was full costs lines, whose number stands in the log afterwards."""
    with Path("/dev/full").open("w") as stream, (tmp_path / "log").open("w") as room:
        configure("json", "info", stream)
        get_logger().info("lost")
        get_logger().info("lost")
        assert log.lost_lines() == 2
        os.dup2(room.fileno(), stream.fileno())
        log.settle()
        get_logger().info("here")
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["message"] for line in lines] == ["here", "lines of the log were lost"]
    assert (lines[1]["lines"], lines[1]["why"]) == (2, "No space left on device")


def test_nothing_is_lost_before_there_is_a_log(monkeypatch):
    """A process that configured none can be asked the same."""
    monkeypatch.setattr(log._state, "sink", None)
    log.settle(at_once=True)
    assert log.lost_lines() == 0
