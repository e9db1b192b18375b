"""Whatever clients and servers send, nothing is left of them: clients, leases, waiters."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.wire.framing import encode
from tests.support.memory import Stage
from tests.support.scripted import IN_TRANSACTION, packets, query_packet

COMMANDS = [
    b"\x01",
    b"\x02shop",
    b"\x03SELECT 1",
    b"\x03BEGIN",
    b"\x03COMMIT",
    b"\x03SET NAMES latin1",
    b"\x03SELECT LAST_INSERT_ID()",
    b"\x03SELECT GET_LOCK('a', 1)",
    b"\x03KILL 1",
    b"\x03KILL QUERY 2",
    b"\x03LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
    b"\x04t\x00",
    b"\x09",
    b"\x0e",
    b"\x11other\x00\x00\x00",
    b"\x16SELECT ?",
    b"\x17\x01\x00\x00\x00\x00\x01\x00\x00\x00",
    b"\x18\x01\x00\x00\x00\x00\x00long",
    b"\x19\x01\x00\x00\x00",
    b"\x1a\x01\x00\x00\x00",
    b"\x1b\x00\x00",
    b"\x1c\x01\x00\x00\x00\x01\x00\x00\x00",
    b"\x1f",
]
NOISE = st.binary(max_size=60)
SENT = st.one_of(
    NOISE,
    st.builds(encode, NOISE, st.integers(0, 3)),
    st.sampled_from(COMMANDS).map(encode),
    st.lists(st.sampled_from(COMMANDS).map(encode), max_size=4).map(b"".join),
    st.builds(lambda command, noise: encode(command + noise), st.sampled_from(COMMANDS), NOISE),
)


def clear(stage):
    """Let everybody leave, and time pass until nothing can be under way."""
    for client in [*stage.clients.values()]:
        client.protocol.transport.end()
    for _ in range(12):
        stage.run(1)
    assert stage.is_clean()
    assert not stage.ledger.lent
    assert stage.pool._closing._killer._places.tokens == 2


@given(st.lists(NOISE, max_size=5))
@settings(max_examples=500, deadline=None)
def test_noise_before_the_login_leaves_nothing(chunks):
    """Anybody may connect and say anything."""
    stage = Stage()
    peer = stage.connect()
    for chunk in chunks:
        peer.send(chunk)
    assert stage.backends == []
    clear(stage)


@given(st.lists(SENT, max_size=8), st.booleans())
@settings(max_examples=700, deadline=None)
def test_noise_after_the_login_leaves_nothing(chunks, leaves):
    """The server answers every statement with an OK; the client says anything at any time."""
    stage = Stage()
    peer = stage.client()
    for chunk in chunks:
        peer.send(chunk)
        answer_all(stage, lambda backend: packets([backend.side.ok()]))
    if leaves:
        peer.leave()
    clear(stage)


def answer_all(stage, answer):
    """Answer what backends were asked, a few times over."""
    for _ in range(5):
        asked = [backend for backend in stage.backends if backend.asked and not backend.gone]
        for backend in asked:
            backend.asked.pop(0)
            backend.send(answer(backend))
        stage.run()


ANSWERS = st.one_of(
    NOISE,
    st.lists(NOISE, min_size=1, max_size=4).map(packets),
    st.sampled_from(
        [
            packets([b"\x00\x00\x00\x02\x00\x00\x00"]),
            packets([b"\x00\x00\x00\x03\x00\x00\x00"]),
            packets([b"\xff\x48\x04#HY000no"]),
            packets([b"\xfbfile"]),
            packets([b"\x01", b"column", b"\x011", b"\xfe\x00\x00\x02\x00\x00\x00"]),
            packets([b"\x01", b"column", b"\x011"]),
            packets([b"\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"]),
            b"",
        ]
    ),
)


@given(st.lists(st.tuples(SENT, ANSWERS, st.booleans()), max_size=6))
@settings(max_examples=700, deadline=None)
def test_noise_from_both_sides_leaves_nothing(turns):
    """Whatever the server answers, and whether it dies over it or not."""
    stage = Stage()
    peer = stage.client()
    for sent, answer, dies in turns:
        peer.send(sent)
        asked = [backend for backend in stage.backends if backend.asked and not backend.gone]
        for backend in asked:
            backend.asked.clear()
            backend.send(answer)
        stage.run()
        for backend in asked if dies else ():
            backend.die()
        stage.run()
    clear(stage)


@pytest.mark.parametrize("status", [2, IN_TRANSACTION])
def test_a_crowd_that_leaves_at_once_leaves_nothing(status):
    """Busy, waiting, in transactions and dialing: all leave in the same turn."""
    stage = Stage(max_connections=5)
    stage.servers.routines[b"SELECT 1"] = lambda side: [side.ok(status)]
    stage.servers.routines[b"KILL"] = lambda side: [side.ok()]
    peers = [stage.client() for _ in range(200)]
    for number, peer in enumerate(peers):
        peer.send(query_packet(b"SELECT %d" % (number % 3)))
    clear(stage)
