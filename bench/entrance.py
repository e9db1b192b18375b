"""The login of a client that knows its account and wants little else: bytes in, bytes out.

All loads that speak the protocol themselves log in by it.  They share the machine with what
they load: of a greeting nothing is read but what the proof needs, and of a login nothing is
made anew but the proof.  Source: MySQL internals manual, "Connection Phase Packets".
"""

from __future__ import annotations

import enum
import functools
from typing import Final

from bench.site import PASSWORD, SCHEMA, USER
from proxy.wire.auth import caching_sha2, native
from proxy.wire.constants import Capability
from proxy.wire.greeting import (
    AUTH_MORE_DATA,
    AUTH_SWITCH,
    Login,
    SslRequest,
    parse_auth_switch,
)
from proxy.wire.primitives import Malformed

_PLAIN: Final = (
    Capability.PROTOCOL_41
    | Capability.SECURE_CONNECTION
    | Capability.PLUGIN_AUTH
    | Capability.CONNECT_WITH_DB
    | Capability.TRANSACTIONS
)
_BY_TLS: Final = _PLAIN | Capability.SSL
_MAX_PACKET: Final = 1 << 24
_COLLATION: Final = 45
_HEADER: Final = 4
_OK: Final = 0x00
_ERROR: Final = 0xFF
_PROTOCOL: Final = 10
_SCRAMBLES: Final = {
    "caching_sha2_password": caching_sha2.scramble,
    "mysql_native_password": native.scramble,
}
_UNKNOWN: Final = "the login takes a turn that is not known here"

COM_QUERY: Final = b"\x03"
COM_QUIT: Final = b"\x01"


class Stage(enum.Enum):
    """How far a login is."""

    GREETING = "waits for a greeting"
    TLS = "is to begin TLS"
    LOGIN = "waits to be let in"
    IN = "is let in"
    REFUSED = "is refused"


_UNDER_WAY: Final = (Stage.GREETING, Stage.LOGIN)


def packet(payload: bytes, number: int = 0) -> bytes:
    """A packet of less than 16 MiB."""
    return b"".join((len(payload).to_bytes(3, "little"), bytes((number & 0xFF,)), payload))


_SSL_REQUEST: Final = packet(SslRequest(_BY_TLS, _MAX_PACKET, _COLLATION).encode(), 1)


@functools.cache  # four of them
def _around(flags: int, plugin: str) -> tuple[bytes, bytes]:
    """What stands before and behind the proof in a login."""
    proof = b"\xff" * len(_SCRAMBLES[plugin](PASSWORD, bytes(20)))
    login = Login(flags, _MAX_PACKET, _COLLATION, USER, proof, SCHEMA.encode(), plugin)
    before, _, behind = login.encode().partition(proof)
    return before, behind


class Entrance:
    """See the module.

    Attributes:
        stage: how far it is.
        code: the number of the error that it was refused with; 0 for none.
        why: it was refused, in the server's words or in ours.
    """

    __slots__ = ("_nonce", "_plugin", "_rest", "_tls", "code", "stage", "why")

    def __init__(self, *, tls: bool) -> None:
        self._tls = tls
        self._rest = self._nonce = b""
        self._plugin = ""
        self.stage = Stage.GREETING
        self.code = 0
        self.why = ""

    def receive(self, data: bytes) -> bytes:
        """Take in what has come, in any chunking.

        Returns:
            What is to be sent, maybe nothing; at `Stage.TLS` it is the last that goes plainly.
        """
        if self._rest:
            data = self._rest + data
        start, reply = 0, b""
        while len(data) - start >= _HEADER and self.stage in _UNDER_WAY:
            begin = start + _HEADER
            end = begin + int.from_bytes(data[start : start + 3], "little")
            if end > len(data):
                break
            reply += self._take(data[begin:end], data[begin - 1])
            start = end
        self._rest = data[start:]
        return reply

    def secured(self) -> bytes:
        """TLS has begun: the login."""
        return self._show(_BY_TLS, 2)

    def _take(self, payload: bytes, number: int) -> bytes:
        kind = payload[0] if payload else _ERROR
        if kind == _ERROR:
            self.code = int.from_bytes(payload[1:3], "little")
            text = payload[9:] if payload[3:4] == b"#" else payload[3:]
            self._refuse(text.decode("utf-8", "replace") or "an empty packet")
        elif self.stage is Stage.GREETING:
            return self._greet(payload, number)
        elif kind == _OK:
            self.stage = Stage.IN
        elif kind == AUTH_MORE_DATA:
            return self._go_on(payload[1:], number)
        elif kind == AUTH_SWITCH:
            return self._switch(payload, number)
        else:
            self._refuse(_UNKNOWN)
        return b""

    def _greet(self, payload: bytes, number: int) -> bytes:
        """HandshakeV10, of which only challenge, plugin and TLS matter."""
        at = payload.find(0, 1) + 1
        plugin = payload[at + 44 : -1].decode("ascii", "replace")
        if payload[0] != _PROTOCOL or not at or plugin not in _SCRAMBLES:
            self._refuse("the greeting is not that of a server of today")
            return b""
        self._nonce = payload[at + 4 : at + 12] + payload[at + 31 : at + 43]
        self._plugin = plugin
        if not self._tls:
            return self._show(_PLAIN, number + 1)
        if not int.from_bytes(payload[at + 13 : at + 15], "little") & Capability.SSL:
            self._refuse("no TLS is offered")
            return b""
        self.stage = Stage.TLS
        return _SSL_REQUEST

    def _show(self, flags: int, number: int) -> bytes:
        before, behind = _around(flags, self._plugin)
        self.stage = Stage.LOGIN
        proof = _SCRAMBLES[self._plugin](PASSWORD, self._nonce)
        return packet(b"".join((before, proof, behind)), number)

    def _go_on(self, said: bytes, number: int) -> bytes:
        if said == caching_sha2.FAST_AUTH_SUCCESS:
            return b""
        if said != caching_sha2.PERFORM_FULL_AUTHENTICATION:
            self._refuse("caching_sha2_password says something unknown")
        elif not self._tls:
            self._refuse("the password has to be known from an earlier login")
        else:
            return packet(PASSWORD.encode() + b"\x00", number + 1)
        return b""

    def _switch(self, payload: bytes, number: int) -> bytes:
        switch = parse_auth_switch(payload)
        if isinstance(switch, Malformed) or switch.plugin not in _SCRAMBLES:
            self._refuse(_UNKNOWN)
            return b""
        return packet(_SCRAMBLES[switch.plugin](PASSWORD, switch.nonce), number + 1)

    def _refuse(self, why: str) -> None:
        self.stage = Stage.REFUSED
        self.why = why
