"""Packets of the connection phase: greeting, login, switch of the authentication plugin.

Source: MySQL internals manual, "Connection Phase Packets" (Protocol::HandshakeV10,
Protocol::HandshakeResponse41, Protocol::AuthSwitchRequest, Protocol::AuthMoreData).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import attrs

from proxy.wire.constants import Capability
from proxy.wire.primitives import (
    Malformed,
    PacketError,
    Reader,
    lenenc_bytes,
    lenenc_int,
    total,
)

NONCE_SIZE = 20
"""Bytes of the random challenge that the server sends with its greeting."""

ATTRIBUTES_LIMIT = 65536
"""Bytes of connection attributes that are kept: the server's own limit on what it accepts."""

USER_LIMIT = 512
"""Bytes of a user's name: MariaDB's 128 characters, of four bytes each."""

AUTH_SWITCH = 0xFE
AUTH_MORE_DATA = 0x01


@attrs.frozen
class Greeting:
    """HandshakeV10: the first packet of a connection, from the server."""

    version: str
    connection_id: int
    nonce: bytes = attrs.field(repr=False)
    capabilities: int
    collation: int
    status: int
    plugin: str

    def encode(self) -> bytes:
        """The packet's payload."""
        head, middle, tail = _around(
            self.version, self.capabilities, self.collation, self.status, self.plugin
        )
        number, nonce = self.connection_id.to_bytes(4, "little"), self.nonce
        size = bytes([len(nonce) + 1])
        return b"".join((head, number, nonce[:8], middle, size, bytes(10), nonce[8:], tail))


@functools.lru_cache(64)  # one for each version, family and endpoint of the servers behind us
def _around(
    version: str, capabilities: int, collation: int, status: int, plugin: str
) -> tuple[bytes, bytes, bytes]:
    """What stands around the parts of a greeting that no two clients share."""
    middle = (
        b"\x00",
        (capabilities & 0xFFFF).to_bytes(2, "little"),
        bytes([collation & 0xFF]),
        status.to_bytes(2, "little"),
        (capabilities >> 16).to_bytes(2, "little"),
    )
    return (
        b"\x0a" + version.encode("latin-1", "replace") + b"\x00",
        b"".join(middle),
        b"\x00" + plugin.encode("ascii") + b"\x00",
    )


@total
def parse_greeting(payload: bytes) -> Greeting:
    """HandshakeV10 as MySQL and MariaDB send it."""
    reader = Reader(payload)
    if reader.integer(1) != 10:
        raise PacketError("not a greeting of protocol version 10")
    version = reader.nul_bytes().decode("latin-1")
    connection_id = reader.integer(4)
    nonce = reader.take(8)
    reader.take(1)
    capabilities = reader.integer(2)
    collation, status, plugin = 0, 0, ""
    if reader.left:
        collation = reader.integer(1)
        status = reader.integer(2)
        capabilities |= reader.integer(2) << 16
        nonce_size = reader.integer(1)
        reader.take(10)
        if capabilities & Capability.SECURE_CONNECTION:
            nonce += reader.take(max(13, nonce_size - 8))[:12]
        if capabilities & Capability.PLUGIN_AUTH:
            plugin = reader.rest().rstrip(b"\x00").decode("ascii", "replace")
    if len(nonce) != NONCE_SIZE:
        raise PacketError("the greeting has no challenge of 20 bytes")
    return Greeting(version, connection_id, nonce, capabilities, collation, status, plugin)


@attrs.frozen
class SslRequest:
    """The first 32 bytes of a login, sent alone: TLS shall begin behind it."""

    capabilities: int
    max_packet: int
    collation: int

    def encode(self) -> bytes:
        """The packet's payload: how a login begins."""
        return _login_head(self.capabilities, self.max_packet, self.collation)


@attrs.frozen
class Login:
    """HandshakeResponse41: what a client says of itself."""

    capabilities: int
    max_packet: int
    collation: int
    user: str
    auth_response: bytes = attrs.field(repr=False)
    schema: bytes | None = None
    plugin: str = ""
    attributes: Sequence[tuple[bytes, bytes]] = attrs.field(default=(), repr=False)

    def encode(self) -> bytes:
        """The packet's payload; fields that the capabilities do not announce are left out.

        Raises:
            ValueError: the collation's id is above 255, for which servers read its low byte.
        """
        flags = self.capabilities
        pieces = [
            _login_head(flags, self.max_packet, self.collation),
            self.user.encode("utf-8", "surrogateescape"),
            b"\x00",
        ]
        if flags & Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA:
            pieces.append(lenenc_bytes(self.auth_response))
        elif flags & Capability.SECURE_CONNECTION:
            pieces += (bytes((len(self.auth_response),)), self.auth_response)
        else:
            pieces += (self.auth_response, b"\x00")
        if flags & Capability.CONNECT_WITH_DB:
            pieces += (self.schema or b"", b"\x00")
        if flags & Capability.PLUGIN_AUTH:
            pieces += (self.plugin.encode("ascii"), b"\x00")
        if flags & Capability.CONNECT_ATTRS:
            block = b"".join(
                lenenc_bytes(name) + lenenc_bytes(value) for name, value in self.attributes
            )
            pieces += (lenenc_int(len(block)), block)
        return b"".join(pieces)


