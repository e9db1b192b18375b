"""Tests of `proxy.cli.connecting`: a process each, as it runs a reactor to its end."""

import json
import os
import subprocess
import sys

import pytest
import yaml

from proxy.embedded.aws import REGION, start_aws
from proxy.embedded.certificates import Authority

pytestmark = pytest.mark.live

LIMIT_SECONDS = 60


@pytest.fixture(scope="module")
def aws():
    """A stand-in for AWS with the secret of `app`, and one of nobody."""
    with start_aws() as server:
        manager = server.client("secretsmanager")
        for name, secret in {
            "app": {"username": "app", "password": "app-secret-1"},
            "nobody": {"username": "nobody", "password": "hidden"},
            "other": {"username": "other", "password": "hidden", "engine": "postgres"},
        }.items():
            manager.create_secret(Name=name, SecretString=json.dumps(secret))
        yield server


@pytest.fixture
def check(tmp_path, aws):
    """Run `check-config` over a configuration with these entries of `auth`."""

    def run(server, *auth, words=("--connect",), **tls):
        document = {
            "proxies": [
                {
                    "name": "shop",
                    "auth": [*auth],
                    "aws": {
                        "region": REGION,
                        "secretsmanager_endpoint_url": aws.endpoint_url,
                    },
                    "target_group": {
                        "targets": [{"address": f"{server.host}:{server.port}"}],
                        "tls": tls,
                    },
                    "endpoints": [{"name": "main", "listen": "tcp:0"}],
                }
            ]
        }
        path = tmp_path / "mysqlproxy.yaml"
        path.write_text(yaml.safe_dump(document))
        environment = {name: v for name, v in os.environ.items() if not name.startswith("AWS_")}
        environment |= {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        return subprocess.run(
            [sys.executable, "-m", "proxy", "check-config", *words, str(path)],
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
            env=environment,
        )

    return run


def secret(name):
    return {"auth_scheme": "SECRETS", "secret_arn": name}


def test_what_works_is_told(any_server, check):
    """Each user has logged in, by which server and with which TLS; the status is 0."""
    ended = check(
        any_server, secret("app"), {"username": "admin", "password": "admin-secret-1"}
    )
    assert ended.returncode == 0, ended.stderr
    place = f"at {any_server.host}:{any_server.port}"
    for user in ("app", "admin"):
        assert f"proxy shop: user {user} {place}: logged in, " in ended.stdout
    assert any_server.version.split("-")[0] in ended.stdout
    assert ended.stdout.endswith("is fine.\n")


def test_what_does_not_is_told_too(any_server, check):
    """Secrets that cannot be used, and users whom the target refuses; the status is 1."""
    ended = check(any_server, *map(secret, ("app", "nobody", "other", "missing")))
    assert ended.returncode == 1
    assert "secret other: its \"engine\" is 'postgres'" in ended.stdout
    assert 'secret missing: there is no secret "missing"' in ended.stdout
    assert "user app at" in ended.stdout
    (line,) = [line for line in ended.stdout.splitlines() if "user nobody at" in line]
    assert "1045 (28000): Access denied" in line
    assert "does not work as it is" in ended.stderr
    assert "hidden" not in ended.stdout + ended.stderr


def test_a_user_may_be_named(mysql_server, check):
    """With `--user` nobody else is tried."""
    ended = check(
        mysql_server, secret("app"), secret("nobody"), words=("--connect", "--user", "app")
    )
    assert ended.returncode == 0, ended.stdout
    assert "nobody" not in ended.stdout.replace("secret nobody;", "")


def test_a_certificate_that_is_not_trusted_is_told(mysql_server, check, tmp_path):
    """TLS is tried as the configuration demands it."""
    files = Authority.make().issue().write(tmp_path / "certificates")
    ended = check(mysql_server, secret("app"), mode="verify_ca", ca=str(files.ca))
    assert ended.returncode == 1
    assert "TLS with the target failed: the certificate is signed by" in ended.stdout
