"""Tests of `proxy.session.pins`."""

from __future__ import annotations

import pytest

from proxy.config.pool import PinningFilter
from proxy.session.pins import (
    ENDS,
    FILTERS,
    SOME_NAME,
    Ends,
    Pin,
    PinReason,
    Pins,
    ignored_reasons,
)

NEVER_IGNORED = frozenset(PinReason) - frozenset(
    (
        PinReason.USER_VARIABLE,
        PinReason.SESSION_VARIABLE,
        PinReason.ROUTINE,
        PinReason.SEQUENCE,
        PinReason.UNREPORTED,
        PinReason.OPAQUE,
    )
)


def test_a_session_without_pins_may_share():
    """An empty set of pins is false, and says nothing."""
    pins = Pins()
    assert not pins
    assert len(pins) == 0
    assert list(pins) == []
    assert pins.oldest() is None
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


def test_every_table_has_to_be_dropped():
    """Things with names are counted by name: the reason is there until the last is gone."""
    pins = Pins()
    pins.add(Pin(PinReason.TEMPORARY_TABLE, "CREATE TEMPORARY TABLE a (id INT)", "a"))
    pins.add(Pin(PinReason.TEMPORARY_TABLE, "CREATE TEMPORARY TABLE b (id INT)", "b"))
    pins.end(PinReason.TEMPORARY_TABLE, "a")
    pins.end(PinReason.TEMPORARY_TABLE, "never made")
    assert [pin.detail for pin in pins] == ["b"]
    pins.end(PinReason.TEMPORARY_TABLE, "b")
    assert not pins


def test_what_has_no_known_name_is_not_ended_by_name():
    """Some lock was taken and some lock released: they need not be the same."""
    pins = Pins()
    pins.add(Pin(PinReason.NAMED_LOCK, detail=SOME_NAME))
    pins.add(Pin(PinReason.NAMED_LOCK, detail="job"))
    pins.end(PinReason.NAMED_LOCK, "job")
    pins.end(PinReason.NAMED_LOCK, SOME_NAME)
    assert pins.has(PinReason.NAMED_LOCK, SOME_NAME)
    pins.end(PinReason.NAMED_LOCK)
    assert not pins


def test_ends_end_their_own_pins_only():
    """The end of a transaction ends a savepoint, not a temporary table or a role."""
    pins = Pins()
    for reason in (PinReason.SAVEPOINT, PinReason.TEMPORARY_TABLE, PinReason.ROLE):
        pins.add(Pin(reason))
    pins.end_all(Ends.TRANSACTION)
    assert [pin.reason for pin in pins] == [PinReason.TEMPORARY_TABLE, PinReason.ROLE]
    pins.end_all(Ends.RESET)
    assert [pin.reason for pin in pins] == [PinReason.TEMPORARY_TABLE]
    pins.clear()
    assert not pins


def test_a_pin_that_is_there_goes_on():
    """Taking a lock again changes neither the cause nor the age of the pin."""
    pins = Pins()
    pins.add(Pin(PinReason.NAMED_LOCK, "SELECT GET_LOCK(?, ?)", "job", since=10.0))
    pins.add(Pin(PinReason.NAMED_LOCK, "DO GET_LOCK(?, ?)", "job", since=30.0))
    (pin,) = pins
    assert pin.statement == "SELECT GET_LOCK(?, ?)"
    assert pin.age(now=35.0) == 25.0


def test_the_oldest_pin_counts():
    """A session is as old as the oldest of the pins that it has now."""
    pins = Pins()
    pins.add(Pin(PinReason.ROLE, since=20.0))
    pins.add(Pin(PinReason.HANDLER, detail="t", since=10.0))
    pins.add(Pin(PinReason.XA, since=30.0))
    assert pins.oldest() == Pin(PinReason.HANDLER, detail="t", since=10.0)
    pins.end(PinReason.HANDLER)
    assert pins.oldest() == Pin(PinReason.ROLE, since=20.0)


def test_pins_may_end_while_they_are_listed():
    """Iterating goes over the pins of its beginning."""
    pins = Pins()
    pins.add(Pin(PinReason.ROLE))
    pins.add(Pin(PinReason.XA))
    for pin in pins:
        pins.end(pin.reason)
    assert not pins


def test_every_reason_is_a_sentence():
    """An operator reads a sentence for each reason, and each is different."""
    texts = [reason.value for reason in PinReason]
    assert len(set(texts)) == len(texts)
    assert all(text[0].isupper() and text.endswith(".") for text in texts)
    assert set(ENDS) <= set(PinReason)


def test_every_filter_of_the_configuration_has_its_reasons():
    """What an operator can write is what the session understands."""
    assert set(FILTERS) == {filter_.value for filter_ in PinningFilter}
    assert all(FILTERS.values())


@pytest.mark.parametrize("reason", NEVER_IGNORED, ids=lambda reason: reason.name)
def test_what_others_must_never_meet_cannot_be_ignored(reason):
    """No filter lets a lock, cursor, transaction, role or named thing go to another client."""
    assert reason not in ignored_reasons(FILTERS)


def test_filters_add_up():
    """Reasons of all filters together do not pin; without filters all do."""
    assert ignored_reasons(()) == frozenset()
    assert ignored_reasons(["EXCLUDE_ROUTINES", "EXCLUDE_USER_VARIABLES"]) == {
        PinReason.ROUTINE,
        PinReason.USER_VARIABLE,
    }
    assert ignored_reasons(["EXCLUDE_VARIABLE_SETS"]) == ignored_reasons(
        ["EXCLUDE_USER_VARIABLES", "EXCLUDE_SESSION_VARIABLES"]
    )
