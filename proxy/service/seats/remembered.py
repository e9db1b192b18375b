"""What a worker has to know of logins at other workers: the supervisor remembers it for all.

That is which IAM tokens have been used, and who guesses passwords; see
`proxy.service.supervising.remembering` for the other end of the link.

================  ==========  ===============================================================
what              from        means
================  ==========  ===============================================================
use_token         worker      asks to use a token, good in every other way: its digest and when
                              it expires (POSIX time), and the client's address.  `refused`
                              says why not, `is_our_fault` whose fault that is
failed_login      worker      a `user` has failed to log in from an `address`; asks by how many
                              seconds the refusal is to be delayed (`delay`)
good_login        worker      a user has logged in, about whom something may be remembered
guessed           supervisor  the slots of all pairs of user and address that are remembered
                              (see `slot_of`); with `more`, of others beside those told before
================  ==========  ===============================================================

Each is about one `proxy`.
"""

from __future__ import annotations

import socket
import zlib
from collections.abc import Container
from typing import Final

from twisted.internet.defer import Deferred

from proxy.config.model import ProxyConfig
from proxy.credentials.iam.presigned import Refused
from proxy.policy.guesses import Guesses, source_of
from proxy.service.channel import Message
from proxy.service.link import Link, LinkError

USE: Final = "use_token"
FAILED_LOGIN: Final = "failed_login"
GOOD_LOGIN: Final = "good_login"
GUESSED: Final = "guessed"

ANSWER_SECONDS: Final = 3.0
"""How long the supervisor may take.  It answers at once, so in milliseconds; one that has said
nothing for so long stands still, and most clients give up a login after ten seconds."""

SLOTS: Final = 4096
"""Workers know of who guesses by a slot only, so that many names do not make many messages.
With so many slots the logins of a fleet, some of whose members fail, are hardly ever told."""


def slot_of(user: str, source: str) -> int:
    """The slot of a user at what `source_of` gives for an address; the same in each process."""
    return zlib.crc32(f"{user}\0{source}".encode("utf-8", "surrogatepass")) % SLOTS


class Remembered:
    """All of one worker process."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._slots: dict[str, set[int]] = {}
        link.on(GUESSED, self._heard)

    def __repr__(self) -> str:
        """Of how many proxies somebody guesses."""
        return f"<Remembered by {self._link!r}, guesses at {len(self._slots)} proxies>"

    def tokens(self, proxy: str) -> DistantTokens:
        """Which tokens have been used at a proxy."""
        return DistantTokens(self._link, proxy)

    def guesses(self, config: ProxyConfig) -> DistantGuesses:
        """Who guesses there."""
        own = Guesses(config.failed_login_threshold, config.max_failed_login_delay)
        return DistantGuesses(self, self._link, config.name, own)

    def slots(self, proxy: str) -> Container[int]:
        """Those of whom something is remembered there."""
        return self._slots.get(proxy, ())

    def _heard(self, message: Message, _: list[socket.socket]) -> None:
        proxy = message["proxy"]
        slots = set(message["slots"])
        if message["more"]:
            slots |= self._slots.get(proxy, set())
        if slots:
            self._slots[proxy] = slots
        else:
            self._slots.pop(proxy, None)


class DistantTokens:
    """Which tokens have been used by way of any worker; see `TokenMemory`.

    Who gives up waiting may have used its token all the same.
    """

    def __init__(self, link: Link, proxy: str) -> None:
        self._link = link
        self._proxy = proxy

    def __repr__(self) -> str:
        """Whose they are."""
        return f"<DistantTokens of {self._proxy!r}>"

    def use(
        self,
        digest: bytes,
        address: str,
        expires: float,
        now: float,  # noqa: ARG002 - the clock that counts is that of who remembers
    ) -> Deferred[Refused | None]:
        """See `TokenMemory`; nobody is let in while the supervisor says nothing."""
        return Deferred.fromCoroutine(self._use(digest, address, expires))

    async def _use(self, digest: bytes, address: str, expires: float) -> Refused | None:
        try:
            answer = await self._link.ask(
                USE,
                seconds=ANSWER_SECONDS,
                proxy=self._proxy,
                digest=digest.hex(),
                address=address,
                expires=expires,
            )
        except LinkError as error:
            why = f"the supervisor has not said whether the token was used already: {error}"
            return Refused(why, is_our_fault=True)
        why = answer["refused"]
        return Refused(why, is_our_fault=answer["is_our_fault"]) if why else None


class DistantGuesses:
    """Who guesses by way of any worker; see `proxy.front.admission.GuessMemory`.

    Failures by way of this worker are counted here as well, for when there is no answer.
    """

    def __init__(self, remembered: Remembered, link: Link, proxy: str, own: Guesses) -> None:
        self._remembered = remembered
        self._link = link
        self._proxy = proxy
        self._own = own

    def __repr__(self) -> str:
        """Whose they are, and how many are remembered here."""
        return f"<DistantGuesses of {self._proxy!r}, beside {self._own!r}>"

    def change(self, threshold: int, longest_seconds: float) -> None:
        """See `Guesses.change`."""
        self._own.change(threshold, longest_seconds)

    def failed(self, user: str, address: str, now: float) -> float | Deferred[float]:
        """See `GuessMemory`."""
        delay = self._own.failed(user, address, now)
        if not self._own.is_on:
            return delay
        return Deferred.fromCoroutine(self._ask(user, address, delay))

    async def _ask(self, user: str, address: str, delay: float) -> float:
        try:
            answer = await self._link.ask(
                FAILED_LOGIN,
                seconds=ANSWER_SECONDS,
                proxy=self._proxy,
                user=user,
                address=address,
            )
        except LinkError:
            return delay
        return float(answer["delay"])

    def succeeded(self, user: str, address: str) -> None:
        """See `Guesses.succeeded`; costs no message unless somebody has failed."""
        self._own.succeeded(user, address)
        slots = self._remembered.slots(self._proxy)
        if slots and slot_of(user, source_of(address)) in slots:
            self._link.tell(GOOD_LOGIN, proxy=self._proxy, user=user, address=address)
