"""A proxy that has to do with tokens alone: those of clients, and its own for the database.

It is watched like the one of `tests.support.quiet`.
"""

from __future__ import annotations

from pathlib import Path

import pymysql

from proxy.credentials.iam.sts import make_sts_token
from proxy.embedded.aws import REGION
from proxy.embedded.certificates import Authority, Purpose
from tests.support.cloud import ENVIRONMENT
from tests.support.loopback import wait_until
from tests.support.process import running_proxy
from tests.support.quiet import KEY, RENEWED, WALKING, WRONG_KEY, Story, body, locked, replace
from tests.support.sts import scripted_sts
from tests.support.tls import server_context
from tests.support.token_server import TokenServer
from tests.support.tokens import ACCOUNT, ANA, STRANGER, WEB, statement, write_policy
from tests.support.walking import PLACE


class TokenStage:
    """A proxy that knows no password: STS checks tokens, and the database takes tokens.

    It shows the database a certificate of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.story = Story()
        self.walk_path = folder / "walk.txt"
        authority = Authority.make()
        self.files = authority.issue().write(folder)
        self.issued = authority.issue((), purpose=Purpose.CLIENT)
        self.own = self.issued.write(folder / "own")
        self.key_password = folder / "key-password"

    def run(self):
        """Let clients log in, and fail to.

        Raises:
            AssertionError: the proxy logged the error that it has to log here.
        """
        replace(self.own.key, locked(self.issued.key_pem))
        replace(self.key_password, KEY)
        self.story.secrets |= {
            "secret access key of the proxy": WEB.secret,
            "session token of the proxy": WEB.session_token,
            "secret access key of ana": ANA.secret,
            "private key": body(self.issued.key_pem),
            "private key with a password": body(self.own.key.read_bytes()),
            "password of the private key": KEY,
        }
        with scripted_sts(ANA) as sts, TokenServer(self.files, {"quiet"}, WEB) as server:
            server.tls = server_context(self.files, client_ca=self.own.ca)
            with running_proxy(
                server,
                self.folder,
                settings=self.settings(server, sts),
                level="debug",
                program=WALKING,
                workers=1,  # which has all objects
                environment={**ENVIRONMENT, **variables(WEB), PLACE: str(self.walk_path)},
            ) as self.proxy:
                self.log_in(server, sts)
                sts.shutdown()
                sts.server_close()
                assert not self.comes_in("quiet", self.token(ANA, "quiet", sts))
                replace(self.key_password, WRONG_KEY)
                wait_until(lambda: RENEWED in {line["message"] for line in self.proxy.log()})

    def settings(self, server, sts):
        """What the proxy is told."""
        shown = {"certificate": str(self.files.certificate), "private_key": str(self.files.key)}
        return {
            "auth": [],
            "default_auth_scheme": "IAM_AUTH",
            "aws": {"region": REGION, "sts_endpoint_url": sts.url},
            "iam": {
                "region": REGION,
                "verification": "STS",
                "account": ACCOUNT,
                "hosts": ["127.0.0.1"],
                "policy_files": [write_policy(self.folder, statement("Allow", "quiet*"))],
            },
            "tls": {"certificates": [shown]},
            "target_group": {
                "targets": [{"address": f"{server.host}:{server.port}"}],
                "tls": {
                    "mode": "verify_identity",
                    "ca": str(self.files.ca),
                    "certificate": str(self.own.certificate),
                    "private_key": str(self.own.key),
                    "private_key_password_file": str(self.key_password),
                },
            },
        }

    def log_in(self, server, sts):
        """Good tokens and bad ones, and a user whom the database refuses."""
        with self.connect("quiet", self.token(ANA, "quiet", sts)) as connection:
            connection.begin()  # so that it has a lease that a token has opened
            self.story.walk("objects in a transaction", self.proxy, self.walk_path)
        for _, shown in server.logins:
            self.story.hide(shown)
        assert server.logins
        for key, user in ((STRANGER, "quiet"), (ANA, "somebody"), (ANA, "quiet_stranger")):
            assert not self.comes_in(user, self.token(key, user, sts))
        assert not self.comes_in("quiet", self.token(ANA, "quiet", sts)[:-1])
        assert server.refusals

    def token(self, key, user, sts):
        """A token that STS is asked about."""
        place = ("127.0.0.1", self.proxy.port)
        return self.story.hide(make_sts_token(key.session(), *place, user, REGION, sts.url))

    def connect(self, user, token):
        """Log in."""
        return self.proxy.connect(user, password=token, ssl={"ca": str(self.files.ca)})

    def comes_in(self, user, token):
        """Whether a login succeeds."""
        try:
            self.connect(user, token).close()
        except pymysql.MySQLError:
            return False
        return True


def variables(key):
    """How a process is told of its credentials for AWS."""
    return {
        "AWS_ACCESS_KEY_ID": key.number,
        "AWS_SECRET_ACCESS_KEY": key.secret,
        "AWS_SESSION_TOKEN": key.session_token,
    }
