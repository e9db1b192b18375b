"""Tests of `proxy.cli.control`: commands to a running proxy."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.loopback


def done(canned, command, *, ends=True, **of):
    """Have the API say that an action is done."""
    segments = f"/targets/{of['target']}" if "target" in of else ""
    path = f"/v1/proxies/shop{segments}/{command}"
    answer = {"action": command, "proxy": "shop", **of, "done": ends}
    canned.answers["POST", path] = (200 if ends else 202, answer)
    return path


@pytest.mark.parametrize(
    ("words", "of", "sent", "said"),
    [
        (["drain", "db1"], {"target": "db1"}, {"timeout": 60.0}, "db1 is drained"),
        (["undrain", "db2"], {"target": "db2"}, {}, "db2 is used again."),
        (["promote", "db2"], {"target": "db2"}, {"timeout": 60.0}, "db2 takes the writes."),
        (["pause", "--timeout", "5"], {}, {"timeout": 5.0}, "The proxy shop is paused"),
        (["resume"], {}, {}, "The clients of the proxy shop go on."),
        (
            ["switch", "green"],
            {"target_set": "green"},
            {"timeout": 60.0, "target_set": "green"},
            "uses the targets of green.",
        ),
    ],
)
def test_each_command_is_done(ask, canned, words, of, sent, said):
    """The sentence says what is so now; with --json it is the answer of the API."""
    path = done(canned, words[0], **of)
    result = ask(*words)
    assert result.exit_code == 0, result.output
    assert said in result.output
    assert json.loads(ask(*words, "--json").output)["done"] is True
    posts = [(where, what) for method, where, _, what in canned.asked if method == "POST"]
    assert posts == [(path, sent)] * 2


def test_a_refusal_ends_with_1(ask, canned):
    """The reason is told as it is."""
    path = done(canned, "promote", target="db2")
    canned.answers["POST", path] = (409, {"error": "db2 lacks 17 transactions"})
    result = ask("promote", "db2")
    assert result.exit_code == 1
    assert result.output == "Error: db2 lacks 17 transactions\n"


def test_what_is_not_done_in_time_ends_with_1(ask, canned):
    """Nothing is said to be done that is not, and how it goes on is."""
    done(canned, "pause", ends=False)
    result = ask("pause", "--timeout", "0.1")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "pause is not done yet, and goes on" in result.stderr
    result = ask("pause", "--timeout", "0", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["done"] is False


@pytest.mark.parametrize("words", [["drain"], ["pause", "--timeout", "-1"], ["switch"]])
def test_commands_that_make_no_sense_end_with_2(ask, canned, words):
    """Nothing is asked of the proxy."""
    assert ask(*words).exit_code == 2
    assert canned.asked == []
