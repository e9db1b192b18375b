"""Tests of `proxy.observe.sink`."""

import fcntl
import io
import os
from pathlib import Path

import pytest

from proxy.observe.sink import Sink

LARGE = "x" * 20_000


@pytest.fixture
def pipe():
    """A pipe of 64 KB: the end to read, without waiting, and the other one as a stream."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 1 << 16)
    os.set_blocking(reading, False)
    stream = os.fdopen(writing, "w")
    yield reading, stream
    stream.close()
    os.close(reading)


@pytest.fixture
def told():
    """What was said of lost lines."""
    return []


def read(descriptor):
    """All that a pipe holds."""
    pieces = []
    while True:
        try:
            piece = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            break
        if not piece:
            break
        pieces.append(piece)
    return b"".join(pieces).decode()


def sink_of(stream, told, **more):
    """A sink that notes what it tells, and writes that too."""

    def tell(lines, why):
        told.append((lines, why))
        sink.msg(f"lost {lines}")

    sink = Sink(stream, tell, **more)
    return sink


def test_lines_go_to_the_stream(tmp_path):
    """Each line has an end, and what has no bytes in UTF-8 is escaped."""
    path = tmp_path / "log"
    with path.open("w") as stream:
        sink = Sink(stream)
        sink.info("caf\u00e9")
        sink.error("\udc80")
        sink.msg(LARGE)
    assert path.read_text() == f"caf\u00e9\n\\udc80\n{LARGE}\n"
    assert repr(sink) == "<Sink: 0 bytes wait, 0 lines were lost>"


def test_nobody_waits_for_a_reader_that_stopped(pipe, told):
    """What a full pipe does not take is kept, in order, and written when it is read."""
    reading, stream = pipe
    sink = sink_of(stream, told)
    lines = [f"{number} {LARGE}" for number in range(10)]
    for line in lines:
        sink.msg(line)
    found = read(reading)
    assert 0 < len(found) < 10 * len(LARGE)
    while len(found) < sum(map(len, lines)) + len(lines):
        sink.flush()
        found += read(reading)
    assert found.splitlines() == lines
    assert told == []


def test_what_waits_is_bounded_and_what_is_lost_is_told(pipe, told):
    """Beyond the bound lines are lost; the number is said once, when all that waited is out."""
    reading, stream = pipe
    sink = sink_of(stream, told, kept=50_000)
    for number in range(100):
        sink.msg(f"{number} {LARGE}")
    assert sink.lost > 90
    lost, found = sink.lost, ""
    assert sink.lost_total == lost
    while not told:
        found += read(reading)
        sink.flush()
    found += read(reading)
    assert told == [(lost, "nobody reads them")]
    assert sink.lost == 0
    whole = found.splitlines()
    assert [line.split()[0] for line in whole[:-1]] == [str(one) for one in range(100 - lost)]
    assert whole[-1] == f"lost {lost}"
    sink.msg("on")
    assert read(reading) == "on\n"


def test_a_full_disk_costs_lines_and_nothing_else(tmp_path, told):
    """Lines to a full device are lost and counted; when there is room again that is said."""
    with Path("/dev/full").open("w") as stream, (tmp_path / "log").open("w") as room:
        sink = sink_of(stream, told)
        full = os.dup(stream.fileno())
        try:
            for _ in range(3):
                sink.msg("lost")
            assert (sink.lost, told) == (3, [])
            os.dup2(room.fileno(), stream.fileno())
            sink.msg("there")
            os.dup2(full, stream.fileno())
            sink.msg("lost")
        finally:
            os.close(full)
    assert told == [(3, "No space left on device")]
    assert (tmp_path / "log").read_text() == "there\nlost 3\n"
    assert sink.lost == 1


def test_a_disk_that_fills_again_at_once_is_told_of_later(tmp_path, told):
    """The line that says what was lost may be lost too, and then the number is kept."""
    with Path("/dev/full").open("w") as stream, (tmp_path / "log").open("w") as room:
        full = os.dup(stream.fileno())

        def tell(lines, why):
            told.append((lines, why))
            if len(told) == 1:
                os.dup2(full, stream.fileno())
            sink.msg("so many")

        sink = Sink(stream, tell)
        sink.msg("lost")
        sink.msg("lost")
        os.dup2(room.fileno(), stream.fileno())
        sink.msg("there")
        assert sink.lost == 2
        os.dup2(room.fileno(), stream.fileno())
        sink.msg("again")
        os.close(full)
    assert [lines for lines, _ in told] == [2, 2]
    assert (tmp_path / "log").read_text() == "there\nagain\nso many\n"


def test_a_reader_that_is_gone_stops_nobody(told):
    """A pipe without a reader loses the line."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        sink = sink_of(stream, told)
        sink.msg("lost")
    assert (sink.lost, told) == (1, [])
    sink.msg("lost")
    assert sink.lost == 2


def test_a_broken_off_line_does_not_swallow_the_next(pipe, told):
    """The next line begins on a line of its own."""
    reading, stream = pipe
    sink = sink_of(stream, told)
    for _ in range(4):
        sink.msg(LARGE)
    begun = read(reading)
    assert not begun.endswith("\n")
    there = os.dup(stream.fileno())
    with Path("/dev/full").open("w") as full:
        os.dup2(full.fileno(), stream.fileno())
        sink.flush()
    assert sink.lost == 1
    os.dup2(there, stream.fileno())
    os.close(there)
    sink.msg("next")
    assert read(reading) == "\nnext\nlost 1\n"


def test_a_descriptor_that_does_not_block_is_waited_for_as_well(pipe, told):
    """Somebody else may have made it so; nothing is lost."""
    reading, stream = pipe
    os.set_blocking(stream.fileno(), False)
    sink = sink_of(stream, told)
    for _ in range(10):
        sink.msg(LARGE)
    found = ""
    while len(found) < 10 * (len(LARGE) + 1):
        found += read(reading)
        sink.flush()
    assert found == f"{LARGE}\n" * 10


def test_less_room_than_was_said_is_no_error(pipe, told, monkeypatch):
    """A write that would block is tried again."""
    reading, stream = pipe
    sink = sink_of(stream, told)

    def refuse(_descriptor, _data):
        raise BlockingIOError

    with monkeypatch.context() as patched:
        patched.setattr("proxy.observe.sink.os.write", refuse)
        sink.msg("later")
    sink.flush()
    assert read(reading) == "later\n"
    assert told == []


def test_streams_without_a_descriptor_serve_too(told):
    """One in memory loses what comes when it is closed or full."""
    stream = io.StringIO()
    sink = sink_of(stream, told)
    sink.msg("there")
    assert stream.getvalue() == "there\n"
    stream.close()
    sink.msg("lost")
    assert (sink.lost, told) == (1, [])


def test_a_line_of_a_signal_in_the_midst_of_another_one_comes_after_it(pipe, told, monkeypatch):
    """Handlers of signals log whatever they interrupt; nothing is lost or comes twice."""
    reading, stream = pipe
    sink, write = sink_of(stream, told), os.write

    def interrupted(descriptor, data):
        monkeypatch.setattr(os, "write", write)
        written = write(descriptor, data)
        sink.msg("stop")
        return written

    monkeypatch.setattr(os, "write", interrupted)
    sink.msg("go")
    assert read(reading) == "go\nstop\n"
    assert told == []
