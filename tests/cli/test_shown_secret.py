"""Tests of `proxy.cli.shown_secret`."""

import json
import os

import pytest

from proxy.cli.shown_secret import ShownSecret
from proxy.config.auth import AuthScheme
from proxy.embedded.aws import start_aws

pytestmark = pytest.mark.loopback


class Server:
    """Notes what it is told."""

    def __init__(self):
        self.statements = []

    def execute(self, statement):
        self.statements.append(statement)


def test_a_rotation_moves_the_stages_as_aws_does(monkeypatch):
    """The new password is pending, then the database's, then current; the old is previous."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    server = Server()
    with start_aws() as aws:
        secret = ShownSecret(aws, server, "app", "first")
        client = aws.client("secretsmanager")

        def stage(name):
            found = client.get_secret_value(SecretId=secret.arn, VersionStage=name)
            return json.loads(found["SecretString"])["password"]

        assert secret.entry().auth_scheme is AuthScheme.SECRETS
        assert secret.reach().secretsmanager_endpoint_url == aws.endpoint_url
        secret.rotate()
        second = stage("AWSCURRENT")
        assert stage("AWSPREVIOUS") == "first"
        assert server.statements == [f"ALTER USER 'app'@'%' IDENTIFIED BY '{second}'"]
        secret.rotate()
        assert stage("AWSPREVIOUS") == second
        client.close()
