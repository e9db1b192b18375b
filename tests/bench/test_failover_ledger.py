import random
from collections import Counter

from bench.failover.clients import HANG, LOST, Attempt, Client, Kind, Way, What
from bench.failover.faults import FAULTS, chosen
from bench.failover.ledger import Entry, audit, entries

WAY = Way("a proxy", (("127.0.0.1", 3306),))


def entry(number, trouble=""):
    return Entry(1, number, 0.0, trouble, "")


def there(*numbers):
    return Counter((1, number) for number in numbers)


def heard(kind, *attempts):
    one = Client(3, kind, WAY, None)
    one.attempts += attempts
    return [(told.number, told.trouble) for told in entries(one)]


def test_books_that_agree():
    """All acknowledged rows are there once, and no refused one is."""
    found = audit([entry(1), entry(2), entry(3, "1213/40001")], there(1, 2))
    assert (found.entries, found.acknowledged, found.unknown) == (3, 2, 0)
    assert not [*found.lost, *found.doubled, *found.denied]


def test_an_acknowledged_row_that_is_missing_is_lost():
    """The entry tells whose it was."""
    assert audit([entry(1), entry(2)], there(1)).lost == [entry(2)]


def test_a_row_that_is_there_twice_is_found():
    """It was run twice, whatever its client heard."""
    assert audit([entry(1)], there(1, 1)).doubled == [(1, 1)]
    assert audit([entry(1, "2013/08007")], there(1, 1)).doubled == [(1, 1)]


def test_a_refused_row_that_is_there_was_denied():
    """The client would enter it again."""
    assert audit([entry(1, "1213/40001")], there(1)).denied == [entry(1, "1213/40001")]


def test_an_unknown_outcome_may_be_either():
    """A lost connection and a missing answer leave it open, as SQLSTATE 08007 does."""
    told = [entry(1, "2013/08007"), entry(2, LOST), entry(3, HANG), entry(4, "2013/08007")]
    found = audit(told, there(1, 3))
    assert (found.unknown, found.unknown_there) == (4, 2)
    assert not [*found.lost, *found.denied]


def test_rows_of_others_are_not_confused():
    """The same number of another client is another row."""
    assert audit([entry(1)], Counter({(2, 1): 1})).lost == [entry(1)]


def test_an_insert_is_acknowledged_at_once():
    """Without a transaction, its own answer counts."""
    assert heard(
        Kind.LEDGER,
        Attempt(What.WRITE, 0.0, 0.1, number=1),
        Attempt(What.WRITE, 0.2, 0.3, "2013/08007", number=2),
        Attempt(What.CONNECT, 0.4, 0.5),
    ) == [(1, ""), (2, "2013/08007")]


def test_in_a_transaction_the_commit_acknowledges():
    """A row whose COMMIT was never asked for was not acknowledged."""
    assert (
        heard(
            Kind.LEDGER_TRANSACTIONS,
            Attempt(What.BEGIN, 0.0, 0.1, number=1),
            Attempt(What.WRITE, 0.2, 0.3, number=1),
        )
        == []
    )
    assert heard(
        Kind.LEDGER_TRANSACTIONS,
        Attempt(What.WRITE, 0.2, 0.3, number=1),
        Attempt(What.COMMIT, 0.4, 0.5, number=1),
    ) == [(1, "")]


def test_a_rollback_is_no_acknowledgement():
    """The error before it is what the client heard of its row."""
    assert heard(
        Kind.LEDGER_TRANSACTIONS,
        Attempt(What.WRITE, 0.2, 0.3, "1213/40001", number=1),
        Attempt(What.ROLLBACK, 0.4, 0.5, number=1),
    ) == [(1, "1213/40001")]


def test_each_kind_of_fault_comes_about_as_often():
    """Twenty faults have each of the ten kinds twice, in an order by chance."""
    orders = [[*chosen(20, random.Random(seed))] for seed in (1, 2)]
    for order in orders:
        assert Counter(order) == dict.fromkeys(FAULTS, 2)
    assert orders[0] != orders[1]
    assert orders[0] == [*chosen(20, random.Random(1))]


def test_there_are_as_many_faults_as_asked_for():
    """Also where that is no multiple of the kinds."""
    assert len([*chosen(13, random.Random(1))]) == 13
