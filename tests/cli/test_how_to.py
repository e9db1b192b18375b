"""Tests of `proxy.cli.how_to`."""

from __future__ import annotations

import shlex

import pytest

from proxy.cli.how_to import how_to
from proxy.cli.trial_acts import TrialActs
from tests.cli.trials import trial_in


@pytest.mark.parametrize("pair", [False, True])
def test_what_to_do_comes_in_order(tmp_path, pair):
    """The dashboard, a load, a look, and the death of the primary where that can be."""
    trial = trial_in(tmp_path, pair=pair)
    lines = [*how_to(trial, None)]
    assert lines[1] == f"  http://127.0.0.1:8033/#token={trial.token}"
    assert lines[3].split()[-8:-2] == [
        *("--port", "3306", "--user", "app", "--password", trial.password)
    ]
    assert lines[5].endswith(f" status --socket {tmp_path}/admin.sock --watch")
    assert ("  kill -9 4002" in lines) == pair
    promotes = [shlex.split(line) for line in lines if " promote " in line]
    assert [words[1:] for words in promotes] == [
        ["promote", "--socket", f"{tmp_path}/admin.sock", "127.0.0.1:4003"]
    ] * pair
    assert ("is a script" in " ".join(lines)) == pair
    assert lines[-1] == "Ctrl-C ends all."
    assert "press" not in " ".join(lines)


def test_keys_are_offered_where_somebody_can_press_them(tmp_path):
    """Beside the lines that do the same."""
    trial = trial_in(tmp_path, pair=True)
    acts = TrialActs(trial, None, print)
    text = "\n".join(how_to(trial, acts))
    for key in "lkp":
        assert f"(or press {key} here)" in text
    assert f"Keys: {acts.described()}.\n" in text
