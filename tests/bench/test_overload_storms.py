from bench.failover.samples import Measure
from bench.overload.storms import Storm, count

STORM = Storm("plain", tls=False, limited=True)


def test_every_login_ends_in_one_way():
    """Served, refused, ended by something else, or hanging."""
    measure = Measure("logins")
    stories = [
        (1.0, 1.1, 1.5, ""),
        (1.0, 0.0, 0.0, "1040"),
        (1.1, 0.0, 0.0, "closed"),
        (1.2, 1.3, 0.0, ""),
        (2.0, 2.1, 3.0, ""),
    ]
    count(stories, STORM, measure)
    names = ("logins", "served", "refused by 1040", "ended otherwise", "hanging")
    assert [measure.figures[name]["plain"] for name in names] == [[5], [2], [1], [1], [1]]
    assert measure.errors["plain"]["logins"] == {"closed": 1}
    assert measure.figures["seconds until the last one was served"]["plain"] == [2.0]
    assert measure.figures["from connect to answer, longest, ms"]["plain"] == [1000.0]
