"""Logins with IAM tokens, good ones and bad ones, with real clients and real databases.

Tokens are made by AWS's own library.  The database that takes tokens itself is a scripted one
(`tests.support.token_server`), and so is STS (`tests.support.sts`).
"""

from __future__ import annotations

import os
import re
import subprocess

import attrs
import pymysql
import pytest

from proxy.credentials.iam.sts import make_sts_token
from proxy.embedded.aws import REGION
from proxy.embedded.certificates import Authority, CertificateFiles
from tests.support import drivers
from tests.support.bad_tokens import BAD
from tests.support.cloud import ENVIRONMENT
from tests.support.process import RunningProxy, running_proxy
from tests.support.sts import scripted_sts
from tests.support.token_server import TokenServer
from tests.support.tokens import (
    ACCOUNT,
    ANA,
    STRANGER,
    WEB,
    Key,
    signed_token,
    statement,
    usual_token,
    write_keys,
    write_policy,
)

pytestmark = pytest.mark.live

REFUSED = "a login was refused"
CLIENT_SECONDS = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where keys, policies and certificates are."""
    return tmp_path_factory.mktemp("iam")


@pytest.fixture(scope="module")
def files(folder) -> CertificateFiles:
    """The certificate that the proxy shows."""
    return Authority.make().issue().write(folder)


@pytest.fixture(scope="module")
def common(folder, files):
    """Settings of a proxy that takes tokens."""
    policy = write_policy(
        folder,
        statement("Allow", "app", "both", "denied", "any*"),
        statement("Deny", "denied"),
    )
    shown = {"certificate": str(files.certificate), "private_key": str(files.key)}
    return {
        "failed_login_threshold": 0,  # many logins fail here, and none is to be delayed
        "tls": {"certificates": [shown]},
        "iam": {
            "region": REGION,
            "access_keys_file": write_keys(folder, ANA, WEB),
            "policy_files": [policy],
            "hosts": ["127.0.0.1", "localhost", "*.example.net"],
        },
    }


def entry(name, iam_auth="REQUIRED", **more):
    return {"username": name, "password": f"{name}-secret-1", "iam_auth": iam_auth, **more}


@attrs.frozen
class Guarded:
    """A proxy that takes tokens, and the authority behind its certificate."""

    proxy: RunningProxy
    files: CertificateFiles

    @property
    def port(self):
        return self.proxy.port

    def log_in(self, user, password, *, tls=True, **options):
        """Log in; who the database says that it is."""
        way = {"ssl": {"ca": str(self.files.ca)}} if tls else {"ssl_disabled": True}
        with (
            self.proxy.connect(user, password=password, **way, **options) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT CURRENT_USER()")
            ((who,),) = cursor.fetchall()
        return who.partition("@")[0]

    def refusal(self, user, password, address="127.0.0.1", **options):
        """Be refused with an error that tells nothing; why, as the only new line of the log."""
        before = self._refusals()
        with pytest.raises(pymysql.OperationalError) as caught:
            self.log_in(user, password, bind_address=address, **options)
        text = f"Access denied for user '{user}'@'{address}' (using password: YES)"
        assert caught.value.args == (1045, text)
        (line,) = self._refusals()[len(before) :]
        assert (line["level"], line["user"]) == ("warning", user)
        assert line["address"] == address
        signature = password.rpartition("X-Amz-Signature=")[2]
        assert signature not in self.proxy.log_path.read_text()
        return line["why"]

    def _refusals(self):
        return [line for line in self.proxy.log() if line["message"] == REFUSED]


@pytest.fixture(scope="module")
def guarded(any_server, folder, files, common):
    """A proxy in front of a database whose users have passwords."""
    server = any_server
    for name in ("both", "denied", "unlisted"):
        server.execute(f"DROP USER IF EXISTS '{name}'@'%'")
        server.create_user(name, f"{name}-secret-1")
    shown = "MYSQL_CACHING_SHA2_PASSWORD"
    auth = [
        *map(entry, ("app", "denied", "unlisted")),
        entry("both", "ENABLED", client_password_auth_type=shown),
    ]
    place = folder / server.flavor.value
    with running_proxy(server, place, settings={**common, "auth": auth}) as proxy:
        yield Guarded(proxy, files)


@pytest.mark.parametrize("key", [ANA, WEB], ids=["lasting", "temporary"])
def test_a_token_of_boto3_logs_in(guarded, key):
    """Applications need nothing but AWS's own library, with a key of a user or of a role."""
    assert guarded.log_in("app", usual_token(key, "app", guarded.port)) == "app"


