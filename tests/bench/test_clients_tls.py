import ssl

import pytest

from bench.clients_sysbench import LoadFailedError
from bench.clients_tls import churn, visit
from bench.peers import Running
from bench.site import PASSWORD
from proxy.wire.constants import Capability

HOST = "127.0.0.1"
FULL = b"\x01\x04"
OK = b"\x00\x00\x00\x02\x00\x00\x00"


def test_a_visit_is_one_select(served):
    """The client logs in, asks once, and says good-bye."""
    _, resumed = visit(HOST, served.port, None)
    assert not resumed
    assert served.received[:1] == [b"\x03SELECT 1"]


def test_a_session_is_resumed(served):
    """The session of one visit shortens the handshake of the next."""
    session, _ = visit(HOST, served.port, None)
    _, resumed = visit(HOST, served.port, session)
    assert resumed


def test_the_password_itself_is_sent_where_it_is_asked_for(served):
    """A server that does not know the password yet gets it, by TLS."""
    served.verdict = (FULL, OK)
    visit(HOST, served.port, None)
    assert served.received[0] == PASSWORD.encode() + b"\x00"


def test_a_server_without_tls_is_refused(served):
    """Nothing is measured without TLS by mistake."""
    served.capabilities &= ~Capability.SSL
    with pytest.raises(LoadFailedError, match="no TLS is offered"):
        visit(HOST, served.port, None)


def test_a_refused_login_says_why(served):
    """The text is the server's own."""
    served.verdict = (b"\xff\x15\x04#28000Access denied",)
    with pytest.raises(LoadFailedError, match="Access denied"):
        visit(HOST, served.port, None)


def test_an_unknown_turn_of_the_login_is_told(served):
    """A client as small as this knows one plugin only."""
    served.verdict = (b"\xfemysql_clear_password\x00",)
    with pytest.raises(LoadFailedError, match="turn that is not known"):
        visit(HOST, served.port, None)


@pytest.mark.parametrize("resume", [True, False])
def test_all_visits_are_counted(served, resume):
    """Without a time each client makes the visit that it had begun."""
    running = Running("tried", HOST, served.port, None, None)
    outcome, used = churn(running, 2, 1e-9, resume=resume)
    assert outcome.events == 2
    assert outcome.seconds > 0
    assert used is None


def test_sessions_that_cannot_be_resumed_are_told(served):
    """Whole handshakes do not pass for resumed ones."""
    served.context.options |= ssl.OP_NO_TICKET
    served.context.num_tickets = 0
    running = Running("tried", HOST, served.port, None, None)
    with pytest.raises(LoadFailedError, match="cannot be resumed"):
        churn(running, 2, 1e-9, resume=True)


def test_a_client_that_fails_ends_the_load(served):
    """The others do not wait for it, and its reason is the one that is told."""
    served.verdict = (b"\xff\x15\x04#28000Access denied",)
    running = Running("tried", HOST, served.port, None, None)
    with pytest.raises(LoadFailedError, match="Access denied"):
        churn(running, 2, 1e-9, resume=False)
