import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.failover.wire import Connection, LostError, RefusedError

OK = b"\x00\x00\x00\x02\x00\x00\x00"
EOF = b"\xfe\x00\x00\x02\x00"
COLUMN = b"\x03def" + bytes(20)
ROWS = (b"\x02", COLUMN, COLUMN, EOF, b"\x011\xfb", b"\x0222\x00", EOF)
REFUSED = b"\xff\xbd\x04#40001rolled back"


class Pipe(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self):
        super().__init__()
        self.written = b""
        self.aborted = False

    def write(self, data):
        self.written += data

    def abort(self):
        self.aborted = True


def stream(*payloads):
    return b"".join(
        len(payload).to_bytes(3, "little") + bytes((number + 1,)) + payload
        for number, payload in enumerate(payloads)
    )


def asked(*chunks, lost=None):
    """What a statement gives when the other side says this, and the connection."""

    async def run():
        connection = Connection()
        connection.connection_made(Pipe())
        question = asyncio.ensure_future(connection.run("SELECT 1"))
        await asyncio.sleep(0)
        for chunk in chunks:
            connection.data_received(chunk)
        if lost is not None:
            connection.connection_lost(lost)
        return await question

    return asyncio.run(run())


def test_a_statement_is_one_packet():
    """Its number is 0, and it begins with the byte of COM_QUERY."""

    async def run():
        connection, pipe = Connection(), Pipe()
        connection.connection_made(pipe)
        question = asyncio.ensure_future(connection.run("SELECT 1"))
        await asyncio.sleep(0)
        connection.data_received(stream(OK))
        await question
        return pipe.written

    assert asyncio.run(run()) == b"\x09\x00\x00\x00\x03SELECT 1"


def test_an_ok_has_no_rows():
    """The answer to a write."""
    assert asked(stream(OK)) == []


@given(st.lists(st.integers(0, len(stream(*ROWS))), max_size=8))
def test_rows_arrive_in_any_chunking(cuts):
    """NULL and the empty text are told apart."""
    whole = stream(*ROWS)
    ends = sorted({*cuts, len(whole)})
    chunks = [whole[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    assert asked(*chunks) == [(b"1", None), (b"22", b"")]


def test_a_refusal_has_number_and_state():
    """As an answer, and in the place of a row."""
    for answer in (stream(REFUSED), stream(*ROWS[:5], REFUSED)):
        with pytest.raises(RefusedError) as refused:
            asked(answer)
        assert (refused.value.number, refused.value.state) == (1213, "40001")
        assert str(refused.value) == "1213 (40001): rolled back"


def test_a_refusal_without_a_state():
    """Errors before the login have none."""
    with pytest.raises(RefusedError) as refused:
        asked(stream(b"\xff\x10\x04Too many connections"))
    assert (refused.value.number, refused.value.state) == (1040, "HY000")


def test_a_lost_connection_ends_the_wait():
    """Whether or not there is a reason."""
    with pytest.raises(LostError, match="the connection was closed"):
        asked(stream(*ROWS[:3]), lost=False)
    with pytest.raises(LostError, match="reset"):
        asked(lost=ConnectionResetError("reset"))


def test_an_error_that_nobody_asked_for_says_why_it_ended():
    """A server that goes down says so between two statements."""

    async def run():
        connection = Connection()
        connection.connection_made(Pipe())
        connection.data_received(stream(b"\xff\x1d\x04#08S01Server shutdown in progress"))
        assert connection.is_lost
        await connection.run("SELECT 1")

    with pytest.raises(LostError, match=r"1053 \(08S01\): Server shutdown"):
        asyncio.run(run())


def test_an_answer_after_the_time_was_over_is_dropped():
    """Its statement was given up by then."""

    async def run():
        connection = Connection()
        connection.connection_made(Pipe())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.run("SELECT 1"), 0)
        question = asyncio.ensure_future(connection.run("SELECT SLEEP(1)"))
        await asyncio.sleep(0)
        question.cancel()
        connection.data_received(stream(*ROWS))
        assert not connection.is_lost

    asyncio.run(run())


def test_closing_says_no_good_bye():
    """And does nothing for a connection that was never made."""
    connection, pipe = Connection(), Pipe()
    connection.close()
    connection.connection_made(pipe)
    connection.close()
    assert pipe.aborted
    assert pipe.written == b""
