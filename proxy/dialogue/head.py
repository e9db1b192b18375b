"""The first bytes of a client: a load balancer's header (PROXY protocol), or none."""

from __future__ import annotations

import attrs

from proxy.wire.primitives import Malformed
from proxy.wire.proxy_header import Incomplete, NoHeader, read_header


@attrs.frozen
class HeadEnd:
    """What is known once the first bytes are there.

    Attributes:
        rest: What stands behind the header, or all there was.
        has_header: Whether there was one.
        address: From where it says that the client comes; None where it says nothing.
        port: Likewise.
    """

    rest: bytes = attrs.field(repr=False)
    has_header: bool = False
    address: str | None = None
    port: int = 0


class Head:
    """Keeps bytes until it is clear whether they are a header."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept = b""

    def receive(self, data: bytes) -> HeadEnd | Malformed | None:
        """Take bytes; None while there have to be more."""
        data = self._kept + data
        found = read_header(data)
        if isinstance(found, Incomplete):
            self._kept = data
            return None
        if isinstance(found, Malformed):
            return found
        if isinstance(found, NoHeader):
            return HeadEnd(data)
        rest = data[found.size :]
        return HeadEnd(rest, has_header=True, address=found.address, port=found.port)
