"""The PROXY protocol: what a load balancer says of a client before the client's first byte.

Source: HAProxy's "proxy-protocol.txt", sections 2.1 (version 1: a line of text) and 2.2
(version 2: a block of bytes).
"""

from __future__ import annotations

import ipaddress
from typing import Final

import attrs

from proxy.wire.primitives import PacketError, Reader, total

LINE_PREFIX: Final = b"PROXY "
"""How a header of version 1 begins."""

LINE_LIMIT: Final = 107
"""Bytes of a header of version 1, CRLF included: the specification's worst case."""

KEYWORDS: Final = (b"TCP4 ", b"TCP6 ", b"UNKNOWN\r\n", b"UNKNOWN ")
"""What may follow the prefix of version 1."""

SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
"""How a header of version 2 begins."""

BLOCK_START: Final = 16
"""Bytes of version 2 that are always there: signature, command, family, length."""

BLOCK_LIMIT: Final = 4096
"""Bytes that version 2 may announce behind its start, of 65535 that the field has room for.

Addresses and what load balancers add (an endpoint's id, padding, names from a certificate) are
some hundred bytes, and nobody has proved anything yet who makes us keep them.
"""

LOCAL: Final = 0x20
"""Version 2, "the load balancer itself is calling", as for a health check."""

PROXY: Final = 0x21
"""Version 2, "a client's connection"."""

TCP_IPV4: Final = 0x11
TCP_IPV6: Final = 0x21

ADDRESS_SIZES: Final = {TCP_IPV4: 12, 0x12: 12, TCP_IPV6: 36, 0x22: 36, 0x31: 216, 0x32: 216}
"""Bytes of both addresses and ports, for each family (IPv4, IPv6, Unix) and transport (stream,
datagram) that has some."""

CHECKSUM: Final = 0x03
"""Type of the field that has the header's CRC32C, as AWS's Network Load Balancer sends it."""


@attrs.frozen
class ProxyHeader:
    """A whole header.

    Attributes:
        size: Bytes that it took; the client's own begin behind them.
        address: The client's IP address; None where the connection's own one holds, for a
            health check or a client that did not come over TCP.
        port: The client's port; 0 without an address.
    """

    size: int
    address: str | None
    port: int


@attrs.frozen
class Incomplete:
    """A header may be beginning: more bytes are needed."""


@attrs.frozen
class NoHeader:
    """These bytes are a client's own."""


@total
def read_header(data: bytes) -> ProxyHeader | Incomplete | NoHeader:
    r"""The header that a connection begins with, told apart with as few bytes as will do.

    No packet that a MySQL client begins with is taken for a header or the start of a broken
    one: the sequence number in its fourth byte is 1, where headers have "X" or "\n".

    Whether there must, may or must not be a header is the caller's to know: whoever may send
    one may claim any address.

    Args:
        data: All bytes from the connection's first one on.

    Returns:
        `Malformed` for a header that breaks the rules: the connection must be closed.
    """
    if data.startswith(SIGNATURE):
        return _read_block(data)
    if data.startswith(LINE_PREFIX):
        return _read_line(data)
    if SIGNATURE.startswith(data) or LINE_PREFIX.startswith(data):
        return Incomplete()
    return NoHeader()


def encode_v2(source: tuple[str, int], destination: tuple[str, int]) -> bytes:
    """A header of version 2 for a client's TCP connection.

    Addresses that both stand for IPv4 ones are sent as these; zones ("%eth0") are left out.

    Args:
        source: IP address and port of the client.
        destination: IP address and port that it connected to, of the same family.

    Raises:
        ValueError: an address is none, the families differ, or a port is not within 0 to 65535.
    """
    client = ipaddress.ip_address(source[0])
    server = ipaddress.ip_address(destination[0])
    if _plain(client).version == _plain(server).version:
        client, server = _plain(client), _plain(server)
    if client.version != server.version:
        raise ValueError(f"{client} and {server} are of different families")
    if not (0 <= source[1] <= 0xFFFF and 0 <= destination[1] <= 0xFFFF):
        raise ValueError(f"{source[1]} or {destination[1]} is no port")
    kind = TCP_IPV4 if client.version == 4 else TCP_IPV6
    ports = source[1].to_bytes(2, "big") + destination[1].to_bytes(2, "big")
    return _start(PROXY, kind, ADDRESS_SIZES[kind]) + client.packed + server.packed + ports


def encode_local() -> bytes:
    """A header of version 2 for a connection of our own, made for no client."""
    return _start(LOCAL, 0, 0)


def _start(command: int, kind: int, size: int) -> bytes:
    """What stands before the addresses of version 2."""
    return SIGNATURE + bytes((command, kind)) + size.to_bytes(2, "big")


