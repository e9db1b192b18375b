"""Tests of `proxy.wire.tracking`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.constants import SessionTrack
from proxy.wire.responses import variable_change
from proxy.wire.tracking import NOTHING, Tracking

EVERYTHING = Tracking(
    variables=None,
    schema=True,
    state_change=True,
    transaction_info=b"CHARACTERISTICS",
    gtids=True,
)


def kinds(tracking: Tracking) -> set[str]:
    """Names of the kinds of reports that go to the client."""
    return {kind.name for kind in SessionTrack if tracking.tells(kind, b"")}


def hears_of(tracking: Tracking, *names: bytes) -> bool:
    data = b"".join(variable_change(name, b"x")[1] for name in names)
    return tracking.tells(SessionTrack.SYSTEM_VARIABLES, data)


def test_a_client_that_asked_for_nothing_hears_what_servers_report_by_default():
    """Schema and five variables, whatever its server tells beside them."""
    assert kinds(Tracking()) == {"SCHEMA", "SYSTEM_VARIABLES"}
    assert kinds(Tracking(tells_explicit=False)) == {"SCHEMA", "SYSTEM_VARIABLES"}
    for name in (b"autocommit", b"time_zone", b"character_set_results"):
        assert hears_of(Tracking(), name)
    assert not hears_of(Tracking(), b"sql_mode")


def test_who_wants_everything_hears_everything():
    """All kinds that servers have, and every variable."""
    assert kinds(EVERYTHING) == {kind.name for kind in SessionTrack}
    assert hears_of(EVERYTHING, b"sql_mode", b"anything")


def test_who_wants_nothing_hears_nothing():
    """Statements of our own are answered without reports; the proxy reads them itself."""
    assert not hears_of(NOTHING, b"autocommit")
    assert kinds(NOTHING) <= {"SYSTEM_VARIABLES"}  # of a report without a variable in it


def test_a_report_of_several_variables_goes_out_when_all_are_wanted():
    """SET NAMES may come as one report of three variables."""
    assert hears_of(Tracking(), b"character_set_client", b"character_set_results")
    assert not hears_of(Tracking(), b"character_set_client", b"sql_mode")


@pytest.mark.parametrize("tracking", [Tracking(), EVERYTHING, NOTHING])
def test_a_report_that_cannot_be_read_is_not_passed_on(tracking):
    """A client hears nothing of a malformed report."""
    assert not tracking.tells(SessionTrack.SYSTEM_VARIABLES, b"\x09x")
    assert not tracking.tells(99, b"")


@pytest.mark.parametrize(
    ("written", "names"),
    [
        (b"*", None),
        (b" * ", None),
        (b"", frozenset()),
        (b"SQL_MODE, autocommit", frozenset((b"sql_mode", b"autocommit"))),
        (b"sql_mode,,", frozenset((b"sql_mode",))),
    ],
)
def test_the_list_of_variables_is_read_as_servers_do(written, names):
    """Blanks and case do not matter, an empty list is none, a star is all."""
    assert Tracking().assign({b"system_variables": written}).variables == names


@pytest.mark.parametrize(
    ("name", "value", "told", "silent"),
    [
        (b"schema", b"0", set(), {"SCHEMA"}),
        (b"schema", b"OFF", set(), {"SCHEMA"}),
        (b"schema", b"1", {"SCHEMA"}, set()),
        (b"state_change", b"1", {"STATE_CHANGE"}, set()),
        (b"state_change", b"ON", {"STATE_CHANGE"}, set()),
        (b"state_change", b"0", set(), {"STATE_CHANGE"}),
        (b"gtids", b"OWN_GTID", {"GTIDS"}, set()),
        (b"gtids", b"ALL_GTIDS", {"GTIDS"}, set()),
        (b"gtids", b"OFF", set(), {"GTIDS"}),
        (b"gtids", b"0", set(), {"GTIDS"}),
        (b"transaction_info", b"OFF", set(), {"TRANSACTION_STATE"}),
        (b"transaction_info", b"STATE", {"TRANSACTION_STATE"}, {"TRANSACTION_CHARACTERISTICS"}),
        (
            b"transaction_info",
            b"CHARACTERISTICS",
            {"TRANSACTION_STATE", "TRANSACTION_CHARACTERISTICS"},
            set(),
        ),
    ],
)
def test_each_setting_switches_its_own_reports(name, value, told, silent):
    """SET session_track_... decides what the client hears."""
    before = Tracking()
    after = before.assign({name: value})
    assert told <= kinds(after)
    assert not silent & kinds(after)
    assert kinds(after) - told == kinds(before) - told - silent


@pytest.mark.parametrize("explicit", [True, False])
def test_no_setting_changes_what_a_server_tells_unasked(explicit):
    """Whether it tells of explicit transactions is a matter of its family; see `Teller`."""
    tracking = Tracking(tells_explicit=explicit)
    for value in (b"STATE", b"OFF"):
        tracking = tracking.assign({b"transaction_info": value})
        assert tracking.tells_explicit is explicit
    assert kinds(tracking) == {"SCHEMA", "SYSTEM_VARIABLES"}
    assert Tracking().tells_explicit
    assert not NOTHING.tells_explicit


def test_settings_that_are_not_named_stay():
    """One SET changes what it names, and a SET of nothing changes nothing."""
    assert EVERYTHING.assign({}) == EVERYTHING
    changed = EVERYTHING.assign({b"schema": b"0", b"gtids": b"0"})
    assert changed == Tracking(
        variables=None,
        schema=False,
        state_change=True,
        transaction_info=b"CHARACTERISTICS",
    )


@given(st.integers(0, 255), st.binary(max_size=40))
def test_any_report_is_told_or_not(kind, data):
    """Whatever a server sends, the answer is yes or no."""
    assert isinstance(EVERYTHING.tells(kind, data), bool)
    assert EVERYTHING.tells(kind, data) or not Tracking().tells(kind, data)
