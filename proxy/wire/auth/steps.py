"""What provers and verifiers are, and what their steps lead to."""

from __future__ import annotations

from typing import Protocol

import attrs


@attrs.frozen
class Send:
    """The other side should get these bytes (a verifier's go into an AuthMoreData packet)."""

    data: bytes = attrs.field(repr=False)
    final: bool = False
    """For a verifier: the client is let in, and these bytes come before the OK."""


@attrs.frozen
class Wait:
    """Nothing to send: the other side goes on."""


@attrs.frozen
class Accepted:
    """The client has proved who it is."""


@attrs.frozen
class Denied:
    """The proof is wrong."""


@attrs.frozen
class Shown:
    """The client has shown this text; somebody else knows whether it is good."""

    text: str = attrs.field(repr=False)


@attrs.frozen
class Impossible:
    """This side cannot go on; `why` is for the log."""

    why: str


class Prover(Protocol):
    """Proves to a server that we know a password."""

    def begin(self, nonce: bytes) -> bytes:
        """The first response to a challenge of 20 bytes."""

    def receive(self, data: bytes) -> Send | Wait | Impossible:
        """The step after an AuthMoreData packet with this data."""


class Verifier(Protocol):
    """Checks that a client knows one of the passwords.

    Attributes:
        plugin: Its name.
        in_full: Whether the client was asked for more than a proof: for the password itself.
    """

    plugin: str
    in_full: bool

    def receive(self, data: bytes) -> Send | Accepted | Denied | Shown:
        """The step after the client's response."""

    def matches(self, passwords: tuple[str, ...]) -> bool:
        """Whether what the client has sent, and was denied for, proves one of these.

        Who has sent nothing to this verifier has proved nothing, not even an empty password.
        """


class RsaKey(Protocol):
    """A key pair for full authentication over a connection that others may read."""

    public_pem: bytes

    def decrypt(self, data: bytes) -> bytes | None:
        """What was encrypted with the public key (OAEP, SHA-1), None when it does not fit."""


def xor(one: bytes, other: bytes) -> bytes:
    """XOR of strings of the same length."""
    both = int.from_bytes(one, "little") ^ int.from_bytes(other, "little")
    return both.to_bytes(len(one), "little")


def mask(data: bytes, nonce: bytes) -> bytes:
    """XOR with the challenge, repeated: how passwords are hidden inside the RSA block.

    Raises:
        ValueError: the challenge is empty and would hide nothing.
    """
    if not nonce:
        raise ValueError("the challenge is empty")
    repeated = nonce * (len(data) // len(nonce) + 1)
    return xor(data, repeated[: len(data)])
