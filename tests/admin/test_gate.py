"""Tests of `proxy.admin.gate`."""

from __future__ import annotations

import attrs
import pytest
from twisted.internet.task import Clock

from proxy.admin.call import Call, CallRefusedError
from proxy.admin.gate import Gate
from proxy.admin.routes import Route
from proxy.admin.throttle import THRESHOLD
from proxy.admin.tokens import Tokens
from proxy.config.admin import AdminConfig, AdminTls, AdminToken
from proxy.config.admin_users import AdminRole
from proxy.config.secret import Secret
from proxy.observe.log import get_logger

VIEWER, OPERATOR = "viewer-0123456789", "operator-0123456789"
TOKENS = (
    AdminToken(name="ci", token=Secret(VIEWER)),
    AdminToken(name="ops", role=AdminRole.OPERATOR, token=Secret(OPERATOR)),
)
CALL = Call(method="GET", path="/", local=False, address="10.0.0.1", by="10.0.0.1:5")


async def handler(_desk, _asked):
    """Do nothing."""


LOOK = Route(method="GET", template="/a", handler=handler, gives=dict)
OPEN = attrs.evolve(LOOK, is_open=True)
ACT = attrs.evolve(LOOK, method="POST")


def make_gate(**config):
    config.setdefault("tokens", TOKENS)
    settings, clock = AdminConfig(**config), Clock()
    return Gate(settings, Tokens(settings.tokens, get_logger()), clock), clock


@pytest.fixture
def gate():
    return make_gate()[0]


def bearing(token, scheme="Bearer"):
    return attrs.evolve(CALL, authorization=f"{scheme} {token}")


def refusal(gate, call, route):
    """The status and the headers of a refusal."""
    with pytest.raises(CallRefusedError) as caught:
        gate.identify(call, route)
    return int(caught.value.answer.status), caught.value.answer.headers


def test_a_unix_socket_is_guarded_by_its_mode(gate):
    """Whoever opened it may act, and is known to the system."""
    caller = gate.identify(attrs.evolve(CALL, local=True, by="uid 7"), ACT)
    assert (caller.name, caller.may_act) == ("uid 7", True)


def test_without_tokens_everybody_on_this_machine_may_act():
    """The configuration has nobody listen elsewhere then."""
    gate, _ = make_gate(tokens=())
    caller = gate.identify(CALL, ACT)
    assert (caller.name, caller.may_act) == ("10.0.0.1:5", True)


def test_without_tokens_nobody_else_may():
    """Such as who connected when there were some."""
    gate, _ = make_gate(tokens=())
    assert refusal(gate, attrs.evolve(CALL, nearby=False), LOOK)[0] == 401


def test_with_tokens_one_is_needed(gate):
    """The answer says how to show it."""
    status, headers = refusal(gate, CALL, LOOK)
    assert status == 401
    assert headers["WWW-Authenticate"].startswith("Bearer")


def test_what_tells_nothing_needs_none(gate):
    """And a wrong one does not matter: a probe with an old token would end a good process."""
    assert not gate.identify(CALL, OPEN).may_act
    assert not gate.identify(bearing("wrong"), OPEN).may_act


def test_roles_say_what_a_token_is_good_for(gate):
    """A viewer looks, an operator acts too."""
    assert gate.identify(bearing(VIEWER), LOOK).name == "token ci"
    assert refusal(gate, bearing(VIEWER), ACT)[0] == 403
    assert gate.identify(bearing(OPERATOR, "bearer"), ACT).may_act


@pytest.mark.parametrize(
    "call",
    [
        bearing("wrong-0123456789"),
        bearing(VIEWER, "Basic"),
        bearing(""),
        attrs.evolve(CALL, authorization=VIEWER),
        attrs.evolve(bearing("wrong-0123456789"), certificate="CN=ops"),
    ],
)
def test_wrong_ones_are_refused(gate, call):
    """Whatever else was shown."""
    assert refusal(gate, call, LOOK)[0] == 401


def test_a_certificate_is_as_good_as_an_operators_token():
    """Its name stands in the log."""
    tls = AdminTls(certificate="a", private_key="b", client_ca="c")
    gate, _ = make_gate(tokens=(), tls=tls)
    caller = gate.identify(attrs.evolve(CALL, certificate="CN=ops"), ACT)
    assert (caller.name, caller.may_act) == ("certificate CN=ops", True)
    assert refusal(gate, CALL, LOOK)[0] == 401


def test_who_guesses_has_to_wait():
    """Even the right token is not looked at then, unless it was right there before."""
    gate, clock = make_gate()
    gate.identify(bearing(VIEWER), LOOK)
    for _ in range(THRESHOLD + 1):
        assert refusal(gate, bearing("wrong"), LOOK)[0] == 401
    status, headers = refusal(gate, bearing(OPERATOR), LOOK)
    assert (status, headers["Retry-After"]) == (429, "1")
    assert gate.identify(bearing(VIEWER), LOOK).name == "token ci"
    clock.advance(1.0)
    assert gate.identify(bearing(OPERATOR), LOOK).name == "token ops"
