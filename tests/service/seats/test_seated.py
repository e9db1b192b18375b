"""Tests of `proxy.service.seats.seated`, with a real process and nothing behind it."""

from __future__ import annotations

import os
import signal
import socket

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred

from proxy.observe.log import get_logger
from proxy.pool.board import Board
from proxy.service.link import LinkRefusedError
from proxy.service.supervising.member import Place
from proxy.service.supervising.start_worker import start_worker
from tests.support.loopback import Talker
from tests.support.turning import turn, turned

pytestmark = pytest.mark.loopback

TEXT = """
proxies:
  - name: shop
    auth: [{username: app, password: app-secret-1}]
    target_group: {targets: [{address: "127.0.0.1:1"}]}
    endpoints: [{name: main, listen: "tcp:0"}]
workers: 2
drain_timeout: 0
"""

CONSOLE = "admin: {users: [{username: ops, password: a-long-password}]}\n"

TOLD = ("here", "ready", "failed", "ends", "clients", "tally", "event", "need", "pools")


def connect(port):
    """A socket that is connected there."""
    return socket.create_connection(("127.0.0.1", port), timeout=20)


class Seated:
    """A worker with the seat 2.

    Attributes:
        heard: What it has said.
    """

    def __init__(self, folder, text=TEXT):
        self.board, self.heard, self.folder = Board.make(), [], folder
        self.member = start_worker(reactor, self.board, get_logger())
        link = self.member.link
        for what in TOLD:
            link.on(what, lambda message, _: self.heard.append(message))
        self.said("here")
        path = str(folder / "mysqlproxy.yaml")
        more = {
            "number": 2,
            "workers": 2,
            "text": text,
            "path": path,
            "level": "error",
            "ticket_key": "ab" * 32,
        }
        link.tell("begin", first_number=66, **more)
        self.said("ready")

    def said(self, what, of=lambda _: True):
        """The last that it has said of this kind; waits for it."""
        return turn(
            lambda: next(
                (one for one in reversed(self.heard) if one["what"] == what and of(one)), None
            )
        )

    def come(self, proxy="shop", room=1, peer=connect):
        """A client comes in; its end."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            ours = peer(listening.getsockname()[1])
            theirs, _ = listening.accept()
        with theirs:
            assert self.member.deal(theirs.fileno(), Place(proxy, "main"), room)
        return ours

    def end(self):
        member = self.member
        member.close()
        status = turn(member.process.poll)
        turn(lambda: None if member.link.is_open else True)
        self.board.close()
        return status


@pytest.fixture(scope="module")
def seated(tmp_path_factory):
    """It serves; all tests have the same one, and it ends in peace."""
    seated = Seated(tmp_path_factory.mktemp("seated"))
    try:
        yield seated
    finally:
        assert seated.end() == 0


def greeting_number(data):
    """The id in a greeting."""
    start = data.index(b"\0", 5) + 1
    return int.from_bytes(data[start : start + 4], "little")


def test_a_client_that_was_dealt_is_greeted_with_a_number_of_the_seat(seated):
    """And counted, until it has gone."""
    with seated.come() as first, seated.come() as second:
        numbers = [greeting_number(one.recv(1000)) for one in (first, second)]
        assert [number % 64 for number in numbers] == [2, 2]
        assert numbers[1] == numbers[0] + 64
        seated.said("clients", lambda one: one["clients"] == {"shop": 2})
    seated.said("clients", lambda one: one["clients"] == {"shop": 0} and one["received"])


def test_clients_of_other_workers_count_for_max_clients(seated):
    """Whoever is too many hears why."""
    with seated.come(room=0) as client:
        assert b"exceeded (10000)" in client.recv(1000)
    with seated.come(room=1) as client:
        assert client.recv(1000)[4] == 10


def test_a_client_of_a_proxy_that_is_gone_is_disconnected(seated):
    """It has just been taken out of the configuration."""
    with seated.come("gone") as client:
        assert client.recv(1) == b""


def test_it_goes_by_another_configuration_when_it_is_told_to(seated):
    """Not when it has only got ready, and not by one that cannot be used."""
    link = seated.member.link
    with pytest.raises(LinkRefusedError, match="nonsense"):
        turned(link.ask("prepare", text=TEXT + "nonsense: 1\n"))
    other = TEXT.replace("name: shop", "name: other")
    turned(link.ask("prepare", text=other))
    turned(link.ask("abandon"))
    with seated.come("other") as client:
        assert client.recv(1) == b""
    turned(link.ask("prepare", text=other))
    # Who makes it does so in a thread, and it may still be given up.
    assert {one["proxy"] for one in seated.heard if one["what"] == "need"} == {"shop"}
    turned(link.ask("commit"))
    seated.said("need", lambda one: one["proxy"] == "other")
    with seated.come("other") as client:
        assert client.recv(1000)[4] == 10
    turned(link.ask("prepare", text=TEXT))
    turned(link.ask("commit"))


def test_what_is_given_up_while_it_is_made_is_not_kept(seated):
    """The supervisor does not wait for ever."""
    link = seated.member.link
    asked = ensureDeferred(link.ask("prepare", text=TEXT.replace("name: shop", "name: other")))
    turned(link.ask("abandon"))
    with pytest.raises(LinkRefusedError, match="given up"):
        turned(asked)


def test_one_that_is_not_ready_for_a_configuration_says_that_it_is_of_no_use(seated):
    """It is replaced by one that goes by that configuration."""
    with pytest.raises(LinkRefusedError):
        turned(seated.member.link.ask("commit"))
    assert "not ready" in seated.said("failed")["why"]


def test_it_tells_each_second_what_it_does(seated):
    """By which others show it."""
    message = seated.said("tally")
    assert "shop" in message["proxies"]
    assert os.getpid() != seated.member.pid


def test_one_that_is_told_to_end_leaves_new_clients_to_others(tmp_path):
    """The supervisor takes back what it has not received; one client is served to the end."""
    seated = Seated(tmp_path)
    with seated.come() as client:
        client.recv(1000)
        seated.member.process.send_signal(signal.SIGTERM)
        seated.said("ends")
        with seated.come() as other:
            ((handle, place),) = seated.member.take_back()
            assert place == Place("shop", "main")
            with socket.socket(fileno=handle) as connection:
                connection.sendall(b"hello")
                assert other.recv(5) == b"hello"
    assert turn(seated.member.process.poll) == 0
    assert seated.end() == 0


def test_one_that_ends_tells_who_leaves(tmp_path):
    """Others may come in their places while it waits for those who are not done."""
    seated = Seated(tmp_path, CONSOLE + TEXT.replace("drain_timeout: 0", "drain_timeout: 60"))
    asked = []

    async def never(message, _sockets):
        asked.append(message)
        await Deferred()

    seated.member.link.on("console", never)
    with seated.come(peer=Talker) as first:
        with seated.come(peer=Talker) as second:
            for one in (first, second):
                assert one.log_in("ops", "a-long-password")[0] == 0
                one.send(b"SHOW CLIENTS")
                turn(lambda: asked.pop() if asked else None)
            seated.member.process.send_signal(signal.SIGTERM)
            seated.said("ends")
            seated.heard.clear()
        seated.said("clients", lambda one: one["clients"] == {"shop": 1})
    assert turn(seated.member.process.poll) == 0
    assert seated.end() == 0
