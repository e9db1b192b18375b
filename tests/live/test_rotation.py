"""Passwords that change while clients work: by rotations, in files, and while AWS is away.

Secrets Manager is moto's (`proxy.embedded.aws`), the databases are real.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections import Counter

import attrs
import pymysql
import pytest
import yaml

from proxy.embedded import Server
from proxy.embedded.aws import start_aws
from tests.support.cloud import ENVIRONMENT, Secrets, secrets_of, settings
from tests.support.leaping import LEAP_SECONDS
from tests.support.loopback import wait_until
from tests.support.process import ACCOUNTS, WORKERS, RunningProxy, running_proxy
from tests.support.shoppers import Shoppers

pytestmark = pytest.mark.live

CLIENTS, BACKENDS, ROTATIONS = 200, 8, 5
SOME_TRANSACTIONS = 60
"""Enough that every connection to the database has been used again."""

SHOP = ("ALL PRIVILEGES ON shop.*",)
LEAPING = ("-m", "tests.support.leaping")
PATIENT_SECONDS = 60
"""A client that is to hear a refusal waits so long for it."""


@pytest.fixture(scope="module")
def aws():
    """A stand-in for AWS that runs through all tests."""
    with start_aws() as server:
        yield server


@pytest.fixture(scope="module")
def secrets(aws):
    """Its secrets."""
    with secrets_of(aws) as secrets:
        yield secrets


def make_user(server, name, password):
    """Make a user anew, with rights on the schema shop."""
    server.execute(f"DROP USER IF EXISTS '{name}'@'%'")
    server.create_user(name, password, grants=SHOP)


def change_password(server, name, password):
    server.execute(f"ALTER USER '{name}'@'%' IDENTIFIED BY '{password}'")


def connections_of(server, user):
    """The ids of a user's connections to the database."""
    rows = server.execute(
        f"SELECT id FROM information_schema.processlist WHERE user = '{user}'"
    )
    return {number for (number,) in rows}


def end_connections_of(server, user):
    """As an administrator does who wants nobody to go on with an old password."""
    for number in connections_of(server, user):
        server.execute(f"KILL {number}")
    wait_until(lambda: not connections_of(server, user))


def ask(connection, text="SELECT 1"):
    """Run a statement; its rows."""
    with connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall()


def log_in(proxy, user, password, **options):
    """Log in, and reach the database by the proxy; who the database says that it is."""
    with proxy.connect(user, password=password, **options) as connection:
        ((who,),) = ask(connection, "SELECT CURRENT_USER()")
    return who.partition("@")[0]


def refusal(proxy, user, password):
    """The code and the text with which a login is refused."""
    with pytest.raises(pymysql.OperationalError) as caught:
        log_in(proxy, user, password, connect_timeout=PATIENT_SECONDS)
    return caught.value.args


def messages(proxy, text):
    """The lines of a log with this message."""
    return [line for line in proxy.log() if line["message"] == text]


@attrs.define
class Rotating:
    """A proxy whose user has its password in a secret.

    Attributes:
        passwords: All that the user has had, the newest last.
    """

    proxy: RunningProxy
    server: Server
    secrets: Secrets
    name: str
    shoppers: Shoppers
    passwords: list[str]

    def rotate(self, between=lambda: None):
        """Change the password as AWS's rotation functions do it."""
        password = f"pw-{len(self.passwords)}"
        version = self.secrets.put_pending(self.name, "rotated", password)
        between()
        change_password(self.server, "rotated", password)
        between()
        self.secrets.finish(self.name, version)
        self.passwords.append(password)

    def go_on(self):
        """Wait until clients have run some transactions, and logged in with what they know."""
        shoppers = self.shoppers
        committed, password = shoppers.committed, shoppers.password
        logins = shoppers.logins.get(password, 0)

        def went_on():
            return (
                shoppers.committed > committed + SOME_TRANSACTIONS
                and shoppers.logins.get(password, 0) > logins
            )

        wait_until(lambda: shoppers.errors or went_on())


