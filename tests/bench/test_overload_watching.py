from bench.overload.watching import IN_A_ROW, Probe, recovered


def test_a_proxy_has_recovered_with_the_last_slow_answer_behind_a_load():
    """What was slow during the load does not count, and neither does what is as ever."""
    probes = [Probe(1.0, 0.9, 0), Probe(2.0, 0.7, 0), Probe(2.8, 0.001, 0)]
    assert round(recovered(probes, 2.5, 0.01), 6) == 0.2


def test_an_error_is_not_normal():
    """However quick it is."""
    assert round(recovered([Probe(2.6, 0.001, 9501)], 2.5, 0.01), 6) == 0.101


def test_a_load_that_nobody_noticed_needs_no_recovery():
    """All that came behind it was served as ever."""
    assert recovered([Probe(1.0, 0.9, 0), Probe(2.6, 0.001, 0)], 2.5, 0.01) == 0


def test_a_single_slow_answer_much_later_does_not_count():
    """Five in a row that are as ever show that all is well."""
    well = [Probe(2.6 + number / 50, 0.001, 0) for number in range(IN_A_ROW)]
    probes = [Probe(2.4, 0.2, 0), *well[:-1], Probe(2.7, 0.1, 0), *well]
    assert round(recovered(probes, 2.5, 0.01), 6) == 0.3
    assert round(recovered([probes[0], *well, Probe(2.9, 0.1, 0)], 2.5, 0.01), 6) == 0.1
