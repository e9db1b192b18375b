"""Tests of `proxy.admin.guard`."""

from __future__ import annotations

import attrs
import pytest

from proxy.admin.call import MAX_BODY_BYTES, Call, CallRefusedError
from proxy.admin.guard import check, parameters, seconds
from proxy.admin.routes import Parameter

CALL = Call(method="GET", path="/v1/proxies")
TIMEOUT = Parameter(name="timeout", schema={"type": "number"})


def refusal(work, *arguments):
    """The status and the sentence of the refusal."""
    with pytest.raises(CallRefusedError) as caught:
        work(*arguments)
    answer = caught.value.answer
    return int(answer.status), answer.content["error"]


def posted(body, content_type="application/json"):
    return attrs.evolve(CALL, method="POST", body=body, content_type=content_type)


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost:8033", "127.0.0.1:8033", "127.1.2.3", "[::1]:8033"),
        *("10.0.0.1", "[fd00::1]:8033", "Proxy.Example:8033", "proxy.example."),
    ],
)
def test_addresses_and_known_names_are_taken(host):
    """Nobody can point an address elsewhere, and the configuration says what else is known."""
    check(attrs.evolve(CALL, local=False, host=host), {"proxy.example"})


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8033",
        "localhost.evil.example",
        "[::1",
        "a@b",
    ],
)
def test_other_names_of_this_machine_are_refused(host):
    """A page that gave our address a name of its own cannot read anything."""
    status, why = refusal(check, attrs.evolve(CALL, local=False, host=host))
    assert status == 403
    assert "Host" in why


def test_who_watches_over_the_process_may_use_any_name():
    """What tells nothing of a proxy may be asked for with no name at all."""
    check(attrs.evolve(CALL, local=False, host=""), is_open=True)


def test_the_name_of_a_unix_socket_does_not_matter():
    """No browser opens one."""
    check(attrs.evolve(CALL, host="whatever"))


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:8034", ""])
def test_pages_of_other_sites_are_refused(origin):
    """A page cannot pause the proxy of whoever looks at it."""
    call = attrs.evolve(CALL, host="localhost:8033", local=False, origin=origin)
    assert refusal(check, call)[0] == 403
    check(attrs.evolve(call, origin="http://localhost:8033"))
    check(attrs.evolve(call, origin="https://localhost:8033", encrypted=True))
    in_clear_text = attrs.evolve(call, origin="http://localhost:8033", encrypted=True)
    assert refusal(check, in_clear_text)[0] == 403


def test_something_in_front_may_take_tls_off():
    """The page of the browser is https then, at the name that it was called by."""
    call = attrs.evolve(CALL, host="proxy.example", local=False, method="POST")
    check(attrs.evolve(call, origin="https://proxy.example"), ("proxy.example",))
    other = attrs.evolve(call, origin="https://evil.example")
    assert refusal(check, other, ("proxy.example",))[0] == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_orders_of_other_sites_are_refused(site):
    """By what the browser says of the page; a link may lead to the dashboard."""
    call = attrs.evolve(CALL, method="POST", site=site)
    assert refusal(check, call)[0] == 403
    check(attrs.evolve(call, method="GET"))
    check(attrs.evolve(call, site="same-origin"))


def test_the_body_has_a_limit():
    """What was cut off is not taken for the whole."""
    check(attrs.evolve(posted(b" " * MAX_BODY_BYTES), body_bytes=MAX_BODY_BYTES))
    call = attrs.evolve(posted(b"{}"), body_bytes=MAX_BODY_BYTES + 1)
    assert refusal(check, call) == (413, "the body has more than 16,384 bytes")


def test_parameters_stand_in_the_body():
    """A body where there is nothing to say would be passed over in silence."""
    assert refusal(check, attrs.evolve(CALL, body=b"{}")) == (400, "GET has no body")


def test_parameters_are_a_json_object():
    """An empty body has none; a charset may be named."""
    assert parameters(posted(b"", ""), ()) == {}
    body = posted(b'{"timeout": 5}', "Application/JSON; charset=utf-8")
    assert parameters(body, (TIMEOUT,)) == {"timeout": 5}


@pytest.mark.parametrize(
    ("call", "status", "why"),
    [
        (posted(b"{}", "text/plain"), 415, "application/json"),
        (posted(b"{}", ""), 415, "application/json"),
        (posted(b"{"), 400, "no JSON"),
        (posted(b"\xff"), 400, "no JSON"),
        (posted(b"[" * MAX_BODY_BYTES), 400, "no JSON"),
        (posted(b"1" * 5000), 400, "no JSON"),
        (posted(b"[]"), 400, "no JSON object"),
        (posted(b'{"time": 5}'), 400, "'time' is no parameter; there are timeout"),
        (posted(b"{}"), 400, "timeout is missing"),
        (posted(b""), 400, "timeout is missing"),
    ],
)
def test_other_bodies_are_refused(call, status, why):
    """With a sentence that says what is wrong."""
    got, said = refusal(parameters, call, (TIMEOUT,))
    assert got == status
    assert why in said


def test_where_there_are_no_parameters_that_is_said():
    """Nobody looks for them in vain."""
    assert refusal(parameters, posted(b'{"a": 1}'), ())[1].endswith("there are none here")


@pytest.mark.parametrize("value", [0, 5, 10.0])
def test_seconds_are_numbers(value):
    """Whole or not, both ends included."""
    assert seconds(value, "timeout", 10.0) == value


@pytest.mark.parametrize("value", [-1, 11, True, "5", None, float("nan"), 10**400])
def test_other_spans_are_refused(value):
    """What is no span of time is no reason to wait for ever."""
    status, why = refusal(seconds, value, "timeout", 10.0)
    assert status == 400
    assert why == "timeout must be a number of seconds from 0 to 10"
