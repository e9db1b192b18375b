"""IAM tokens of every kind, good and bad, signed by AWS's own library."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import attrs
import boto3
import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from proxy.embedded.aws import REGION

ACCOUNT = "123456789012"
LIFETIME_SECONDS = 900


@attrs.frozen
class Key:
    """An access key, and whose it is."""

    number: str
    secret: str = attrs.field(repr=False)
    principal: str
    session_token: str | None = attrs.field(default=None, repr=False)

    def session(self) -> boto3.Session:
        """A session of boto3 that signs with it."""
        return boto3.Session(self.number, self.secret, self.session_token, region_name=REGION)

    def entry(self) -> dict[str, str]:
        """The key as a file of access keys has it."""
        entry = {
            "access_key_id": self.number,
            "secret_access_key": self.secret,
            "principal": self.principal,
        }
        return entry | ({"session_token": self.session_token} if self.session_token else {})


ANA = Key(
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI+K7MDENG+bPxRfiCYEXAMPLEKEY",
    f"arn:aws:iam::{ACCOUNT}:user/ana",
)
WEB = Key(
    "ASIAIOSFODNN7EXAMPLE",
    "je7MtGbClwBF+2Zp9Utk+h3yCo8nvbEXAMPLEKEY",
    f"arn:aws:sts::{ACCOUNT}:assumed-role/web/server-1",
    "FwoGZXIvYXdzEBYaDHqaVbGdSESSIONTOKEN",
)
STRANGER = Key("AKIAI44QH8DHBEXAMPLE", "another-secret-that-nobody-here-has", "")


def write_keys(folder: Path, *keys: Key) -> str:
    """Write a file of access keys; its path."""
    path = folder / "access-keys.yaml"
    path.write_text(json.dumps({"access_keys": [key.entry() for key in keys]}), "utf-8")
    path.chmod(0o600)
    return str(path)


def statement(effect: str, *users: str, proxy: str = "live") -> dict[str, object]:
    """A statement about logins as these users."""
    place = f"arn:aws:rds-db:{REGION}:{ACCOUNT}:dbuser:prx-{proxy}"
    resources = [f"{place}/{user}" for user in users]
    return {
        "Sid": f"{effect}s{users[0].title()}".replace("*", ""),
        "Effect": effect,
        "Action": "rds-db:connect",
        "Resource": resources,
    }


def write_policy(folder: Path, *statements: dict[str, object]) -> str:
    """Write a file with a policy of these statements; its path."""
    path = folder / "policy.json"
    path.write_text(json.dumps({"Version": "2012-10-17", "Statement": statements}), "utf-8")
    return str(path)


def usual_token(key: Key, user: str, port: int, host: str = "127.0.0.1") -> str:
    """A token as applications make it."""
    with contextlib.closing(key.session().client("rds")) as client:
        token: str = client.generate_db_auth_token(host, port, user)
    return token


def signed_token(
    key: Key,
    user: str,
    port: int,
    *,
    host: str = "127.0.0.1",
    region: str = REGION,
    service: str = "rds-db",
    seconds_ago: float = 0.0,
) -> str:
    """A token whose every part can be another one than it should be."""
    request = AWSRequest(
        method="GET",
        url=f"https://{host}:{port}/",
        params={"Action": "connect", "DBUser": user},
    )
    credentials = Credentials(key.number, key.secret, key.session_token)
    signer = botocore.auth.SigV4QueryAuth(
        credentials, service, region, expires=LIFETIME_SECONDS
    )
    with _clock_behind(seconds_ago):
        signer.add_auth(request)
    signed: str = request.url
    return signed.removeprefix("https://")


@contextlib.contextmanager
def _clock_behind(seconds: float) -> Iterator[None]:
    """Let AWS's library sign by a clock that is behind."""
    now = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=seconds)
    plain = now.replace(tzinfo=None)
    with mock.patch.object(botocore.auth, "get_current_datetime", return_value=plain):
        yield
