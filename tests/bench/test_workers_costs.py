import json

import pytest

from bench.workers.costs import ALONE, BESIDE, WORKERS, Cost, Used, as_json, ratio, told


def cost(per_second, *used):
    """One measurement; processes with so many microseconds each, a third of them system."""
    return Cost(
        per_second,
        9.5,
        {f"process {at}": Used(one * 2 / 3, one / 3) for at, one in enumerate(used)},
    )


FOUND = {
    "select": {
        ALONE: [cost(8000, 60), cost(4000, 66)],
        WORKERS: [cost(6000, 3, 45, 45), cost(3000, 3, 48, 48)],
        BESIDE: [cost(7000, 42, 43), cost(3500, 45, 45)],
    }
}


def test_the_cost_is_that_of_all_processes():
    """User and system together."""
    assert cost(1, 3, 45, 45).cpu_us == pytest.approx(93)


def test_a_ratio_compares_each_round_with_itself():
    """A machine that was slower in one of them changes nothing."""
    select = FOUND["select"]
    assert ratio(select[WORKERS], select[ALONE], "per_second") == 0.75


def test_workers_are_compared_with_proxies_beside_each_other():
    """So that what workers as such cost is seen; each process has its own line."""
    lines = [" ".join(line.split()) for line in told(FOUND)]
    assert "two workers 4,500 /s 96.0 µs p99 9.5 ms" in lines
    assert lines.count("process 1 31.0 µs user 15.5 µs system") == 1
    assert "two workers ÷ two proxies: processor time 1.10, throughput 0.86" in lines


def test_all_rounds_are_kept():
    """With the time of each process."""
    kept = json.loads(json.dumps(as_json(FOUND)))
    first, _ = kept["select"][WORKERS]
    assert first["per_second"] == 6000
    assert first["cpu_us"] == pytest.approx(93)
    assert first["each"]["process 0"] == {"user": 2.0, "system": 1.0}