@pytest.fixture(scope="module")
def rotating(aws, secrets, any_server, tmp_path_factory):
    """A proxy with 8 connections at most."""
    server, name = any_server, f"rotated/{any_server.flavor.value}"
    make_user(server, "rotated", "pw-0")
    secrets.write(name, "rotated", "pw-0")
    rows = ", ".join(f"({number}, 0)" for number in range(CLIENTS))
    server.execute(
        "DROP TABLE IF EXISTS shop.sold",
        "CREATE TABLE shop.sold (id INT PRIMARY KEY, n INT NOT NULL)",
        f"INSERT INTO shop.sold VALUES {rows}",
    )
    with running_proxy(
        server,
        tmp_path_factory.mktemp("rotating"),
        settings=settings(aws, name),
        pool={"max_connections": BACKENDS, "connection_borrow_timeout": 60},
        environment=ENVIRONMENT,
    ) as proxy:
        shoppers = Shoppers(proxy, "rotated", "pw-0", CLIENTS)
        yield Rotating(proxy, server, secrets, name, shoppers, ["pw-0"])


def test_nobody_notices_a_rotation(rotating):
    """200 clients work and reconnect through five rotations: no error, and nothing is lost."""
    shoppers = rotating.shoppers
    with shoppers.at_work():
        rotating.go_on()
        for _ in range(ROTATIONS):
            old = connections_of(rotating.server, "rotated")
            rotating.rotate(rotating.go_on)
            shoppers.password = rotating.passwords[-1]
            rotating.go_on()
            wait_until(lambda old=old: not connections_of(rotating.server, "rotated") & old)
    assert shoppers.errors == []
    ((sold,),) = rotating.server.execute("SELECT SUM(n) FROM shop.sold")
    assert sold == shoppers.committed
    assert shoppers.logins.keys() == set(rotating.passwords)


def test_connections_of_the_old_password_end(rotating):
    """They leave the server's list by themselves, and the client that used them works on."""
    with rotating.proxy.connect("rotated", password=rotating.passwords[-1]) as connection:
        ask(connection)
        old = connections_of(rotating.server, "rotated")
        assert old
        rotating.rotate()
        log_in(rotating.proxy, "rotated", rotating.passwords[-1])
        wait_until(lambda: not connections_of(rotating.server, "rotated") & old)
        assert ask(connection) == ((1,),)
    retired = messages(rotating.proxy, "connections of the previous password are retired")
    rotations = len(rotating.passwords) - 1
    assert rotations <= len(retired) <= rotations * WORKERS


def test_only_the_last_two_passwords_are_good(rotating):
    """The previous one serves for the overlap; what is two rotations old is refused."""
    while len(rotating.passwords) < 3:
        rotating.rotate()
    *_, oldest, previous, newest = rotating.passwords
    assert log_in(rotating.proxy, "rotated", newest) == "rotated"
    assert log_in(rotating.proxy, "rotated", previous) == "rotated"
    code, text = refusal(rotating.proxy, "rotated", oldest)
    assert code == 1045
    assert text == "Access denied for user 'rotated'@'127.0.0.1' (using password: YES)"


def test_users_that_alternate_both_log_in(aws, secrets, serve, mysql_server):
    """A rotation that alternates users has one in each version of the secret."""
    for name, password in (("turn", "pw-1"), ("turn_clone", "pw-2")):
        make_user(mysql_server, name, password)
    secrets.write("turns", "turn", "pw-1")
    secrets.change("turns", "turn_clone", "pw-2")
    proxy = serve(mysql_server, settings=settings(aws, "turns"), environment=ENVIRONMENT)
    assert log_in(proxy, "turn", "pw-1") == "turn"
    assert log_in(proxy, "turn_clone", "pw-2") == "turn_clone"
    assert refusal(proxy, "turn", "pw-2")[0] == 1045


