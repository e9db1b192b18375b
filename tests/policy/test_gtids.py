"""Tests of `proxy.policy.gtids`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.gtids import REPR_LIMIT, TEXT_LIMIT, Position, parse

ONE = "09b089a3-e9d4-11f1-82c8-02fc00000001"
TWO = "0a8577e2-e9d4-11f1-9bfa-02fc00000001"

numbers_ = st.sets(st.integers(1, 40), max_size=12)
sources_ = st.dictionaries(st.sampled_from([ONE, TWO, f"{ONE}:tag", f"{TWO}:_x9"]), numbers_)
domains_ = st.dictionaries(
    st.integers(0, 3), st.tuples(st.integers(0, 9), st.integers(1, 2)), max_size=4
)


def read(text: str) -> Position:
    """Read what can be read."""
    position = parse(text)
    assert position is not None
    return position


def mysql(model: dict[str, set[int]]) -> Position:
    """A position of these numbers, each written alone."""
    return read(",".join(f"{source}:{n}" for source in model for n in model[source]))


def pairs(model: dict[str, set[int]]) -> set[tuple[str, int]]:
    """The same as a plain set."""
    return {(source, n) for source in model for n in model[source]}


def test_gtid_executed_is_read_as_it_is_written():
    """Intervals, single numbers, several sources with line ends between them, and tags."""
    position = read(f"{ONE.upper()}:1-5:7:9-10,\n{TWO}:1-3:tag_a:1:4-6:Other:2")
    assert position.sources == {
        ONE: ((1, 5), (7, 7), (9, 10)),
        TWO: ((1, 3),),
        f"{TWO}:tag_a": ((1, 1), (4, 6)),
        f"{TWO}:other": ((2, 2),),
    }
    assert position.size == 16
    assert str(position) == f"{ONE}:1-5:7:9-10,{TWO}:1-3,{TWO}:other:2,{TWO}:tag_a:1:4-6"


def test_a_source_may_have_transactions_with_a_tag_only():
    """Its first word is the tag then, as in a report of one transaction."""
    assert read(f"{ONE}:tag:23").sources == {f"{ONE}:tag": ((23, 23),)}


def test_intervals_that_touch_are_one():
    """In whatever order they come, and how often."""
    assert str(read(f"{ONE}:6-9:1-3:2:4-5,{ONE}:9-10")) == f"{ONE}:1-10"


def test_a_position_of_mariadb_is_the_last_of_each_domain():
    """Domain, server, sequence number; of two in one domain the higher counts."""
    position = read("0-1-100,5-2-7,0-3-99")
    assert position.domains == {0: (100, 1), 5: (7, 2)}
    assert position.size == 107
    assert str(position) == "0-1-100,5-2-7"


@pytest.mark.parametrize("text", ["", " ", "\n", ","])
def test_a_server_without_transactions_has_an_empty_position(text):
    """It is a position all the same: everybody has what it has."""
    position = read(text)
    assert position.is_empty
    assert position == Position()
    assert (str(position), repr(position), position.size) == ("", "<Position empty>", 0)
    assert position.contains(position)
    assert read("0-1-1").contains(position)
    assert not position.contains(read("0-1-1"))
    assert not position.contains(read(f"{ONE}:1"))


@pytest.mark.parametrize(
    "text",
    [
        "ON",
        ONE,
        f"{ONE}:",
        f"{ONE}:1-",
        f"{ONE}:0",
        f"{ONE}:5-3",
        f"{ONE}:9223372036854775808",
        f"{ONE}:1:tag",
        f"{ONE}:tag:other:1",
        f"{ONE}:{'t' * 33}:1",
        f"{ONE}:1 2",
        f"{ONE[:-1]}:1",
        f"{ONE}:\u0661",
        "0-1",
        "0-1-2-3",
        f"0-1-2,{ONE}:1",
        "0-1-2," + " " * TEXT_LIMIT,
    ],
)
def test_nonsense_is_no_position(text):
    """Nor is a text so long that reading it would take all others' time."""
    assert parse(text) is None


@given(sources_, sources_)
def test_mysql_positions_are_sets(one, other):
    """Having, union, equality and size are those of sets of transactions."""
    mine, theirs = mysql(one), mysql(other)
    assert mine.contains(theirs) == (pairs(one) >= pairs(other))
    assert (mine == theirs) == (pairs(one) == pairs(other))
    assert mine.size == len(pairs(one))
    union = mine.union(theirs)
    assert union.size == len(pairs(one) | pairs(other))
    assert union.contains(mine)
    assert union.contains(theirs)
    assert union == mine.union(read(str(theirs)))
    assert read(str(mine)) == mine
    assert hash(read(str(mine))) == hash(mine)


@given(domains_, domains_)
def test_mariadb_positions_are_compared_by_domain(one, other):
    """The union has what both have, unless two servers wrote the same number."""
    mine, theirs = Position(domains=one), Position(domains=other)
    split = any(
        one[domain][0] == other[domain][0] and one[domain] != other[domain]
        for domain in one.keys() & other.keys()
    )
    union = mine.union(theirs)
    assert union.contains(mine)
    assert union.contains(theirs) == (not split)
    assert (mine.contains(theirs) and theirs.contains(mine)) == (mine == theirs)
    assert read(str(mine)) == mine
    assert hash(read(str(mine))) == hash(mine)


def test_servers_that_went_apart_have_not_what_the_other_has():
    """Each wrote a hundredth transaction of its own."""
    one, other = read("0-1-100"), read("0-2-100")
    assert not one.contains(other)
    assert not other.contains(one)
    assert read("0-1-101").contains(other)


def test_positions_of_two_families_have_nothing_in_common():
    """A report of the one says nothing about a server of the other."""
    one, other = read(f"{ONE}:1-5"), read("0-1-5")
    assert not one.contains(other)
    assert not other.contains(one)


def test_a_report_of_a_commit_moves_a_position():
    """The usual one prolongs an interval; a report may name several."""
    position = read(f"{ONE}:1-22")
    assert str(position.union(read(f"{ONE}:23"))) == f"{ONE}:1-23"
    assert str(position.union(read(f"{ONE}:24,{TWO}:1"))) == f"{ONE}:1-22:24,{TWO}:1"
    assert str(read("0-1-22").union(read("0-2-23"))) == "0-2-23"
    assert str(position) == f"{ONE}:1-22"


def test_a_long_position_is_cut_in_the_log():
    """It says how many transactions there are instead."""
    short, long = read(f"{ONE}:1-5"), read(f"{ONE}:" + ":".join(map(str, range(1, 400, 2))))
    assert repr(short) == f"<Position {ONE}:1-5>"
    assert repr(long) == f"<Position {str(long)[:REPR_LIMIT]}... (200 transactions)>"
