"""A proxy that goes through logins of every kind, broken files and the loss of AWS.

What it shows meanwhile is kept, and so is every secret that it had to do with: `Story`.
"""

from __future__ import annotations

import base64
import contextlib
import json
import signal
import threading
from pathlib import Path
from urllib.parse import quote

import attrs
import mysql.connector
import pymysql
import pytest
import yaml
from cryptography.hazmat.primitives import serialization

from proxy.embedded import Server
from proxy.embedded.aws import REGION, AwsServer
from proxy.embedded.certificates import Authority
from tests.support.cloud import ENVIRONMENT, Secrets, settings
from tests.support.loopback import wait_until
from tests.support.process import running_proxy
from tests.support.tokens import (
    ANA,
    WEB,
    signed_token,
    statement,
    usual_token,
    write_keys,
    write_policy,
)
from tests.support.walking import AT_ONCE, LATER, PLACE, WITH_TOKEN

WALKING = ("-m", "tests.support.walking")
SHOP = ("ALL PRIVILEGES ON shop.*",)
RUN_SECONDS = 60

STATIC, FILED, KEPT, FORMER = "hush-static", "hush-filed", "hush-kept", "hush-former"
WRONG, STALE, PROSE, QUOTED = "hush-wrong", "hush-stale", "hush-prose", "hush-quoted"
KEY, WRONG_KEY, AWS = "hush-key", "hush-no-key", "hush-aws"
RENEWED = "renewed certificates cannot be used, the old ones stay"
BROKEN = {
    RENEWED,
    "changed access keys or policies cannot be used, the old ones stay",
    "users cannot be read; those known are used on",
}
"""What the log says of the files that are broken here."""


@attrs.define
class Story:
    """What was seen of a proxy, and what must not be in it.

    Attributes:
        seen: All texts, by what they are.
        secrets: By the same.
    """

    seen: dict[str, str] = attrs.field(factory=dict)
    secrets: dict[str, str] = attrs.field(factory=dict)

    def hide(self, token):
        """Take the signature of a token for a secret; the token."""
        signature = token.rpartition("X-Amz-Signature=")[2].partition("#")[0]
        self.secrets[f"token {len(self.secrets)}"] = signature
        return token

    def walk(self, name, proxy, path):
        """Let a proxy write down all that it could show, to this path."""
        path.unlink(missing_ok=True)
        proxy.process.send_signal(signal.SIGUSR1)
        wait_until(path.exists)
        self.seen[name] = path.read_text()

    def found_in(self, text):
        """Name the secrets that are in a text, as they are or in another spelling."""
        return sorted(
            name
            for name, secret in self.secrets.items()
            if any(spelling in text for spelling in spellings(secret))
        )


def spellings(secret):
    """Ways in which a secret could come out."""
    data = secret.encode()
    return {secret, quote(secret, safe=""), data.hex(), base64.b64encode(data).decode()[:-3]}


def locked(key_pem):
    """The same private key with a password."""
    key = serialization.load_pem_private_key(key_pem, None)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(KEY.encode()),
    )


def body(pem):
    """What is between the lines of a PEM text, as far as it tells the key."""
    return pem.decode().splitlines()[2]


def replace(path, content):
    """Write a file beside the old one, then in its place."""
    fresh = path.with_name("fresh")
    fresh.touch(0o600)
    fresh.write_bytes(content if isinstance(content, bytes) else content.encode())
    fresh.rename(path)


