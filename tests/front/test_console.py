"""Tests of `proxy.front.console`: who gets the console, and who has a place there."""

import pytest
from structlog.testing import capture_logs

from proxy.config.tls import ClientTls
from proxy.front.console import SPARE_PLACES
from proxy.front.console_session import ConsoleSession
from proxy.wire.auth import CACHING_SHA2
from proxy.wire.framing import encode
from proxy.wire.greeting import parse_auth_switch
from tests.front.consoling import PASSWORD, change_user, operator, stage
from tests.support.memory import USERS
from tests.support.passwords import Passwords

THERE = "203.0.113.9"


@pytest.mark.parametrize("address", [None, "127.0.0.1", "::1"])
def test_an_admin_user_gets_the_console(address):
    """No connection to the target is opened for it, and the log says that it came and left."""
    made = stage()
    with capture_logs() as lines:
        peer = operator(made, address)
        assert isinstance(peer.client, ConsoleSession)
        peer.query(b"SHOW POOLS")
        assert peer.reply().status == 2
        peer.leave()
    assert made.proxy.console.texts == [b"SHOW POOLS"]
    assert not made.backends
    assert made.is_clean()
    assert not made.proxy.consoles
    told = [line for line in lines if "admin user" in line["event"]]
    assert [line["event"] for line in told] == [
        "an admin user logged in to the console",
        "an admin user left the console",
    ]
    assert {line["user"] for line in told} == {"ops"}


def test_others_get_the_database_as_ever():
    """A user of the proxy is served by the target, beside an admin user."""
    made = stage()
    operator(made)
    peer = made.client()
    peer.query(b"SELECT 1")
    assert made.busy().asked
    assert made.proxy.console.texts == []


def test_a_console_answers_without_a_target():
    """Nothing is known of the target yet, and nothing needs to be."""
    made = stage()
    assert made.proxy.facts is None
    peer = operator(made)
    peer.query(b"SHOW TARGETS")
    assert peer.reply().status == 2


def test_a_schema_of_the_login_is_only_a_name():
    """It is not looked for at the target."""
    made = stage()
    peer = operator(made, schema=b"shop")
    peer.query(b"SELECT DATABASE()")
    ((asker, _),) = made.proxy.console.asked
    assert asker.schema == "shop"
    assert not made.backends


def refusal(made, user, address=None, password="wrong", more=b"x" * 32):
    """Log in in vain: all payloads, and the reasons in the log."""
    peer = made.connect(address)
    with capture_logs() as lines:
        peer.log_in(user=user, password=password)
        payloads = peer.payloads()
        if payloads and payloads[0][0] == 0xFE:
            assert parse_auth_switch(payloads[0]).plugin == CACHING_SHA2
            peer.send(encode(more, 3))
            payloads += peer.payloads()
    assert peer.closed
    whys = [line["why"] for line in lines if line["event"] == "a login was refused"]
    return payloads, whys


def test_a_wrong_password_is_refused_as_any_other():
    """By error 1045, and counted among the guesses."""
    made = stage()
    payloads, whys = refusal(made, "ops")
    assert b"Access denied for user 'ops'@'localhost' (using password: YES)" in payloads[-1]
    assert whys == ["wrong password"]
    assert made.counters.client_connections_setup_failed_auth == 1
    assert not made.proxy.consoles


def test_an_admin_user_from_elsewhere_is_as_an_unknown_one():
    """It is asked the same and hears the same, even with the right password."""
    made = stage()
    (asked, denied), whys = refusal(made, "ops", THERE, PASSWORD)
    (asked_too, denied_too), _ = refusal(made, "xyz", THERE, PASSWORD)
    assert denied == denied_too.replace(b"xyz", b"ops")
    assert parse_auth_switch(asked).plugin == parse_auth_switch(asked_too).plugin
    assert whys == ["the user may not come from there"]


def test_guesses_are_slowed_down():
    """The refusals of an admin user come later and later, too."""
    made = stage(proxy={"failed_login_threshold": 1})
    refusal(made, "ops")
    peer = made.connect()
    peer.log_in(user="ops", password="wrong")
    assert not peer.payloads()
    made.run(1.0)
    assert peer.reply().code == 1045


