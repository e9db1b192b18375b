"""Answers of every kind, well-formed, for tests that cut them anywhere."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from hypothesis import strategies as st

from proxy.dialogue.answers import Kind
from proxy.dialogue.exchange import Exchange
from proxy.wire.constants import Capability, Status
from proxy.wire.framing import encode
from proxy.wire.patch import Patch
from proxy.wire.primitives import lenenc_bytes, lenenc_int
from proxy.wire.responses import Eof, Err, Ok, PrepareOk
from proxy.wire.tracking import Tracking

TRACK = int(Capability.SESSION_TRACK)
DEPRECATE = int(Capability.DEPRECATE_EOF)
AUTOCOMMIT = int(Status.AUTOCOMMIT)
COLUMN = lenenc_bytes(b"def") + b"\x00" * 5 + lenenc_bytes(b"a column")
TRACKING = Tracking(variables=frozenset((b"autocommit",)))
"""What a client of these tests wants to hear of."""


@attrs.frozen
class Answer:
    """Packets of an answer."""

    kind: Kind
    capabilities: int
    payloads: tuple[bytes, ...]
    status: int = AUTOCOMMIT

    @property
    def data(self) -> bytes:
        """The packets."""
        return b"".join(encode(payload, n + 1) for n, payload in enumerate(self.payloads))


def end(capabilities: int, status: int = AUTOCOMMIT, warnings: int = 0) -> bytes:
    if capabilities & DEPRECATE:
        return Ok(status=status, warnings=warnings, header=0xFE).encode(capabilities)
    return Eof(warnings, status).encode()


def result(capabilities: int, rows: list[bytes], status: int = AUTOCOMMIT) -> list[bytes]:
    middle = [] if capabilities & DEPRECATE else [Eof(0, status).encode()]
    return [lenenc_int(1), COLUMN, *middle, *rows, end(capabilities, status)]


def follow(
    answer: Answer,
    cuts: list[int],
    client: int | None = None,
    patches: tuple[Patch, ...] = (),
) -> tuple[Exchange, bytes]:
    """Feed an answer cut at these places; the exchange, and what went to the client."""
    exchange = Exchange(answer.capabilities)
    told = answer.capabilities if client is None else client
    exchange.begin(answer.kind, told, TRACKING, patches=patches)
    return exchange, b"".join(map(exchange.feed, pieces(answer.data, cuts)))


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """The bytes, cut at these places."""
    start = 0
    for cut in [*sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]:
        yield data[start:cut]
        start = cut


capabilities_ = st.sampled_from([0, TRACK, DEPRECATE, TRACK | DEPRECATE])
cuts_ = st.lists(st.integers(0, 500), max_size=6)
rows_ = st.lists(
    st.one_of(st.binary(max_size=30).map(lenenc_bytes), st.just(b"\xfb"), st.just(b"\x00\x00")),
    max_size=5,
)


ERROR = Err(1064, "42000", b"You have an error").encode()


@st.composite
def prepares(draw: st.DrawFn, capabilities: int) -> list[bytes]:
    columns, parameters = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    payloads = [PrepareOk(7, columns, parameters).encode()]
    for count in (parameters, columns):
        payloads += [COLUMN] * count
        if count and not capabilities & DEPRECATE:
            payloads.append(Eof().encode())
    return draw(st.sampled_from([payloads, [ERROR]]))


@st.composite
def results(draw: st.DrawFn, capabilities: int, status: int, ok: bytes) -> list[bytes]:
    payloads = []
    for _ in range(draw(st.integers(0, 2))):
        payloads += result(capabilities, draw(rows_), status | int(Status.MORE_RESULTS))
    rows = result(capabilities, draw(rows_), status)
    return payloads + draw(st.sampled_from([rows, [ok], [ERROR], [*rows[:-1], ERROR]]))


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """Answers of every kind."""
    capabilities = draw(capabilities_)
    kind = draw(st.sampled_from(Kind))
    status = draw(st.sampled_from([AUTOCOMMIT, int(Status.IN_TRANS), 0]))
    ok = Ok(draw(st.integers(0, 300)), draw(st.integers(0, 70000)), status).encode(capabilities)
    last = end(capabilities, status)
    shapes = {
        Kind.SIMPLE: lambda: [draw(st.sampled_from([ok, ERROR, Eof(0, status).encode()]))],
        Kind.TEXT: lambda: [draw(st.sampled_from([b"Uptime: 5  Threads: 1", ERROR]))],
        Kind.FIELDS: lambda: [COLUMN] * draw(st.integers(0, 3)) + [last],
        Kind.ROWS: lambda: [*draw(rows_), draw(st.sampled_from([last, ERROR]))],
        Kind.PREPARE: lambda: draw(prepares(capabilities)),
        Kind.RESULT: lambda: draw(results(capabilities, status, ok)),
    }
    return Answer(kind, capabilities, tuple(shapes[kind]()), status)
