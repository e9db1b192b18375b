"""Tests of `proxy.cli.show_report`."""

from __future__ import annotations

import pytest

from proxy.cli.crowd import Audit, Done, Loss, Record
from proxy.cli.show_report import Act, Report, Scene

CLEAN = Audit(3000, 3000, lost=0, twice=0)
ACTS = (
    Act(Scene.CALM, 0.0, 2.0),
    Act(Scene.ROTATION, 2.0, 4.0, renewed=5),
    Act(Scene.SWITCHOVER, 4.0, 8.0, seconds=0.25),
    Act(Scene.CRASH, 8.0, 12.0, seconds=1.5),
)


def records():
    """Three clients: two are in a transaction when the writer is killed at second 8."""
    lucky = Record([Done(0.0, 0.5), Done(2.5, 3.0), Done(5.0, 5.5), Done(9.0, 9.75)])
    rolled_back = Record([Done(1.0, 1.5), Done(7.75, 9.875)], [Loss(8.0, "40001")])
    unknown = Record([Done(7.5, 9.75)], [Loss(8.0, "08007")])
    return [lucky, rolled_back, unknown]


def report(records, acts=ACTS, audit=CLEAN, most=5):
    return Report(acts, records, audit, 5, most)


def test_all_is_told_in_figures():
    """Transactions, errors, the longest wait and the longest time without a commit."""
    told = report(records())
    assert told.faults == []
    lines = told.text.splitlines()
    assert lines[0] == "3 clients ran 7 transactions of 4 statements in 12.0 s (1/s),"
    rows = {line[:18].strip(): line[18:].split() for line in lines[4:8]}
    assert rows == {
        "undisturbed": ["2", "none", "0.50", "s", "1.00", "s"],
        "password changed": ["1", "none", "0.50", "s", "1.00", "s"],
        "planned switchover": ["1", "none", "0.50", "s", "1.50", "s"],
        "writer killed": ["3", "1", "x", "08007,", "1", "x", "40001", "2.25", "s", "1.75", "s"],
    }


def test_all_is_told_in_sentences():
    """What was done, what clients heard of it, and that nothing was lost."""
    text = report(records()).text
    assert "5 connections were opened anew with it, and no client noticed." in text
    assert "by the proxy in 0.25 s, and clients heard no error." in text
    assert "promoted the other server 1.50 s later, and nobody\ncommitted for 1.75 s." in text
    assert "2 clients were in a transaction and heard an error; the other 1 noticed" in text
    assert "1 x 40001: its transaction was rolled back, and run again" in text
    assert "Not a coin was lost: all 3000 are there" in text
    assert "NOT AS IT SHOULD BE" not in text


def test_only_what_was_shown_is_told():
    """Where there was one server and no secret, there is no word of either."""
    told = report(records()[:1], ACTS[:1])
    assert told.faults == []
    assert "Secrets Manager" not in told.text
    assert "writer" not in told.text


def test_what_outlasts_the_show_counts_as_its_last_part():
    """A transaction that ended after the last act is not forgotten."""
    late = [Record([Done(11.0, 13.0)])]
    assert "writer killed       1 " in report(late).text


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        (
            Record(losses=[Loss(1.0, "40001")]),
            "errors where there should be none (undisturbed)",
        ),
        (Record(losses=[Loss(3.0, "08007")]), "errors where there should be none (password"),
        (Record(losses=[Loss(5.0, "40001")]), "errors where there should be none (planned"),
        (Record(losses=[Loss(9.0, "40001"), Loss(9.5, "40001")]), "more than one error"),
        (
            Record(gone="it was cut off"),
            "1 clients did not go on; of the first one: it was cut",
        ),
    ],
)
def test_errors_that_should_not_be_are_faults(record, fault):
    """They are named in the end, and the show has failed."""
    told = report([record])
    assert len(told.faults) == 1
    assert fault in told.faults[0]
    assert f"NOT AS IT SHOULD BE: {told.faults[0]}" in told.text


def test_a_rotation_that_was_noticed_is_not_praised():
    """The sentence says what was, also where that is a fault."""
    text = report([Record(losses=[Loss(3.0, "40001"), Loss(5.0, "40001")])]).text
    assert "no client noticed" not in text
    assert "clients heard 1 errors." in text


def test_more_unlucky_clients_than_connections_are_a_fault():
    """Who held no connection was in no transaction, and should have heard nothing."""
    (fault,) = report([Record(losses=[Loss(9.0, "40001")]) for _ in range(6)]).faults
    assert fault == "6 clients heard an error, and only 5 can have been in a transaction"


@pytest.mark.parametrize(
    ("audit", "fault"),
    [
        (Audit(2999, 3000, lost=0, twice=0), "there are 2999 coins and not 3000"),
        (Audit(3000, 3000, lost=2, twice=0), "2 transactions were acknowledged, and are not"),
        (Audit(3000, 3000, lost=0, twice=3), "3 transactions are there of which no client"),
    ],
)
def test_what_the_database_lacks_is_a_fault(audit, fault):
    """And then it is not said that nothing was lost."""
    told = report(records(), audit=audit)
    assert len(told.faults) == 1
    assert told.faults[0].startswith(fault)
    assert "Not a coin was lost" not in told.text


def test_too_many_connections_are_a_fault():
    """The limit of the proxy is part of what is shown."""
    assert report(records(), most=6).faults == []  # one tries a changed password
    assert report(records(), most=7).faults == [
        "7 connections to a database, and not 5 at most"
    ]
