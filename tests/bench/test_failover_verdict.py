from bench.failover import verdict
from bench.failover.clients import HANG, LOST, Attempt, Client, Kind, Way, What

WAY = Way("a proxy", (("127.0.0.1", 3306),))
FAULT = 10.0


def client(kind, *attempts, number=0):
    one = Client(number, kind, WAY, None)
    one.attempts += attempts
    return one


def wrongs(one):
    return [surprise.what for surprise in verdict.surprises([one], FAULT)]


OPEN = (Attempt(What.BEGIN, 9.0, 9.1), Attempt(What.WRITE, 9.2, 9.3))


def test_a_first_write_has_begun_after_the_fault():
    """One that was under way at the fault says nothing about the new writer."""
    under_way = client(Kind.WRITES, Attempt(What.WRITE, 9.9, 12.1))
    later = client(Kind.WRITES, Attempt(What.WRITE, 10.5, 12.5))
    assert verdict.first_write([under_way, later], FAULT, 12.0) == 0.5
    assert verdict.first_write([under_way], FAULT, 12.0) is None


def test_a_first_write_is_no_failed_one_and_no_read():
    """Only an accepted write shows that the new writer takes writes."""
    attempts = (
        Attempt(What.WRITE, 10.5, 12.1, "2013/08007"),
        Attempt(What.READ, 12.1, 12.2),
        Attempt(What.WRITE, 12.3, 12.75),
    )
    assert verdict.first_write([client(Kind.MIXED, *attempts)], FAULT, 12.0) == 0.75


def test_all_went_on_when_the_last_one_did():
    """The slowest client counts, each by its first success."""
    quick = client(Kind.READS, Attempt(What.READ, 12.0, 12.25), Attempt(What.READ, 13.0, 14.0))
    slow = client(Kind.READS, Attempt(What.READ, 12.0, 12.5))
    assert verdict.last_client([quick, slow], 12.0) == 0.5


def test_one_client_that_never_goes_on_is_enough():
    """There is no time until all went on, then."""
    quick = client(Kind.READS, Attempt(What.READ, 12.0, 12.25))
    never = client(Kind.READS, Attempt(What.READ, 12.0, 72.0, HANG))
    assert verdict.last_client([quick, never], 12.0) is None


def test_only_the_wanted_successes_count():
    """Who reads has not gone on as far as writes are concerned."""
    one = client(Kind.MIXED, Attempt(What.READ, 12.0, 12.25), Attempt(What.WRITE, 12.3, 13.0))
    assert verdict.last_client([one], 12.0, verdict.WRITES) == 1.0


def test_a_stall_ends_after_the_fault():
    """Pauses before it do not count, and failed statements end none."""
    one = client(
        Kind.READS,
        Attempt(What.READ, 0.0, 0.5),
        Attempt(What.READ, 8.0, 9.5),
        Attempt(What.READ, 9.6, 10.5, "1213/40001"),
        Attempt(What.READ, 11.0, 11.25),
    )
    assert verdict.longest_stall([one], FAULT) == 1.75


def test_a_failed_login_is_no_error_of_a_statement():
    """Connections that were made anew are counted by themselves."""
    one = client(
        Kind.READS,
        Attempt(What.READ, 9.0, 10.1, LOST),
        Attempt(What.CONNECT, 10.2, 10.3, "no login"),
        Attempt(What.CONNECT, 10.4, 10.5),
    )
    assert [attempt.trouble for attempt in verdict.errors(one)] == [LOST]
    assert verdict.lost_connections([one]) == 1


def test_errors_are_counted_by_kind():
    """A kind without errors is there, too."""
    calm = client(Kind.IDLE)
    first, second = (
        client(Kind.LONG, Attempt(What.READ, 9.0, 10.1, "1213/40001")) for _ in range(2)
    )
    assert verdict.errors_by_kind([calm, first, second]) == {
        Kind.IDLE: {},
        Kind.LONG: {"1213/40001": 2},
    }


def test_where_a_transaction_was():
    """It is open from BEGIN on, committing in COMMIT, and over after that or an error."""
    one = client(
        Kind.LONG,
        *OPEN,
        Attempt(What.COMMIT, 9.4, 9.6),
        Attempt(What.BEGIN, 9.7, 9.8),
        Attempt(What.WRITE, 9.9, 10.1, "1213/40001"),
    )
    found = {at: verdict.transaction_at(one, at) for at in (8.0, 9.15, 9.25, 9.5, 9.65, 10.0)}
    assert found == {
        8.0: "between",
        9.15: "open",
        9.25: "open",
        9.5: "committing",
        9.65: "between",
        10.0: "open",
    }
    assert verdict.transaction_at(one, 11.0) == "between"


def test_no_error_where_nothing_was_at_stake():
    """Idle and reading clients hear nothing."""
    for kind in (Kind.IDLE, Kind.READS):
        assert wrongs(client(kind, Attempt(What.READ, 9.9, 12.0))) == []
        heard = Attempt(What.READ, 9.9, 10.1, "2013/08007")
        assert wrongs(client(kind, heard)) == [
            f"{kind.value}: an error where nothing was at stake"
        ]


def test_a_write_may_have_an_unknown_outcome():
    """Anything else is a surprise, and so is a second error."""
    unknown = Attempt(What.WRITE, 9.9, 10.1, "2013/08007")
    assert wrongs(client(Kind.WRITES, unknown)) == []
    assert wrongs(client(Kind.WRITES, unknown, unknown)) == ["writing: 2 errors"]
    refused = Attempt(What.WRITE, 9.9, 10.1, "1290/HY000")
    assert wrongs(client(Kind.WRITES, refused)) == ["writing: 1290/HY000 for a write"]


def test_an_open_transaction_hears_that_it_was_rolled_back():
    """Silence would let its client take half of it for all."""
    assert wrongs(client(Kind.LONG, *OPEN, Attempt(What.READ, 10.5, 12.0))) == [
        "in transactions: its transaction was open, and it heard nothing"
    ]
    for what in (What.READ, What.COMMIT):
        heard = Attempt(what, 10.5, 10.6, "1213/40001")
        assert wrongs(client(Kind.LONG, *OPEN, heard)) == []


def test_only_a_commit_has_an_unknown_outcome_in_a_transaction():
    """What is before it is rolled back for sure."""
    commit = Attempt(What.COMMIT, 9.9, 10.1, "2013/08007")
    assert wrongs(client(Kind.LONG, *OPEN, commit)) == []
    read = Attempt(What.READ, 9.9, 10.1, "2013/08007")
    assert wrongs(client(Kind.LONG, *OPEN, read)) == ["in transactions: 2013/08007 for a read"]


def test_no_client_hangs_or_loses_its_connection():
    """Both are wrong whatever the client did."""
    hung = client(Kind.WRITES, Attempt(What.WRITE, 9.9, 70.0, HANG))
    assert "writing: it hung" in wrongs(hung)
    lost = client(Kind.IDLE, Attempt(What.CONNECT, 10.4, 10.5))
    assert wrongs(lost) == ["idle: its connection was lost"]


def test_a_surprise_tells_who_and_when():
    """The example names the client, and the times from the fault on."""
    heard = Attempt(What.READ, 9.9, 10.1, LOST, "gone")
    (surprise,) = verdict.surprises([client(Kind.READS, heard, number=7)], FAULT)
    assert surprise.example == "a proxy, reading client 7: read at -0.100 s for 0.200 s: gone"