def _plain(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 address stands for (::ffff:a.b.c.d), else itself.

    Listeners for both families see IPv4 clients so; rules and logs know them by the other form.
    """
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _read_line(data: bytes) -> ProxyHeader | Incomplete:
    """Version 1: "PROXY TCP4 source destination port port" and CRLF."""
    rest = data[len(LINE_PREFIX) : LINE_LIMIT]
    if not any(rest.startswith(word) or word.startswith(rest) for word in KEYWORDS):
        raise PacketError("neither TCP4 nor TCP6 nor UNKNOWN follows PROXY")
    end = rest.find(b"\r\n")
    if end < 0:
        if len(data) >= LINE_LIMIT:
            raise PacketError(f"the PROXY line has no end within {LINE_LIMIT} bytes")
        if b"\n" in rest and not rest.startswith(b"UNKNOWN"):
            raise PacketError("the PROXY line ends without a carriage return")
        return Incomplete()
    size = len(LINE_PREFIX) + end + 2
    if rest.startswith(b"UNKNOWN"):
        return ProxyHeader(size, None, 0)
    fields = rest[:end].split(b" ")
    if len(fields) != 5:
        raise PacketError("the PROXY line has not two addresses and two ports")
    source = _line_address(fields[0], fields[1])
    _line_address(fields[0], fields[2])
    port = _line_port(fields[3])
    _line_port(fields[4])
    return ProxyHeader(size, source, port)


def _line_address(family: bytes, field: bytes) -> str:
    """An address of version 1; a zone ("%eth0") means something to its own host only."""
    text = field.decode("latin-1")
    try:
        if family == b"TCP4":
            return str(ipaddress.IPv4Address(text))
        if b"%" not in field:
            return str(_plain(ipaddress.IPv6Address(text)))
    except ValueError:
        pass
    raise PacketError(f"{text!r} is no address for {family.decode('latin-1')}")


def _line_port(field: bytes) -> int:
    """A port of version 1: decimal, without leading zeros."""
    if field.isdigit() and (field == b"0" or field[0] != 0x30) and int(field) <= 0xFFFF:
        return int(field)
    raise PacketError(f"{field.decode('latin-1')!r} is no port")


def _read_block(data: bytes) -> ProxyHeader | Incomplete:
    """Version 2: signature, command, family and transport, length, addresses, more fields."""
    _check_start(data)
    if len(data) < BLOCK_START:
        return Incomplete()
    kind = data[13]
    length = int.from_bytes(data[14:16], "big")
    if length > BLOCK_LIMIT:
        raise PacketError(f"a PROXY header of {length} bytes, {BLOCK_LIMIT} allowed")
    # What load balancers say of themselves or of no family they know is not to be looked at.
    known = data[12] == PROXY and kind in ADDRESS_SIZES
    if known and length < ADDRESS_SIZES[kind]:
        raise PacketError(f"{length} bytes are too few for the addresses of a PROXY header")
    size = BLOCK_START + length
    if len(data) < size:
        return Incomplete()
    if not known:
        return ProxyHeader(size, None, 0)
    _check_fields(data[:size], BLOCK_START + ADDRESS_SIZES[kind])
    if kind == TCP_IPV4:
        port = int.from_bytes(data[24:26], "big")
        return ProxyHeader(size, str(ipaddress.IPv4Address(data[16:20])), port)
    if kind == TCP_IPV6:
        port = int.from_bytes(data[48:50], "big")
        return ProxyHeader(size, str(_plain(ipaddress.IPv6Address(data[16:32]))), port)
    return ProxyHeader(size, None, 0)


def _check_start(data: bytes) -> None:
    """Refuse a command, family or transport that there is none of, as soon as it has come."""
    if len(data) > 12 and data[12] not in {LOCAL, PROXY}:
        raise PacketError(f"0x{data[12]:02X} is no version and command of a PROXY header")
    if len(data) > 13 and data[12] == PROXY and (data[13] >> 4 > 3 or data[13] & 0xF > 2):
        raise PacketError(f"0x{data[13]:02X} is no family and transport of a PROXY header")


def _check_fields(header: bytes, position: int) -> None:
    """Walk over the fields behind the addresses (type, two bytes of length, value).

    None of them is used but the checksum, which whoever can compute it has to verify.
    """
    reader = Reader(header, position)
    summed = False
    while reader.left:
        kind = reader.integer(1)
        size = int.from_bytes(reader.take(2), "big")
        value = reader.take(size)
        if kind == CHECKSUM:
            # A second one would make a header cost as often its length as there is room for.
            if summed or size != 4:
                raise PacketError("a PROXY header has one checksum, of four bytes")
            summed = True
            start = reader.position - size
            if _crc32c(header[:start] + bytes(4) + header[reader.position :]) != value:
                raise PacketError("the checksum of a PROXY header is wrong")


def _crc_table() -> tuple[int, ...]:
    """What each byte does to a CRC32C: polynomial 0x1EDC6F41, here with its bits reversed."""
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


CRC_TABLE: Final = _crc_table()


def _crc32c(data: bytes) -> bytes:
    """The CRC32C of these bytes (RFC 4960, appendix B), most significant byte first."""
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ CRC_TABLE[(value ^ byte) & 0xFF]
    return (value ^ 0xFFFFFFFF).to_bytes(4, "big")