def test_a_database_that_hears_first_keeps_nobody_out(aws, secrets, serve, mysql_server):
    """Who waits while the database knows a newer password than the secret gets no error."""
    make_user(mysql_server, "early", "pw-1")
    secrets.write("early", "early", "pw-1")
    proxy = serve(
        mysql_server,
        settings=settings(aws, "early"),
        pool={"max_connections": 2},
        environment=ENVIRONMENT,
    )
    answers = []
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(proxy.connect("early", password="pw-1")) for _ in range(4)
        ]
        change_password(mysql_server, "early", "pw-2")
        end_connections_of(mysql_server, "early")
        threads = [
            threading.Thread(target=lambda one=client: answers.append(ask(one)))
            for client in clients
        ]
        for thread in threads:
            thread.start()
        failed = "a database connection could not be opened"
        # The second time the secret was looked at again, and did not have the password yet.
        wait_until(lambda: len(messages(proxy, failed)) >= 2)
        assert answers == []
        secrets.change("early", "early", "pw-2")
        for thread in threads:
            thread.join(PATIENT_SECONDS)
    assert answers == [((1,),)] * len(clients)
    assert log_in(proxy, "early", "pw-2") == "early"


def test_a_users_file_is_taken_up_when_it_changes(serve, mysql_server, tmp_path):
    """New passwords and new users serve at once, and connections of the old password end."""
    make_user(mysql_server, "filed", "pw-1")
    make_user(mysql_server, "newcomer", "pw-9")
    path = tmp_path / "users.yaml"

    def write(*users):
        fresh = path.with_name("fresh")
        fresh.touch(0o600)
        fresh.write_text(yaml.safe_dump({"users": users}))
        fresh.rename(path)

    write({"username": "filed", "password": "pw-1"})
    proxy = serve(
        mysql_server, settings={"auth": [{"auth_scheme": "FILE", "users_file": str(path)}]}
    )
    with proxy.connect("filed", password="pw-1") as connection:
        ask(connection)
        old = connections_of(mysql_server, "filed")
        assert refusal(proxy, "newcomer", "pw-9")[0] == 1045
        change_password(mysql_server, "filed", "pw-2")
        write(
            {"username": "filed", "password": "pw-2", "previous_password": "pw-1"},
            {"username": "newcomer", "password": "pw-9"},
        )
        assert log_in(proxy, "filed", "pw-2") == "filed"
        assert log_in(proxy, "filed", "pw-1") == "filed"
        assert log_in(proxy, "newcomer", "pw-9") == "newcomer"
        wait_until(lambda: not connections_of(mysql_server, "filed") & old)
        assert ask(connection) == ((1,),)
    wait_until(lambda: readings(proxy) == [1] * WORKERS)
    write({"username": "filed", "password": "pw-2"})
    wait_until(lambda: readings(proxy) == [2] * WORKERS)
    for name, password in (("filed", "pw-1"), ("newcomer", "pw-9")):
        assert refusal(proxy, name, password)[0] == 1045
    assert log_in(proxy, "filed", "pw-2") == "filed"


def readings(proxy):
    """How often each process that serves has read its users again; a supervisor does not."""
    lines = messages(proxy, "users were read again")
    who = (line.get("worker") for line in lines if WORKERS == 1 or "worker" in line)
    return [*Counter(who).values()]


def metrics(proxy):
    """Ask a proxy of `tests.support.leaping` for its metrics about secrets, by their names."""
    before = len(messages(proxy, "metrics"))
    proxy.process.send_signal(signal.SIGRTMIN)
    wait_until(lambda: len(messages(proxy, "metrics")) > before)
    prefix = "mysqlproxy_secret_"
    line = messages(proxy, "metrics")[-1]
    return {name.removeprefix(prefix): line[name] for name in line if name.startswith(prefix)}