def _login_head(capabilities: int, max_packet: int, collation: int) -> bytes:
    sizes = capabilities.to_bytes(4, "little") + max_packet.to_bytes(4, "little")
    return sizes + bytes((collation,)) + bytes(23)


@total
def parse_login(payload: bytes) -> Login | SslRequest:
    """A login, or the request for TLS that may stand before it."""
    reader = Reader(payload)
    capabilities = reader.integer(4)
    if not capabilities & Capability.PROTOCOL_41:
        raise PacketError("the client does not speak the protocol of MySQL 4.1 and later")
    max_packet = reader.integer(4)
    collation = reader.integer(1)
    reader.take(23)
    if not reader.left and capabilities & Capability.SSL:
        return SslRequest(capabilities, max_packet, collation)
    user = _user(reader)
    if capabilities & Capability.PLUGIN_AUTH_LENENC_CLIENT_DATA:
        auth_response = reader.lenenc_bytes()
    elif capabilities & Capability.SECURE_CONNECTION:
        auth_response = reader.take(reader.integer(1))
    else:
        auth_response = reader.nul_bytes()
    schema = None
    if capabilities & Capability.CONNECT_WITH_DB and reader.left:
        schema = _until_nul(reader) or None
    plugin = ""
    if capabilities & Capability.PLUGIN_AUTH and reader.left:
        plugin = _until_nul(reader).decode("ascii", "replace")
    attributes: tuple[tuple[bytes, bytes], ...] = ()
    if capabilities & Capability.CONNECT_ATTRS and reader.left:
        attributes = _attributes(reader)
    return Login(
        capabilities, max_packet, collation, user, auth_response, schema, plugin, attributes
    )


def _user(reader: Reader) -> str:
    """A user's name; it is kept and logged before anything is proved."""
    name = reader.nul_bytes()
    if len(name) > USER_LIMIT:
        raise PacketError(f"a user's name of {len(name)} bytes, {USER_LIMIT} allowed")
    return name.decode("utf-8", "surrogateescape")


def _until_nul(reader: Reader) -> bytes:
    """A string up to NUL, or to the end: some clients leave the last NUL out."""
    if reader.data.find(b"\x00", reader.position) >= 0:
        return reader.nul_bytes()
    return reader.rest()


def _attributes(reader: Reader) -> tuple[tuple[bytes, bytes], ...]:
    """Connection attributes: one length over all, then names and values in turn.

    They only inform, so a block that does not fall into pairs is dropped, as a server does.
    """
    size = reader.lenenc_int()
    if size > ATTRIBUTES_LIMIT:
        raise PacketError(f"{size} bytes of connection attributes, {ATTRIBUTES_LIMIT} allowed")
    pairs = _pairs(reader.take(size))
    return () if isinstance(pairs, Malformed) else pairs


@total
def _pairs(block: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Names and values in turn, all length-encoded."""
    reader = Reader(block)
    pairs = []
    while reader.left:
        name = reader.lenenc_bytes()
        pairs.append((name, reader.lenenc_bytes()))
    return tuple(pairs)


@attrs.frozen
class ChangeUser:
    """COM_CHANGE_USER: a login on a connection that is in use."""

    user: str
    auth_response: bytes = attrs.field(repr=False)
    schema: bytes | None
    collation: int | None
    plugin: str


@total
def parse_change_user(payload: bytes, capabilities: int) -> ChangeUser:
    """COM_CHANGE_USER, the command byte included; layout by the login's capabilities."""
    reader = Reader(payload, 1)
    user = _user(reader)
    if capabilities & Capability.SECURE_CONNECTION:
        auth_response = reader.take(reader.integer(1))
    else:
        auth_response = reader.nul_bytes()
    schema = _until_nul(reader) or None
    collation = reader.integer(2) if reader.left >= 2 else None
    plugin = ""
    if capabilities & Capability.PLUGIN_AUTH and reader.left:
        plugin = _until_nul(reader).decode("ascii", "replace")
    return ChangeUser(user, auth_response, schema, collation, plugin)


def auth_switch(plugin: str, nonce: bytes) -> bytes:
    """AuthSwitchRequest: 0xFE, plugin name, NUL, challenge, NUL."""
    return bytes((AUTH_SWITCH,)) + plugin.encode("ascii") + b"\x00" + nonce + b"\x00"


@attrs.frozen
class AuthSwitch:
    """The server wants another plugin, with a new challenge."""

    plugin: str
    nonce: bytes = attrs.field(repr=False)


@total
def parse_auth_switch(payload: bytes) -> AuthSwitch:
    """AuthSwitchRequest; its bare old form (0xFE alone) wants a password hash of MySQL 4.0."""
    reader = Reader(payload, 1)
    if not reader.left:
        raise PacketError("the server asks for the password hash of MySQL 4.0")
    plugin = reader.nul_bytes().decode("ascii", "replace")
    return AuthSwitch(plugin, reader.rest().removesuffix(b"\x00"))


def auth_more_data(data: bytes) -> bytes:
    """AuthMoreData: 0x01, then bytes of the plugin's own."""
    return bytes((AUTH_MORE_DATA,)) + data
