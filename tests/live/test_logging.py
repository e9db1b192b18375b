"""The log at its most talkative, in front of a real server: all that happens, and no secret."""

from __future__ import annotations

import contextlib

import attrs
import pymysql
import pytest

from proxy.embedded.aws import REGION
from proxy.embedded.certificates import Authority
from tests.support.loopback import wait_until
from tests.support.process import ACCOUNTS, RunningProxy
from tests.support.quiet import Story, spellings
from tests.support.tokens import ANA, statement, usual_token, write_keys, write_policy

pytestmark = pytest.mark.live

WRONG, FRESH, FURTHER = "hush-wrong", "hush-fresh-1", "hush-further-1"


@attrs.frozen
class Stage:
    """A proxy that tells everything, and how to get to it."""

    proxy: RunningProxy
    ca: str
    story: Story

    def log_in(self, user, password, **more):
        """Log in over TLS."""
        return self.proxy.connect(user, password=password, ssl={"ca": self.ca}, **more)

    def lines(self, message):
        """The lines with this message."""
        return [line for line in self.proxy.log() if line["message"] == message]

    def statements(self):
        """The texts of all statements that the log has."""
        return [line["statement"] for line in self.lines("a statement")]


@pytest.fixture
def stage(serve, mysql_server, tmp_path):
    """Everything is logged: each line, each login, each statement, and the slow ones again."""
    files = Authority.make().issue().write(tmp_path)
    shown = {"certificate": str(files.certificate), "private_key": str(files.key)}
    accounts = [
        {"username": name, "password": word, "client_password_auth_type": None}
        for name, word in ACCOUNTS.items()
    ]
    accounts[0]["iam_auth"] = "ENABLED"
    settings = {
        "auth": accounts,
        "debug_logging": True,
        "tls": {"certificates": [shown]},
        "iam": {
            "region": REGION,
            "policy_files": [write_policy(tmp_path, statement("Allow", "*"))],
            "access_keys_file": str(write_keys(tmp_path, ANA)),
        },
    }
    proxy = serve(
        mysql_server,
        settings=settings,
        level="debug",
        log={"logins": "all", "slow_statement_time": 0.5},
    )
    words = (*ACCOUNTS.values(), WRONG, FRESH, FURTHER)
    secrets = {f"password {word}": word for word in words}
    secrets["secret access key"] = ANA.secret
    story = Story(secrets=secrets)
    yield Stage(proxy, str(files.ca), story)
    for user in ("hushed", "other_hushed"):
        mysql_server.execute(f"DROP USER IF EXISTS '{user}'@'%'")


def test_the_log_tells_everything_but_secrets(stage):
    """Logins of every kind and statements are there; no password, no token and no key is."""
    go_in_and_out(stage)
    speak_of_passwords(stage)
    check_logins(stage)
    check_statements(stage)
    text = stage.proxy.log_path.read_text()
    assert stage.story.found_in(text) == []
    for secret in stage.story.secrets.values():
        assert not any(spelling in text for spelling in spellings(secret))


def go_in_and_out(stage):
    """Right and wrong passwords, and a token."""
    attributes = {"program_name": "hush\x1b[2J-client"}
    with stage.log_in("app", ACCOUNTS["app"], **attributes) as connection:
        run(connection, "SELECT 'seen' AS literal")
        run(connection, "SELECT SLEEP(0.6), 'slow'")
    with pytest.raises(pymysql.err.OperationalError):
        stage.log_in("app", WRONG)
    with pytest.raises(pymysql.err.OperationalError):
        stage.proxy.connect("nobody", password=WRONG)
    token = stage.story.hide(usual_token(ANA, "app", stage.proxy.port))
    stage.log_in("app", token).close()
    bad = stage.story.hide(usual_token(ANA, "app", stage.proxy.port)[:-1] + "x")
    with pytest.raises(pymysql.err.OperationalError):
        stage.log_in("app", bad)


def speak_of_passwords(stage):
    """Statements that have passwords in them, good ones and bad ones."""
    with stage.log_in("admin", ACCOUNTS["admin"]) as connection:
        for text in (
            f"CREATE USER hushed@'%' IDENTIFIED BY '{FRESH}'",
            f"ALTER USER hushed@'%' IDENTIFIED BY '{FURTHER}'",
            f"SET PASSWORD FOR hushed@'%' = '{FRESH}'",
            f"SET PASSWORD FOR nobody@nowhere = '{FRESH}'",
            f"CREATE USER other_hushed@'%' IDENTIFIED BY {FRESH}",
            f"CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD = '{FRESH}' FOR CHANNEL 'none'",
            f"/*!50000 SET PASSWORD FOR nobody@nowhere = '{FRESH}' */",
            f"PREPARE hushed FROM 'ALTER USER hushed IDENTIFIED BY ''{FRESH}'''",
            f"SET @my_password = '{FRESH}'",
            f"SELECT HEX(AES_ENCRYPT('text', '{FRESH}'))",
            f"SELECT '{FRESH}",
        ):
            run(connection, text)
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s AS again", ("seen as well",))


def run(connection, text):
    """Run a statement, which may fail."""
    with contextlib.suppress(pymysql.MySQLError), connection.cursor() as cursor:
        cursor.execute(text)


def check_logins(stage):
    """Each login has a line with who, where from, how and why not."""
    wait_until(lambda: len(stage.lines("a client left")) >= 3)
    came = stage.lines("a client logged in")
    assert [line["user"] for line in came] == ["app", "app", "admin"]
    for line in came:
        assert line["address"] == "127.0.0.1"
        assert (line["proxy"], line["endpoint"]) == ("live", "main")
        assert line["tls"].startswith("TLSv1.")
    assert came[0]["program"] == "hush?[2J-client"
    assert came[0]["how"].startswith("caching_sha2_password")
    assert came[1]["how"].endswith("an IAM token")
    assert came[1]["principal"] == ANA.principal
    refused = stage.lines("a login was refused")
    assert [(line["user"], line["why"]) for line in refused[:2]] == [
        ("app", "wrong password"),
        ("nobody", "unknown user"),
    ]
    assert len(refused) == 3
    for line in stage.lines("a client left"):
        assert line["seconds"] >= 0
        assert line["user"] in ACCOUNTS


def check_statements(stage):
    """Statements of an application are there as they are, those of secrets are outlined."""
    statements = stage.statements()
    assert "SELECT 'seen' AS literal" in statements
    assert "SELECT 'seen as well' AS again" in statements
    for outline in (
        "CREATE USER hushed@? IDENTIFIED \u2026",
        "SET PASSWORD \u2026",
        "SELECT HEX(AES_ENCRYPT(?, ?))",
    ):
        assert outline in statements
    seen = next(
        line for line in stage.lines("a statement") if "'seen'" in str(line["statement"])
    )
    assert (seen["user"], seen["endpoint"], seen["failed"]) == ("app", "main", False)
    assert seen["database_connection"] > 0
    assert str(stage.proxy.port) not in seen["target"]
    (slow,) = stage.lines("a statement was slow")
    assert slow["statement"] == "SELECT SLEEP(?), ?"
    assert slow["seconds"] >= 0.5
    assert slow["level"] == "warning"