def test_users_who_are_known_do_not_notice_that_aws_is_away(serve, mysql_server):
    """Ten minutes without AWS: known users work and log in, the log says so, and counters."""
    make_user(mysql_server, "lonely", "pw-1")
    with start_aws() as aws, secrets_of(aws) as secrets:
        secrets.write("lonely", "lonely", "pw-1")
        proxy = serve(
            mysql_server,
            settings=settings(aws, "lonely"),
            program=LEAPING,
            workers=1,  # time leaps in one process
            environment=ENVIRONMENT,
        )
        with proxy.connect("lonely", password="pw-1") as connection:
            ask(connection)
            first = metrics(proxy)
            assert first["fetch_failures_total"] == 0
            aws.stop()
            proxy.process.send_signal(signal.SIGUSR1)
            away = "a secret cannot be read; what was known is used on"
            wait_until(lambda: messages(proxy, away))
            (line,) = messages(proxy, away)
            assert (line["level"], line["secret_id"]) == ("warning", "lonely")
            assert line["why"] == "AWS cannot be reached"
            assert ask(connection) == ((1,),)
            assert log_in(proxy, "lonely", "pw-1") == "lonely"
            assert refusal(proxy, "lonely", "pw-2")[0] == 1045
            then = metrics(proxy)
            failures = then["fetch_failures_total"]
            assert failures >= 2  # when it was due, and for the wrong password
            assert then["fetches_total"] >= first["fetches_total"] + failures
            assert then["age_seconds"] > LEAP_SECONDS
            aws.start()
            secrets.write("lonely", "lonely", "pw-1")
            proxy.process.send_signal(signal.SIGUSR1)
            wait_until(lambda: messages(proxy, "a secret can be read again"))
            assert ask(connection) == ((1,),)
            assert metrics(proxy)["age_seconds"] < LEAP_SECONDS


def test_a_proxy_that_starts_without_aws_serves_whom_it_knows(serve, mysql_server):
    """Users of secrets are refused until AWS comes; those of the configuration log in."""
    make_user(mysql_server, "late", "pw-1")
    with start_aws() as aws, secrets_of(aws) as secrets:
        aws.stop()
        known = settings(aws, "late")
        known["auth"][0]["username"] = "late"  # else it is a stranger until then
        known["auth"].append({"username": "app", "password": ACCOUNTS["app"]})
        proxy = serve(mysql_server, settings=known, environment=ENVIRONMENT)
        assert log_in(proxy, "app", ACCOUNTS["app"]) == "app"
        code, text = refusal(proxy, "late", "pw-1")
        assert code == 1045
        assert text == "Access denied for user 'late'@'127.0.0.1' (using password: YES)"
        (line,) = messages(proxy, "a secret cannot be read; its users cannot log in")
        assert (line["secret_id"], line["why"]) == ("late", "AWS cannot be reached")
        aws.start()
        secrets.write("late", "late", "pw-1")
        assert log_in(proxy, "late", "pw-1", connect_timeout=PATIENT_SECONDS) == "late"


UNUSABLE = {
    "missing": ("", 'there is no secret "missing"; is the region right?'),
    "prose": ("the password is hush-hush", "it is not JSON"),
    "list": ('["hush-hush"]', 'it is no JSON object with "username" and "password"'),
    "halved": ('{"username": "hush-hush"}', 'it lacks "password"'),
    "nameless": ('{"password": "hush-hush"}', 'it lacks "username"'),
    "foreign": (
        '{"username": "app", "password": "hush-hush", "engine": "postgres"}',
        "its \"engine\" is 'postgres', which is none of aurora, aurora-mysql, mariadb, mysql",
    ),
}
"""Secrets that nobody can log in with, by name: their content, and what is said of them."""


def test_a_secret_that_cannot_be_used_is_told_in_one_line(aws, secrets, serve, mysql_server):
    """The line says which and why and nothing of the content; its user hears error 1045."""
    for name, (text, _) in UNUSABLE.items():
        if text:
            secrets.write(name, text=text)
    proxy = serve(mysql_server, settings=settings(aws, *UNUSABLE), environment=ENVIRONMENT)
    assert refusal(proxy, "app", "hush-hush")[0] == 1045
    lines = messages(proxy, "a secret cannot be read; its users cannot log in")
    told = {line["secret_id"]: line["why"] for line in lines}
    assert told == {name: why for name, (_, why) in UNUSABLE.items()}
    assert len(lines) == len(UNUSABLE)
    assert {line["level"] for line in lines} == {"warning"}
    assert "hush-hush" not in proxy.log_path.read_text()