class Stage:
    """A proxy with users of every kind, its files, and what they come from."""

    def __init__(self, folder: Path, server: Server, aws: AwsServer, stored: Secrets) -> None:
        self.folder, self.server, self.aws, self.stored = folder, server, aws, stored
        self.story = Story()
        self.walk_path = folder / "walk.txt"
        self.key_password = folder / "key-password"
        self.users = folder / "users.yaml"
        self.issued = Authority.make().issue()
        self.files = self.issued.write(folder)
        self.keys = Path(write_keys(folder, ANA, WEB))

    def run(self):
        """Let a proxy go through everything.

        Raises:
            AssertionError: It made mistakes, as it has to here.
        """
        self.prepare()
        with running_proxy(
            self.server,
            self.folder,
            settings=self.settings(),
            level="debug",
            program=WALKING,
            workers=1,  # which has all objects
            environment={
                **ENVIRONMENT,
                "AWS_SECRET_ACCESS_KEY": AWS,
                PLACE: str(self.walk_path),
            },
        ) as self.proxy:
            self.log_in_by_password()
            self.log_in_by_token()
            self.run_statements()
            self.stumble()
            self.walk_while_a_refusal_is_delayed()
            self.break_files()
            self.lose_aws()
            self.walk("objects at the end")

    def prepare(self):
        """Write everything that the proxy reads."""
        replace(self.files.key, locked(self.issued.key_pem))
        replace(self.key_password, KEY)
        replace(self.users, users_file())
        for name, password in {
            "quiet_static": STATIC,
            "quiet_filed": FILED,
            "quiet_kept": KEPT,
            "quiet_stale": "another-one",
        }.items():
            self.server.execute(f"DROP USER IF EXISTS '{name}'@'%'")
            self.server.create_user(name, password, grants=SHOP)
        self.stored.write("kept", "quiet_kept", FORMER)
        self.stored.change("kept", "quiet_kept", KEPT)
        self.stored.write("prose", text=f"the password is {PROSE}")
        self.story.secrets |= {
            "private key": body(self.issued.key_pem),
            "private key with a password": body(self.files.key.read_bytes()),
            "secret access key of ana": ANA.secret,
            "secret access key of web": WEB.secret,
            "session token of web": WEB.session_token,
            **{f"password {name}": name for name in (STATIC, FILED, KEPT, FORMER, WRONG)},
            **{f"password {name}": name for name in (STALE, PROSE, QUOTED, KEY, WRONG_KEY)},
            "secret access key of the proxy": AWS,
        }

    def settings(self):
        """What the proxy is told."""
        policy = write_policy(self.folder, statement("Allow", "*"))
        shown = {
            "certificate": str(self.files.certificate),
            "private_key": str(self.files.key),
            "private_key_password_file": str(self.key_password),
        }
        told = settings(self.aws, "kept", "prose", "missing")
        told["auth"] += [
            {"username": "quiet_static", "password": STATIC, "iam_auth": "ENABLED"},
            {"username": "quiet_stale", "password": STALE},
            {"username": WITH_TOKEN, "password": STATIC, "iam_auth": "REQUIRED"},
            {"auth_scheme": "FILE", "users_file": str(self.users)},
        ]
        told["tls"] = {"certificates": [shown]}
        told["iam"] = {"region": REGION, "policy_files": [policy]}
        told["iam"]["access_keys_file"] = str(self.keys)
        told["failed_login_threshold"] = 3
        return told

    # Logins

    def log_in(self, user, password, *, tls=True):
        """Log in and ask something; whether that worked."""
        way = {"ssl": {"ca": str(self.files.ca)}} if tls else {"ssl_disabled": True}
        limits = {"connect_timeout": RUN_SECONDS, "read_timeout": RUN_SECONDS}
        try:
            with (
                self.proxy.connect(user, password=password, **way, **limits) as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute("SELECT CURRENT_USER()")
        except pymysql.MySQLError:
            return False
        return True

    def log_in_by_password(self):
        """Users of every source, with right passwords and wrong ones, over TLS and without."""
        users = (("quiet_static", STATIC), ("quiet_filed", FILED), ("quiet_kept", KEPT))
        for user, password in users:
            for tls in (True, False):
                assert self.log_in(user, password, tls=tls)
                assert not self.log_in(user, WRONG, tls=tls)
        assert self.log_in("quiet_kept", FORMER)
        assert not self.log_in("nobody", WRONG)
        assert not self.log_in("quiet_stale", STALE)  # the database has another one
        with contextlib.closing(self.connector()) as connection:
            connection.cmd_change_user("quiet_filed", FILED)
            with pytest.raises(mysql.connector.Error):
                connection.cmd_change_user("quiet_static", WRONG)

    def connector(self):
        """A client that can change its user."""
        return mysql.connector.connect(
            host="127.0.0.1",
            port=self.proxy.port,
            user="quiet_static",
            password=STATIC,
            use_pure=True,
            ssl_ca=str(self.files.ca),
        )

    def log_in_by_token(self):
        """Good tokens and bad ones."""
        port = self.proxy.port
        for key in (ANA, WEB):
            token = self.story.hide(usual_token(key, "quiet_static", port))
            assert self.log_in("quiet_static", token)
        for bad in (
            signed_token(ANA, "quiet_static", port, seconds_ago=1000),
            signed_token(ANA, "somebody", port),
            signed_token(WEB, "quiet_static", port, region="us-east-1"),
            usual_token(ANA, "quiet_static", port, "localhost")[:-1] + "x",
        ):
            assert not self.log_in("quiet_static", self.story.hide(bad))

    def stumble(self):
        """Mistakes of the proxy, whose tracebacks are logged."""
        token = self.story.hide(usual_token(WEB, WITH_TOKEN, self.proxy.port))
        for user, password in ((AT_ONCE, WRONG), (LATER, WRONG), (WITH_TOKEN, token)):
            assert not self.log_in(user, password)
        wait_until(lambda: self.proxy.log_path.read_text().count("ZeroDivisionError") >= 3)

    def run_statements(self):
        """Statements with a password in them, which pin the client or are refused."""
        with contextlib.closing(self.connector()) as connection:
            for text in (
                f"SET PASSWORD FOR nobody@nowhere = '{QUOTED}'",
                f"CREATE USER nobody@nowhere IDENTIFIED BY '{QUOTED}'",
                f"SELECT '{QUOTED}' $$",
                f"SELECT GET_LOCK('open', 0) FROM nothing, '{QUOTED}",
            ):
                with contextlib.suppress(mysql.connector.Error):
                    connection.cmd_query(text)

    # Troubles

    def break_files(self):
        """Files that cannot be used, with secrets in them."""
        replace(self.users, f"users:\n  - {{username: quiet_filed, pasword: {FILED}}}\n")
        replace(self.keys, json.dumps({"access_keys": ANA.secret}))
        replace(self.key_password, WRONG_KEY)
        wait_until(lambda: {line["message"] for line in self.proxy.log()} >= BROKEN)

    def lose_aws(self):
        """A secret is read again, and nobody answers."""
        self.aws.stop()
        assert not self.log_in("quiet_kept", WRONG)
        assert self.log_in("quiet_kept", KEPT)

    # What is seen

    def walk(self, name):
        """Look at all that the proxy could show."""
        self.story.walk(name, self.proxy, self.walk_path)

    def walk_while_a_refusal_is_delayed(self):
        """The same in the middle of a login: who guesses on hears a refusal a second later."""
        refusals = self.count_refusals()
        guesses = threading.Thread(
            target=lambda: [self.log_in("quiet_filed", WRONG) for _ in range(2)]
        )
        guesses.start()
        wait_until(lambda: self.count_refusals() == refusals + 2)
        self.walk("objects during a login")
        guesses.join()

    def count_refusals(self):
        """How many logins were refused."""
        return sum(line["message"] == "a login was refused" for line in self.proxy.log())


def users_file():
    """A file of users that is good."""
    users = [{"username": "quiet_filed", "password": FILED, "previous_password": FORMER}]
    return yaml.safe_dump({"users": users})
