"""Tests of `proxy.admin.call`."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest

from proxy.admin.call import Answer, CallRefusedError


def test_an_answer_is_json_on_a_line():
    """Whoever reads it in a terminal gets a prompt of its own line."""
    body = Answer(HTTPStatus.OK, {"name": "Lädchen", "lag": None}).body
    assert body.endswith(b"}\n")
    assert json.loads(body) == {"name": "Lädchen", "lag": None}


def test_what_is_no_number_is_not_sent():
    """JSON has no word for it, whatever Python writes."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        _ = Answer(HTTPStatus.OK, {"lag": float("nan")}).body


def test_a_refusal_has_its_reason_and_more():
    """The sentence is for people, the other fields are for programs."""
    error = CallRefusedError(HTTPStatus.NOT_FOUND, "there is none", known=["a"])
    assert str(error) == "there is none"
    assert error.answer == Answer(
        HTTPStatus.NOT_FOUND, {"error": "there is none", "known": ["a"]}, {}
    )
