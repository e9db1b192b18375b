import pytest
from cattrs import BaseValidationError

from bench.failover.clients import Attempt, Client, Kind, Way, What
from bench.failover.timeline import Lane, Moment, Timeline, buckets, lanes, read

WAY = Way("a proxy", (("127.0.0.1", 3306),))

TIMELINE = Timeline(
    "The writer is killed",
    0.02,
    -0.04,
    (0.01, 0.02),
    (Moment("SIGKILL", 0.0), Moment("first write", 0.025)),
    (Lane("reading", 2, (3, 2, 0, 4), (0, 0, 1, 0), {"2013/08007": 1}),),
)


def client(kind, *attempts):
    one = Client(0, kind, WAY, None)
    one.attempts += attempts
    return one


def test_moments_are_counted_bucket_by_bucket():
    """A bucket has its begin and not its end; what is outside is left out."""
    assert buckets([0.99, 1.0, 1.01, 1.03, 1.0601], 1.0, 3) == (2, 1, 0)


def test_each_kind_has_its_lane():
    """Answers and errors count when they arrive, from the fault on."""
    reads = (Attempt(What.READ, 9.9, 9.99), Attempt(What.READ, 9.99, 10.03))
    heard = Attempt(What.WRITE, 9.9, 10.01, "2013/08007")
    found = lanes(
        [client(Kind.READS, *reads), client(Kind.WRITES, heard), client(Kind.READS)],
        10.0,
        -0.02,
        0.04,
    )
    assert found == (
        Lane("reading", 2, (1, 0, 1), (0, 0, 0), {}),
        Lane("writing", 1, (0, 0, 0), (0, 1, 0), {"2013/08007": 1}),
    )


def test_what_needs_no_database_is_no_answer():
    """BEGIN, ROLLBACK and a login tell nothing about the writer."""
    attempts = [Attempt(what, 10.0, 10.01) for what in What]
    (lane,) = lanes([client(Kind.LONG, *attempts)], 10.0, 0.0, 0.02)
    assert lane.answers == (3,)


def test_it_ends_with_its_last_bucket():
    """One without lanes ends where it begins."""
    assert TIMELINE.ends == pytest.approx(0.04)
    assert Timeline("nothing", 0.02, -1.0, None, (), ()).ends == -1.0


@pytest.mark.parametrize("held", [(0.01, 0.02), None])
def test_a_file_keeps_all_of_it(tmp_path, held):
    """What was written is read."""
    path = tmp_path / "kill.json"
    written = Timeline("t", 0.02, -0.04, held, TIMELINE.moments, TIMELINE.lanes)
    written.write(path)
    assert read(path) == written


def test_another_file_is_refused(tmp_path):
    """JSON of something else, and what is no JSON."""
    path = tmp_path / "other.json"
    path.write_text('{"title": "t"}')
    with pytest.raises(BaseValidationError):
        read(path)
    path.write_text("a picture")
    with pytest.raises(ValueError, match="Expecting value"):
        read(path)
