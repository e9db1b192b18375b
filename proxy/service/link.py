"""What the supervisor and one of its workers tell and ask each other, over a socket pair.

The messages are those of `proxy.service.channel`: JSON objects, with sockets beside
them.  A message that wants an answer has a number under "ask"; the answer is a message "answer"
with the same number, and either "given", an object, or "refused", a sentence.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, Protocol, TypeVar

from structlog.typing import FilteringBoundLogger
from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.python.failure import Failure

from proxy.net.clock import Clock, cancel
from proxy.policy.standing import OperationRefusedError
from proxy.service.channel import Channel, Message, adopt

T = TypeVar("T")

ASK_SECONDS: Final = 30.0
"""How long an answer may take, unless the asker knows better: nothing that is asked waits for a
database, and a process that has not answered for so long hangs."""

_GONE: Final = "the other process has gone"
_MISTAKE: Final = "there was a mistake in it; the log has it"

Handler = Callable[
    [Message, list[socket.socket]], Message | Coroutine[Any, Any, Message | None] | None
]
"""Does what a message says; what it gives is the answer, if one is wanted."""


class LinkError(Exception):
    """A question was not answered as it should have been."""


class LinkLostError(LinkError):
    """The other process has gone."""


class LinkSilentError(LinkError):
    """It has not answered in time."""


class LinkRefusedError(LinkError):
    """It did not do it; says why."""


class Link:
    """One end.

    Attributes:
        is_open: Whether the other end may hear something.
        on_lost: Called once when it hears nothing more.
    """

    def __init__(self, clock: Clock, log: FilteringBoundLogger) -> None:
        self._clock = clock
        self._log = log
        self._handlers: dict[str, Handler] = {"answer": self._answered}
        self._asked: dict[int, Deferred[Message]] = {}
        self._count = 0
        self.on_lost: Callable[[], None] = _tell_nobody
        self._channel = Channel(self._received, self._lost)

    def __repr__(self) -> str:
        """Whether it is open, and how much is unanswered."""
        return f"<Link {'open' if self.is_open else 'closed'}, {len(self._asked)} asked>"

    @property
    def is_open(self) -> bool:
        """Whether the other end may hear something."""
        return self._channel.is_open

    def open(self, reactor: Any, end: socket.socket) -> None:
        """Speak over this end of a pair, which is closed here.

        Raises:
            OSError: there is no descriptor left.
        """
        adopt(reactor, end, self._channel)

    def on(self, what: str, handler: Handler) -> None:
        """Have messages of this kind dealt with; before, they are refused.

        Sockets that a handler is given are its own.
        """
        self._handlers[what] = handler

    def tell(self, what: str, handles: Iterable[int] = (), **more: Any) -> None:
        """Say something that needs no answer; see `Channel.say`."""
        self._channel.say(what, handles, **more)

    async def ask(
        self,
        what: str,
        handles: Iterable[int] = (),
        *,
        seconds: float = ASK_SECONDS,
        **more: Any,
    ) -> Message:
        """Say something, and wait for the answer.

        Raises:
            LinkLostError: the other process has gone.
            LinkSilentError: it has not answered within so many seconds.
            LinkRefusedError: it did not do it.
        """
        if not self.is_open:
            raise LinkLostError(_GONE)
        self._count += 1
        number, answer = self._count, Deferred[Message]()
        late = LinkSilentError(f"the other process has said nothing to {what!r}")
        timer = self._clock.callLater(seconds, self._fail, number, late)
        self._asked[number] = answer
        try:
            self._channel.say(what, handles, ask=number, **more)
            return await answer
        finally:
            cancel(timer)
            self._asked.pop(number, None)  # it is there when the asker has been cancelled

    def flush(self) -> None:
        """Send at once what the kernel takes, without a turn of the reactor."""
        self._channel.flush()

    def close(self) -> None:
        """Say nothing more, once everything is sent."""
        self._channel.close()

    def _received(self, message: Message, sockets: list[socket.socket]) -> None:
        handler = self._handlers.get(str(message.get("what")), _refuse)
        work = Deferred.fromCoroutine(self._handle(handler, message, sockets))
        work.addErrback(self._mistaken)

    async def _handle(
        self, handler: Handler, message: Message, sockets: list[socket.socket]
    ) -> None:
        number = message.get("ask")
        try:
            given = handler(message, sockets)
            if isinstance(given, Coroutine):
                given = await given
            self._answer(number, given=given or {})
        except OperationRefusedError as error:
            self._refuse(message, error.why)
        except LinkError as error:  # that it has asked somebody else in its turn
            self._refuse(message, str(error))
        except Exception:
            self._answer(number, refused=_MISTAKE)
            raise

    def _answer(self, number: int | None, **answer: Any) -> None:
        if number is not None:
            self._channel.say("answer", answer=number, **answer)

    def _refuse(self, message: Message, why: str) -> None:
        number = message.get("ask")
        self._answer(number, refused=why)
        if number is None:  # then nobody else hears of it
            what = message.get("what")
            self._log.warning("what another process has told was refused", what=what, why=why)

    def _mistaken(self, failure: Failure) -> None:
        trace = failure.getTraceback()
        self._log.error("a mistake in what another process has asked for", exception=trace)

    def _answered(self, message: Message, _: list[socket.socket]) -> None:
        waiting = self._asked.pop(message.get("answer", 0), None)
        if waiting is None:  # it comes too late
            return
        if "given" in message:
            waiting.callback(message["given"])
        else:
            waiting.errback(LinkRefusedError(str(message.get("refused"))))

    def _fail(self, number: int, error: LinkError) -> None:
        waiting = self._asked.pop(number, None)
        if waiting is not None:  # else it was given up while others were failing
            waiting.errback(error)

    def _lost(self) -> None:
        for number in [*self._asked]:
            self._fail(number, LinkLostError(_GONE))
        self.on_lost()


class Linked(Protocol):
    """A worker, as parts of the supervisor have it that need to know no more of it."""

    @property
    def number(self) -> int:
        """Its seat."""

    @property
    def link(self) -> Link:
        """What it hears."""


async def all_of(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What all of these come to; they run side by side.

    Raises what the first one raises that fails.  Who waits no more has all of them cancelled.
    """
    running = [Deferred.fromCoroutine(one) for one in work]
    try:
        return await gatherResults(running, consumeErrors=True)
    except FirstError as error:
        error.subFailure.raiseException()


def _refuse(message: Message, sockets: list[socket.socket]) -> None:
    for one in sockets:
        one.close()
    raise OperationRefusedError(f"nobody here knows what {message.get('what')!r} is")


def _tell_nobody() -> None:
    """Nobody wants to know."""
