"""The process that serves clients beside others like it, told what to do by the supervisor."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from twisted.internet.error import ReactorNotRunning

from proxy import __version__
from proxy.config.load import load_config_text
from proxy.config.problem import ConfigError
from proxy.credentials.static import PasswordUnreadableError
from proxy.net.certificates import TlsUnusableError
from proxy.net.reactor import install
from proxy.observe.log import begin_twisted, configure, get_logger, settle
from proxy.pool.board import Board
from proxy.service.channel import Message
from proxy.service.link import Link
from proxy.service.supervising.start_worker import VARIABLE
from proxy.service.tokens import UnusableError


class Seat:
    """Waits until it is told what to serve, and serves that until it is told to end."""

    def __init__(self, reactor: Any, link: Link, door: socket.socket, board: Board) -> None:
        self._reactor = reactor
        self._link = link
        self._door = door
        self._board = board
        self._serving: Any = None
        link.on_lost = self._end
        link.on("begin", self._begin)
        link.on("ping", _answer)
        link.on("end", lambda _message, _sockets: self._end())

    def _begin(self, message: Message, _sockets: list[socket.socket]) -> None:
        # What it takes has been loaded by now, while this process was in reserve.
        from proxy.service.seats.seated import Seated  # noqa: PLC0415 - see above

        try:
            config = load_config_text(message["text"], message["path"])
            configure(config.log.format, message["level"])
            _name_lines(message["number"])
            self._serving = Seated(
                config, self._reactor, self._link, self._door, self._board, message
            )
            self._serving.startService()
        except (ConfigError, PasswordUnreadableError, TlsUnusableError, UnusableError) as error:
            self._link.tell("failed", why=str(error))
            return
        except Exception:
            self._link.tell("failed", why="there was a mistake in it; the log has it")
            raise
        self._reactor.addSystemEventTrigger("before", "shutdown", self._serving.stopService)

    def obey(self) -> None:
        """End on SIGTERM too, once: Twisted itself minds to be told again."""

        def signalled(_number: int, _frame: object) -> None:
            self._reactor.callFromThread(self._end)

        signal.signal(signal.SIGTERM, signalled)

    def _end(self) -> None:
        with contextlib.suppress(ReactorNotRunning):  # a signal has told it before
            self._reactor.stop()


def _answer(_message: Message, _sockets: list[socket.socket]) -> None:
    """What was asked for is to answer."""


def _name_lines(number: int) -> None:
    """Have each line of the log say which worker it is from."""

    def name(_logger: Any, _method: str, event: Any) -> Any:
        event.setdefault("worker", number)
        return event

    processors = structlog.get_config()["processors"]
    structlog.configure(processors=[name, *processors])


def inherited(environ: Mapping[str, str]) -> tuple[socket.socket, socket.socket, Board]:
    """Our ends of the link and of the door, and the board; exits where there are none."""
    try:
        ends = [int(one) for one in environ[VARIABLE].split(",")]
        link, door = (socket.socket(fileno=one) for one in ends[:2])
        board = Board(ends[2])
    except (KeyError, ValueError, IndexError, OSError):
        sys.exit("This process is started by mysqlproxy, where `workers` is more than 1.")
    for one in ends:
        os.set_inheritable(one, False)
    return link, door, board


def main() -> None:
    """Be a worker."""
    link_end, door, board = inherited(os.environ)
    del os.environ[VARIABLE]
    install()
    from twisted.internet import reactor as installed  # noqa: PLC0415 - there is one only now

    import proxy.service.seats.seated  # noqa: F401, PLC0415 - so that it begins at once when told to

    reactor: Any = installed
    configure()
    begin_twisted()
    log = get_logger()
    link = Link(reactor, log)
    seat = Seat(reactor, link, door, board)

    def start() -> None:
        seat.obey()
        link.open(reactor, link_end)
        link.tell("here", release=__version__)

    gc.freeze()  # what is there by now stays for good
    reactor.callWhenRunning(start)
    reactor.run()
    settle(at_once=True)
