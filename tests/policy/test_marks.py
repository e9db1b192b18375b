"""Tests of `proxy.policy.marks`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.gtids import Position, parse
from proxy.policy.marks import INTERVALS, added, height

ONE = "09b089a3-e9d4-11f1-82c8-02fc00000001"
TWO = "0a8577e2-e9d4-11f1-9bfa-02fc00000001"


def read(text: str) -> Position:
    """Read a position."""
    position = parse(text)
    assert position is not None
    return position


def test_commits_are_put_together():
    """Of several sources, and of MariaDB's domains, where the last number says all."""
    known = added(added(Position(), read(f"{ONE}:5")), read(f"{ONE}:6,{TWO}:1"))
    assert str(known) == f"{ONE}:5-6,{TWO}:1"
    assert str(added(read("0-1-5,1-1-7"), read("0-2-6"))) == "0-2-6,1-1-7"


def test_what_others_commit_between_makes_no_end_of_gaps():
    """The newest gaps are closed, as what stands there was committed by then."""
    known = Position()
    for number in range(3, 300, 3):
        known = added(known, read(f"{ONE}:{number}"))
    first = ":".join(str(3 * n) for n in range(1, INTERVALS))
    assert str(known) == f"{ONE}:{first}:{3 * INTERVALS}-297"


def test_gaps_that_the_writer_has_are_left():
    """Blocks of numbers of other members: nobody will ever have what stands between."""
    blocks = ":".join(f"{n}000001-{n}000009" for n in range(1, 20))
    whole = read(f"{ONE}:{blocks}")
    longer = str(whole).replace(":5000001-5000009", ":5000001-5000012")
    assert str(added(whole, read(f"{ONE}:5000012"))) == longer
    assert added(whole, read(f"{ONE}:5000010")).size == whole.size + 1


def test_what_is_new_and_below_all_reaches_up():
    """There is nothing below it that it could reach down to."""
    full = ":".join(str(10 * n) for n in range(1, INTERVALS + 1))
    known = added(read(f"{ONE}:{full}"), read(f"{ONE}:2"))
    assert known.sources[ONE][0] == (2, 10)
    assert len(known.sources[ONE]) == INTERVALS


def test_who_wants_what_was_committed_later_is_higher():
    """However many transactions it wants."""
    assert height(read(f"{ONE}:9")) > height(read(f"{ONE}:1-3:5-8"))
    assert height(read("0-1-9,1-1-2")) == 11
    assert height(Position()) == 0


@given(st.lists(st.tuples(st.sampled_from([ONE, TWO]), st.integers(1, 200))))
def test_nothing_that_was_committed_is_left_out(commits):
    """And nothing is asked for that is newer than the newest."""
    known = Position()
    for source, number in commits:
        known = added(known, read(f"{source}:{number}"))
        assert known.contains(read(f"{source}:{number}"))
    for source, number in commits:
        assert known.contains(read(f"{source}:{number}"))
    for source, intervals in known.sources.items():
        numbers = [number for one, number in commits if one == source]
        assert (intervals[0][0], intervals[-1][1]) == (min(numbers), max(numbers))
        assert len(intervals) <= INTERVALS
