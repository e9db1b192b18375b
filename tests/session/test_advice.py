"""Tests of `proxy.session.advice`."""

from __future__ import annotations

import attrs
import pytest

from proxy.session.advice import ADVICE, Advice, filters_for, reason_called
from proxy.session.pins import ENDS, Ends, PinReason

WITHOUT_ADVICE = {reason for reason in PinReason if ENDS.get(reason) is Ends.STATEMENT}
"""What the next statement ends needs no advice: nobody waits for it."""


def test_every_reason_has_its_advice():
    """No reason that can last is left without a word."""
    assert set(ADVICE) == set(PinReason) - WITHOUT_ADVICE


@pytest.mark.parametrize("reason", ADVICE, ids=lambda reason: reason.name)
def test_advice_is_written_for_people(reason):
    """Titles are short, texts are sentences, and each reason has an example to copy."""
    advice = ADVICE[reason]
    assert len(advice.title) <= 50
    assert not advice.title.endswith(".")
    for field in ("pins", "ends", "application"):
        text = getattr(advice, field)
        assert text[0].isupper()
        assert text.endswith(".")
    assert advice.operator == "" or advice.operator.endswith(".")
    assert advice.examples
    assert all(len(example) < 96 for example in advice.examples)


def test_titles_tell_reasons_apart():
    """No two reasons look the same in a table."""
    titles = [advice.title for advice in ADVICE.values()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("reason", ADVICE, ids=lambda reason: reason.name)
def test_the_end_is_the_one_that_the_session_knows(reason):
    """A pin that only a reset ends is not said to end with a statement, and the reverse."""
    only_reset = ADVICE[reason].ends.startswith("With a reset")
    assert only_reset == (ENDS.get(reason, Ends.RESET) is Ends.RESET)


@pytest.mark.parametrize("reason", ADVICE, ids=lambda reason: reason.name)
def test_a_filter_is_mentioned_only_where_there_is_one(reason):
    """Advice does not send an operator to a filter that does not exist."""
    assert filters_for(reason) or "a filter" not in ADVICE[reason].operator


def test_filters_are_found_by_reason():
    """An operator sees every filter that has the reason, RDS Proxy's first."""
    assert filters_for(PinReason.USER_VARIABLE) == (
        "EXCLUDE_VARIABLE_SETS",
        "EXCLUDE_USER_VARIABLES",
    )
    assert filters_for(PinReason.NAMED_LOCK) == ()


@pytest.mark.parametrize(
    "text", ["NAMED_LOCK", "named-lock", " named_lock ", PinReason.NAMED_LOCK.value]
)
def test_a_reason_is_found_by_name_or_sentence(text):
    """What a person types and what a log line says lead to the same reason."""
    assert reason_called(text) is PinReason.NAMED_LOCK


def test_what_is_no_reason_is_none():
    """A sentence of another release is not taken for one of ours."""
    assert reason_called("The moon was full.") is None


def test_advice_cannot_change():
    """The words are the same for everybody."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        ADVICE[PinReason.XA].title = "no"
    assert isinstance(ADVICE[PinReason.XA], Advice)
