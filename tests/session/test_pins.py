"""Tests of `proxy.session.pins`."""

from __future__ import annotations

from proxy.session.pins import ENDS, Ends, Pin, PinReason, Pins


def test_a_session_without_pins_may_share():
    """An empty set of pins is false, and says nothing."""
    pins = Pins()
    assert not pins
    assert len(pins) == 0
    assert repr(pins) == "<Pins >"


def test_only_the_first_pin_of_a_reason_is_new():
    """A reason is reported once, however many pins have it."""
    pins = Pins()
    assert pins.add(Pin(PinReason.CURSOR, detail=1))
    assert not pins.add(Pin(PinReason.CURSOR, detail=2))
    assert pins.add(Pin(PinReason.XA))
    assert len(pins) == 3
    assert repr(pins) == "<Pins CURSOR, XA>"


def test_a_pin_can_be_ended_alone_or_by_reason():
    """One cursor closes alone; a reason ends for all its pins."""
    pins = Pins()
    for number in (1, 2, 3):
        pins.add(Pin(PinReason.CURSOR, detail=number))
    pins.end(PinReason.CURSOR, 2)
    assert not pins.has(PinReason.CURSOR, 2)
    assert pins.has(PinReason.CURSOR, 3)
    pins.end(PinReason.CURSOR)
    assert PinReason.CURSOR not in pins


def test_ends_end_their_own_pins_only():
    """The next statement ends diagnostics, not a temporary table."""
    pins = Pins()
    pins.add(Pin(PinReason.DIAGNOSTICS))
    pins.add(Pin(PinReason.TEMPORARY_TABLE))
    pins.end_all(Ends.STATEMENT)
    assert PinReason.DIAGNOSTICS not in pins
    assert PinReason.TEMPORARY_TABLE in pins
    pins.clear()
    assert not pins


def test_every_reason_is_a_sentence():
    """An operator reads a sentence for each reason, and each is different."""
    texts = [reason.value for reason in PinReason]
    assert len(set(texts)) == len(texts)
    assert all(text[0].isupper() and text.endswith(".") for text in texts)
    assert set(ENDS) <= set(PinReason)
