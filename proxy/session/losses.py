"""What a session loses with its backend beside the open transaction."""

from __future__ import annotations

from typing import Final

from proxy.session import remains as left
from proxy.session.pins import ENDS, Ends, PinReason, Pins
from proxy.session.remains import Remains

STATE: Final = left.VARIABLES | left.USER_VARIABLES | left.TIMESTAMP
"""Of what only its backend knows that with which a session goes on."""


def lasting(pins: Pins, remains: int) -> str:
    """What a session may rely on behind its transaction, for an error; empty for nothing.

    Of a cursor that is gone the next fetch tells.
    """
    names = sorted(
        pin.reason.name
        for pin in pins
        if ENDS.get(pin.reason, Ends.RESET) in (Ends.RESET, Ends.RELEASE)
        and pin.reason is not PinReason.CURSOR
    )
    if remains & STATE:
        names += _names(remains & STATE)
    return _words(names)


def everything(pins: Pins, remains: int) -> str:
    """All that a session loses, for an error; empty for nothing."""
    names = sorted(pin.reason.name for pin in pins)
    return _words(names or _names(remains & ~(left.TO_BE_READ | left.STATUS)))


def _names(remains: int) -> list[str]:
    return [str(one.name) for one in Remains if remains & one]


def _words(names: list[str]) -> str:
    return ", ".join(dict.fromkeys(name.lower().replace("_", " ") for name in names))