def test_require_tls_holds_for_admin_users():
    """Without TLS it hears 3159 on a network, as everybody does."""
    made = stage(proxy={"require_tls": True, "tls": ClientTls()})
    peer = made.connect("127.0.0.1")
    peer.log_in(user="ops", password=PASSWORD)
    assert peer.reply().code == 3159


def test_a_user_of_the_proxy_of_the_same_name_is_not_reached():
    """Where a file of users has the name too, the admin user's password counts."""
    users = Passwords(*USERS.values())
    users.there["ops"] = USERS["app"]
    made = stage(users)
    refusal(made, "ops", password="secret")
    assert isinstance(operator(made).client, ConsoleSession)


# Places beyond max_clients


@pytest.fixture
def made_beside_others():
    """A worker's stage, of whose five clients four are elsewhere."""
    made = stage(proxy={"max_clients": 5})
    made.proxy.elsewhere, made.proxy.clients_elsewhere = object(), 4
    return made


def test_an_operator_gets_in_when_there_are_too_many_clients():
    """Beyond max_clients some places are left for admin users."""
    made = stage(proxy={"max_clients": 1})
    made.client()
    peer = operator(made)
    peer.query(b"SHOW CLIENTS")
    assert peer.reply().status == 2


def test_a_client_in_such_a_place_hears_1040_at_its_login():
    """It is counted as turned away, and its place is free again."""
    made = stage(proxy={"max_clients": 1})
    made.client()
    for _ in range(2 * SPARE_PLACES):
        peer = made.connect()
        peer.log_in()
        reply = peer.reply()
        assert (reply.code, peer.closed) == (1040, True)
    assert made.counters.client_connections_setup_failed_limit == 2 * SPARE_PLACES
    assert made.proxy.count == 1


def test_it_is_let_in_when_another_one_has_left_meanwhile():
    """Then there is room for it."""
    made = stage(proxy={"max_clients": 1})
    first, second = made.client(), made.connect()
    first.leave()
    second.log_in()
    assert second.reply().status == 2


def test_where_others_serve_too_it_is_not(made_beside_others):
    """That room is the supervisor's to give, who may have given it to somebody by now."""
    first, second = made_beside_others.client(), made_beside_others.connect()
    first.leave()
    second.log_in()
    assert second.reply().code == 1040
    assert made_beside_others.proxy.count == 0


def test_who_was_let_in_so_has_no_place_of_an_operator():
    """Those are as many as before."""
    made = stage(proxy={"max_clients": SPARE_PLACES})
    before = [made.client() for _ in range(SPARE_PLACES)]
    after = [made.connect() for _ in range(SPARE_PLACES)]
    for first, second in zip(before, after, strict=True):
        first.leave()
        second.log_in()
    for _ in range(SPARE_PLACES):
        operator(made)


def test_a_worker_gives_no_more_such_places_than_there_are(made_beside_others):
    """Though the supervisor says of many who come at once that there are five clients."""
    proxy = made_beside_others.proxy
    made_beside_others.client()
    for _ in range(SPARE_PLACES):
        proxy.clients_elsewhere = 5 - proxy.count
        assert made_beside_others.connect().payloads()[0][0] == 10
    proxy.clients_elsewhere = 5 - proxy.count
    assert made_beside_others.connect().reply().code == 1040


def test_such_places_are_few_and_only_where_admin_users_come_from():
    """Others hear 1040 in place of a greeting, as ever."""
    made = stage(proxy={"max_clients": 1})
    made.client()
    assert made.connect(THERE).reply().code == 1040
    waiting = [made.connect() for _ in range(SPARE_PLACES)]
    assert all(peer.payloads() for peer in waiting)
    assert made.connect().reply().code == 1040
    for peer in waiting:
        peer.leave()
    operator(made)


def test_a_place_of_an_admin_user_does_not_become_one_of_another_user():
    """By a change of user it would."""
    made = stage(proxy={"max_clients": 1})
    made.client()
    peer = operator(made)
    change_user(peer)
    assert peer.reply().code == 1040
    assert peer.closed
    assert not made.proxy.consoles
