"""The supervisor's word to its workers: the course of each proxy, and the secrets.

================  ==========  =================================================================
what              from        means
================  ==========  =================================================================
secrets           supervisor  what is in the secrets of a `key`; see `proxy.credentials.shared`
secrets_over      supervisor  nobody reads them any more
secret            worker      (asked) have the secret of a `user` read anew
wrote             worker      what users have committed; the others are told the same
================  ==========  =================================================================

See `proxy.failover.course` for the rest.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from proxy.credentials.shared import SharedSecrets
from proxy.failover.course import Course
from proxy.service.channel import Message
from proxy.service.link import Linked


class Directing:
    """See the module.

    Args:
        tell: Says something to all workers that have joined: what, and more by name.
    """

    def __init__(self, tell: Callable[..., None]) -> None:
        self._tell = tell
        self._courses: dict[str, Course] = {}
        self._secrets: dict[str, SharedSecrets] = {}
        self._members: dict[int, Linked] = {}

    def __repr__(self) -> str:
        """How many proxies and workers."""
        return f"<Directing {len(self._courses)} proxies in {len(self._members)} workers>"

    # Workers

    def join(self, member: Linked) -> None:
        """Tell a worker how all stands, before it serves, and hear it from now on."""
        seat, link = member.number, member.link
        self._members[seat] = member

        def on(what: str, do: Callable[[Message], object]) -> None:
            def handle(message: Message, _: list[socket.socket]) -> None:
                do(message)

            link.on(what, handle)

        on("pools", lambda message: self._reported(seat, message))
        on("trouble", lambda message: self._trouble(member, message))
        on("wrote", lambda message: self._wrote(member, message))
        link.on("secret", self._read_secret)
        for source in self._secrets.values():
            link.tell("secrets", key=source.key, **source.told())
        for course in self._courses.values():
            course.joined(seat)
            link.tell("course", **course.snapshot())

    def leave(self, member: Linked) -> None:
        """It has gone, with all that it had."""
        if self._members.get(member.number) is member:
            del self._members[member.number]
            for course in self._courses.values():
                course.left(member.number)

    def _reported(self, seat: int, message: Message) -> None:
        course = self._courses.get(message["proxy"])
        if course is not None:
            course.reported(seat, message)

    def _trouble(self, member: Linked, message: Message) -> None:
        course = self._courses.get(message["proxy"])
        if course is not None:
            course.trouble(message, member.link.tell)

    def _wrote(self, member: Linked, message: Message) -> None:
        told = {name: message[name] for name in ("proxy", "slots")}
        for other in [*self._members.values()]:
            if other is not member:
                other.link.tell("wrote", seat=member.number, **told)

    # Proxies

    def begin(self, course: Course) -> None:
        """Tell this course from now on; another one of its name is told no more."""
        before = self._courses.get(course.name)
        if before is not None:
            before.mute()
        self._courses[course.name] = course
        for seat in self._members:
            course.joined(seat)
        course.begin(self._tell)

    def end(self, course: Course) -> None:
        """There is no such proxy any more."""
        if self._courses.get(course.name) is course:
            del self._courses[course.name]
            course.end()

    # Secrets

    def share(self, key: str, source: SharedSecrets) -> None:
        """Let all workers know what it knows, as long as it reads."""
        source.share(key, self._tell_secrets, self._tell_over)

    def _tell_secrets(self, source: SharedSecrets) -> None:
        self._secrets[source.key] = source
        self._tell("secrets", key=source.key, **source.told())

    def _tell_over(self, source: SharedSecrets) -> None:
        if self._secrets.get(source.key) is source:
            del self._secrets[source.key]
            self._tell("secrets_over", key=source.key)

    async def _read_secret(self, message: Message, _: list[socket.socket]) -> dict[str, Any]:
        source = self._secrets.get(message["key"])
        if source is not None:
            await source.refresh(message["user"])
        return {}