def test_a_token_serves_again_from_the_same_address(guarded):
    """A pool of connections logs in with one token for as long as it is good."""
    token = usual_token(ANA, "app", guarded.port, "localhost")
    assert [guarded.log_in("app", token) for _ in range(3)] == ["app"] * 3


COMMANDS = {
    "mysql": (drivers.mysql, ("--ssl-mode=VERIFY_CA",)),
    "mysql with --enable-cleartext-plugin": (
        drivers.mysql,
        ("--ssl-mode=VERIFY_CA", "--enable-cleartext-plugin"),
    ),
    "mysql that begins in clear": (
        drivers.mysql,
        (
            "--ssl-mode=VERIFY_CA",
            "--enable-cleartext-plugin",
            "--default-auth=mysql_clear_password",
        ),
    ),
    "mariadb": (drivers.mariadb, ("--ssl",)),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_token_logs_in_by_the_command_line(guarded, name):
    """MySQL's client needs no option to send a token; MariaDB's sends it as well."""
    words, options = COMMANDS[name]
    token = usual_token(ANA, "app", guarded.port)
    place = ("-h127.0.0.1", f"-P{guarded.port}", "-uapp", f"--ssl-ca={guarded.files.ca}")
    ran = subprocess.run(
        [*words(), "--no-defaults", *place, *options, "-Ne", "SELECT CURRENT_USER()"],
        env={**os.environ, "MYSQL_PWD": token, "MARIADB_PLUGIN_DIR": drivers.plugins()},
        capture_output=True,
        timeout=CLIENT_SECONDS,
        check=False,
        text=True,
    )
    assert ran.stdout == "app@%\n", ran.stderr


@pytest.mark.parametrize("name", BAD)
def test_a_bad_token_is_refused(guarded, name):
    """The client hears error 1045, and one line of the log says why without the token."""
    user, make, why = BAD[name]
    assert re.fullmatch(why, guarded.refusal(user, make(guarded.port)))


def test_a_token_is_refused_from_another_address(guarded):
    """Who has seen a token cannot use it from elsewhere, and its owner still can."""
    token = usual_token(ANA, "app", guarded.port)
    assert guarded.log_in("app", token) == "app"
    why = guarded.refusal("app", token, "127.0.0.2")
    assert why == "the token has been used already, from another address"
    assert guarded.log_in("app", token) == "app"


def test_nobody_is_asked_for_a_token_without_tls(guarded):
    """A connection that others may read is refused before the token is sent."""
    # One that is not made anywhere else in the same second.
    token = usual_token(ANA, "app", guarded.port, "plain.example.net")
    why = guarded.refusal("app", token, tls=False)
    assert why == "an IAM token is needed, and TLS for it"
    assert guarded.log_in("app", token, bind_address="127.0.0.2") == "app"


def test_who_may_bring_either_brings_a_token_or_the_password(guarded):
    """ENABLED takes both over TLS, the password without it too, and bad ones of neither."""
    token = usual_token(ANA, "both", guarded.port)
    assert guarded.log_in("both", token) == "both"
    assert guarded.log_in("both", "both-secret-1") == "both"
    assert guarded.log_in("both", "both-secret-1", tls=False) == "both"
    assert guarded.refusal("both", "both-secret-2") == "wrong password"
    expired = signed_token(ANA, "both", guarded.port, seconds_ago=1000)
    assert "expired" in guarded.refusal("both", expired)


def test_a_token_serves_once_where_it_may_not_be_used_again(mysql_server, serve, files, common):
    """With token_reuse NONE the second login with it is refused, from the same address too."""
    iam = {**common["iam"], "token_reuse": "NONE"}
    settings = {**common, "iam": iam, "auth": [entry("app")]}
    guarded = Guarded(serve(mysql_server, settings=settings), files)
    token = usual_token(ANA, "app", guarded.port)
    assert guarded.log_in("app", token) == "app"
    assert guarded.refusal("app", token) == "the token has been used already"
    assert guarded.log_in("app", usual_token(WEB, "app", guarded.port)) == "app"


def as_variables(key: Key):
    """The environment of a process that has this key."""
    return {
        **ENVIRONMENT,
        "AWS_ACCESS_KEY_ID": key.number,
        "AWS_SECRET_ACCESS_KEY": key.secret,
        "AWS_SESSION_TOKEN": key.session_token or "",
    }


def test_the_proxy_logs_in_with_a_token_of_its_own(serve, files, common):
    """End to end, nobody has a password: the client's token is not what the database gets."""
    with TokenServer(files, {"anybody"}, WEB) as server:
        group = {
            "targets": [{"address": f"{server.host}:{server.port}"}],
            "tls": {"mode": "verify_identity", "ca": str(files.ca)},
        }
        settings = {
            **common,
            "auth": [],
            "default_auth_scheme": "IAM_AUTH",
            "target_group": group,
        }
        server.routines[b"SELECT CURRENT_USER()"] = lambda side: side.rows(
            [(side.login.user.encode() + b"@%",)]
        )
        guarded = Guarded(
            serve(server, settings=settings, environment=as_variables(WEB)), files
        )
        token = usual_token(ANA, "anybody", guarded.port)
        assert guarded.log_in("anybody", token) == "anybody"
        ((user, shown), *_) = server.logins
        assert user == "anybody"
        assert shown.startswith(f"{server.host}:{server.port}/?Action=connect&DBUser=anybody&")
        assert f"X-Amz-Credential={WEB.number}%2F" in shown
        # A user whom the database does not take hears what it says.
        with pytest.raises(pymysql.OperationalError, match="Access denied for user 'anyone'"):
            guarded.log_in("anyone", usual_token(ANA, "anyone", guarded.port))
        assert set(server.refusals) == {"the user is not known"}
        log = guarded.proxy.log_path.read_text()
        assert "X-Amz-Signature" not in log
        assert WEB.secret not in log


def test_sts_says_who_signed(mysql_server, serve, files, common):
    """Without any key here, STS is asked, and its answer is what the policies are about."""
    ben = Key("AKIAI44QH8DHBEXAMPL2", "bens-key", "arn:aws:iam::210987654321:user/ben")
    with scripted_sts(ANA, ben) as sts:
        iam = {**common["iam"], "verification": "STS", "account": ACCOUNT}
        settings = {
            **common,
            "iam": iam,
            "aws": {"sts_endpoint_url": sts.url},
            "auth": [entry("app"), entry("denied")],
        }
        guarded = Guarded(
            serve(mysql_server, settings=settings, environment=ENVIRONMENT), files
        )

        def token(key, user):
            return make_sts_token(
                key.session(), "127.0.0.1", guarded.port, user, REGION, sts.url
            )

        good = token(ANA, "app")
        assert guarded.log_in("app", good) == "app"
        assert sts.asked == 1
        refused = "STS refuses the token: status 403, "
        assert guarded.refusal("app", token(ANA, "denied")) == refused + "SignatureDoesNotMatch"
        assert guarded.refusal("app", token(STRANGER, "app")) == refused + (
            "InvalidClientTokenId"
        )
        assert "denied by statement" in guarded.refusal("denied", token(ANA, "denied"))
        assert "the account 210987654321, and not of ours" in guarded.refusal(
            "app", token(ben, "app")
        )
        asked = sts.asked
        assert guarded.refusal("app", usual_token(ANA, "app", guarded.port))
        assert sts.asked == asked
    assert guarded.refusal("app", token(ANA, "app")).startswith("STS cannot be asked: ")
