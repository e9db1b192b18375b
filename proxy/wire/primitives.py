"""Integers and strings of the protocol (MySQL internals manual: "Protocol::DataTypes")."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import attrs

P = ParamSpec("P")
T = TypeVar("T")


@attrs.frozen
class Malformed:
    """What a parser answers for bytes that break the protocol; `why` says in which way."""

    why: str


class PacketError(Exception):
    """Inside `wire` only: a field does not fit the packet; `total` makes it a `Malformed`."""


def total(parse: Callable[P, T]) -> Callable[P, T | Malformed]:
    """Make a parser total: a packet that is too short or wrong becomes `Malformed`."""

    @functools.wraps(parse)
    def parsed(*args: P.args, **kwargs: P.kwargs) -> T | Malformed:
        try:
            return parse(*args, **kwargs)
        except PacketError as error:
            return Malformed(str(error))

    return parsed


def lenenc_int(value: int) -> bytes:
    """A length-encoded integer: one byte below 251, else 0xFC, 0xFD, 0xFE and 2, 3, 8 bytes."""
    if value < 0xFB:
        return bytes((value,))
    if value <= 0xFFFF:
        return b"\xfc" + value.to_bytes(2, "little")
    if value <= 0xFFFFFF:
        return b"\xfd" + value.to_bytes(3, "little")
    return b"\xfe" + value.to_bytes(8, "little")


def lenenc_bytes(value: bytes) -> bytes:
    """A length-encoded string: its length as a length-encoded integer, then its bytes."""
    return lenenc_int(len(value)) + value


class Reader:
    """A place in a packet's payload; each read moves it on or raises `PacketError`."""

    __slots__ = ("data", "position")

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return max(len(self.data) - self.position, 0)

    def take(self, size: int) -> bytes:
        """The next `size` bytes; a slice of what is there, never an allocation by claim."""
        end = self.position + size
        if end > len(self.data):
            raise PacketError(f"{size} bytes announced, {self.left} left")
        taken = self.data[self.position : end]
        self.position = end
        return taken

    def integer(self, size: int) -> int:
        """A little-endian unsigned integer of `size` bytes."""
        return int.from_bytes(self.take(size), "little")

    def lenenc_int(self) -> int:
        """A length-encoded integer; NULL (0xFB) and 0xFF are refused."""
        first = self.integer(1)
        if first < 0xFB:
            return first
        if first == 0xFC:
            return self.integer(2)
        if first == 0xFD:
            return self.integer(3)
        if first == 0xFE:
            return self.integer(8)
        raise PacketError(f"0x{first:02X} does not begin a length")

    def lenenc_bytes(self) -> bytes:
        """A length-encoded string."""
        return self.take(self.lenenc_int())

    def nullable_bytes(self) -> bytes | None:
        """A value of a text row: a length-encoded string, or None for 0xFB."""
        if self.left and self.data[self.position] == 0xFB:
            self.position += 1
            return None
        return self.lenenc_bytes()

    def nul_bytes(self) -> bytes:
        """A string that ends with a NUL byte, which is read and left out."""
        end = self.data.find(b"\x00", self.position)
        if end < 0:
            raise PacketError("a string has no NUL at its end")
        taken = self.data[self.position : end]
        self.position = end + 1
        return taken

    def rest(self) -> bytes:
        """All that is left."""
        taken = self.data[self.position :]
        self.position = len(self.data)
        return taken
