"""AWS for a proxy under test: how it finds the stand-in, and secrets as AWS keeps them."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Iterator
from typing import Any

from proxy.embedded.aws import REGION, AwsServer

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}
"""Variables of a proxy that looks at no AWS configuration of this machine."""

CURRENT, PENDING = "AWSCURRENT", "AWSPENDING"


def settings(aws: AwsServer, *names: str, **more: Any) -> dict[str, Any]:
    """Settings of a proxy whose users are in these secrets; `more` goes to its section aws."""
    return {
        "auth": [entry(name) for name in names],
        "aws": {
            "region": REGION,
            "secretsmanager_endpoint_url": aws.endpoint_url,
            "sts_endpoint_url": aws.endpoint_url,
            **more,
        },
    }


def entry(name: str, **more: Any) -> dict[str, Any]:
    """An entry of `auth` for a secret."""
    return {"auth_scheme": "SECRETS", "secret_arn": name, **more}


class Secrets:
    """Secrets Manager as an application's owner uses it."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def write(self, name: str, user: str = "", password: str = "", text: str = "") -> None:
        """Make a secret; `text` stands for another content than a user and a password."""
        self._client.create_secret(Name=name, SecretString=text or _content(user, password))

    def change(self, name: str, user: str, password: str) -> None:
        """Give a secret a new current version; the one before becomes AWSPREVIOUS."""
        self._client.put_secret_value(SecretId=name, SecretString=_content(user, password))

    def put_pending(self, name: str, user: str, password: str) -> str:
        """Begin a rotation as AWS does (createSecret); the id of the version to come."""
        version = str(uuid.uuid4())
        self._client.put_secret_value(
            SecretId=name,
            SecretString=_content(user, password),
            VersionStages=[PENDING],
            ClientRequestToken=version,
        )
        return version

    def finish(self, name: str, version: str) -> None:
        """End a rotation as AWS does (finishSecret): the label AWSCURRENT moves."""
        stages = self._client.describe_secret(SecretId=name)["VersionIdsToStages"]
        (old,) = (one for one, labels in stages.items() if CURRENT in labels)
        self._client.update_secret_version_stage(
            SecretId=name,
            VersionStage=CURRENT,
            MoveToVersionId=version,
            RemoveFromVersionId=old,
        )


@contextlib.contextmanager
def secrets_of(aws: AwsServer) -> Iterator[Secrets]:
    """Secrets of a stand-in, for the length of a block."""
    with contextlib.closing(aws.client("secretsmanager")) as client:
        yield Secrets(client)


def _content(user: str, password: str) -> str:
    return json.dumps({"engine": "mysql", "username": user, "password": password})
