"""mysql_clear_password: the password itself, and a NUL behind it.

Source: MySQL manual, "Client-Side Cleartext Pluggable Authentication".  IAM tokens travel so
(Amazon RDS, "IAM database authentication").  It is for connections only on which nobody can
read along.
"""

from __future__ import annotations

from proxy.wire.auth.steps import Denied, Impossible, Send, Shown, Wait


class ClearProver:
    """Logs in by showing the password."""

    def __init__(self, password: str) -> None:
        self._password = password

    def begin(self, nonce: bytes) -> bytes:  # noqa: ARG002 - a challenge says nothing here
        """The password."""
        return self._password.encode("utf-8", "surrogateescape") + b"\x00"

    def receive(self, data: bytes) -> Send | Wait | Impossible:
        """The plugin has one step only."""
        return Impossible(f"{len(data)} bytes more than mysql_clear_password has to say")


class ClearVerifier:
    """Takes what a client shows; whether it is good is for others to find out."""

    plugin = "mysql_clear_password"
    in_full = True

    def receive(self, data: bytes) -> Shown | Denied:
        """The password, or nothing."""
        text = data.removesuffix(b"\x00").decode("utf-8", "surrogateescape")
        return Shown(text) if text else Denied()

    def matches(self, passwords: tuple[str, ...]) -> bool:  # noqa: ARG002 - see `Verifier`
        """Nothing is compared here."""
        return False
