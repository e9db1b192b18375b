"""The secret of the show: a password in a stand-in for AWS, changed as AWS changes them."""

from __future__ import annotations

import json
import os
import secrets

from proxy.config.auth import AuthEntry, AuthScheme
from proxy.config.aws import AwsConfig
from proxy.embedded import Server
from proxy.embedded.aws import REGION, AwsServer

CURRENT, PENDING = "AWSCURRENT", "AWSPENDING"

_MADE_UP = {
    "AWS_ACCESS_KEY_ID": "show",
    "AWS_SECRET_ACCESS_KEY": "show",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
"""The stand-in takes any credentials; none of this machine shall go there."""


class ShownSecret:
    """A user's secret, and its rotation.

    Attributes:
        arn: Where the proxy finds it.
    """

    def __init__(self, aws: AwsServer, server: Server, user: str, password: str) -> None:
        self._aws = aws
        self._server = server
        self._user = user
        self._client = aws.client("secretsmanager")
        self._version = ""
        made = self._client.create_secret(
            Name=f"show/{user}", SecretString=self._text(password)
        )
        self.arn: str = made["ARN"]
        self._version = made["VersionId"]

    def _text(self, password: str) -> str:
        return json.dumps({"username": self._user, "password": password, "engine": "mysql"})

    def entry(self) -> AuthEntry:
        """How the proxy is told of it."""
        return AuthEntry(auth_scheme=AuthScheme.SECRETS, secret_arn=self.arn)

    def reach(self) -> AwsConfig:
        """How the proxy reaches it; from now on with credentials that are made up."""
        os.environ.update(_MADE_UP)
        return AwsConfig(
            region=REGION,
            secretsmanager_endpoint_url=self._aws.endpoint_url,
            secret_refresh_interval=1.0,  # the show does not last five minutes
        )

    def rotate(self) -> None:
        """Change the password in the order of AWS's own rotation; blocks for some moments.

        https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_how.html
        """
        password, version = secrets.token_hex(8), secrets.token_hex(16)
        self._client.put_secret_value(
            SecretId=self.arn,
            SecretString=self._text(password),
            ClientRequestToken=version,
            VersionStages=[PENDING],
        )
        self._server.execute(f"ALTER USER '{self._user}'@'%' IDENTIFIED BY '{password}'")
        self._client.update_secret_version_stage(
            SecretId=self.arn,
            VersionStage=CURRENT,
            MoveToVersionId=version,
            RemoveFromVersionId=self._version,
        )
        self._version = version
