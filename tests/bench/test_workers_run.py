from bench.workers.run import told


def test_rounds_are_told_by_their_medians():
    """What has one figure in each round is told in full, what is counted once as it is."""
    lines = told(
        {
            "even": [{"per_second": 1.0}, {"per_second": 3.0}, {"per_second": 2000.0}],
            "seconds": [0.25, 0.5],
            "errors": 0,
        }
    )
    assert [line.split(maxsplit=1) for line in lines] == [
        ["even", "per_second 3.0"],
        ["seconds", "0.25, 0.50"],
        ["errors", "0"],
    ]
