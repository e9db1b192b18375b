from bench.overload.order import Overtaking, overtaking


def test_who_is_served_in_order_is_not_overtaken():
    """However the stories are listed."""
    stories = [(1.2, "c"), (1.0, "a"), (1.1, "b")]
    assert overtaking(stories, 0.01) == Overtaking(3, 0, 0.0, 0)


def test_who_is_served_after_a_later_one_is_overtaken():
    """By how many, and by how much later the last of them came, is told."""
    stories = [(1.0, "d"), (1.1, "a"), (1.2, "b"), (1.5, "c")]
    found = overtaking(stories, 0.01)
    assert (found.served, found.overtaken, found.worst_places) == (4, 1, 3)
    assert round(found.worst_seconds, 6) == 0.5
    assert found.share == 0.25


def test_what_came_together_has_no_order():
    """Within what is forgiven nobody was overtaken, though it is told by how much."""
    found = overtaking([(1.0, "b"), (1.004, "a")], 0.005)
    assert found.overtaken == 0
    assert round(found.worst_seconds, 6) == 0.004


def test_nobody_is_overtaken_where_nobody_was_served():
    """No story, no share."""
    assert overtaking([], 0.01).share == 0
