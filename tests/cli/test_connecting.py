"""Tests of `proxy.cli.connecting`: a process each, as it runs a reactor to its end."""

import json
import os
import re
import subprocess
import sys

import pytest
import yaml

from proxy.embedded.aws import REGION, start_aws
from proxy.embedded.certificates import Authority
from tests.support.cloud import ENVIRONMENT

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


@pytest.fixture(scope="module")
def check(tmp_path_factory):
    """Run `check-config` over a configuration of these proxies."""

    def run(*proxies, words=("--connect",)):
        path = tmp_path_factory.mktemp("check") / "mysqlproxy.yaml"
        path.write_text(yaml.safe_dump({"proxies": proxies}))
        environment = {name: v for name, v in os.environ.items() if not name.startswith("AWS_")}
        return subprocess.run(
            [sys.executable, "-m", "proxy", "check-config", *words, str(path)],
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
            env=environment | ENVIRONMENT,
        )

    return run


@pytest.fixture(scope="module")
def proxy(aws):
    """Make the settings of a proxy with these entries of `auth`."""

    def make(name, server, *auth, **tls):
        return {
            "name": name,
            "auth": list(auth),
            "aws": {"region": REGION, "secretsmanager_endpoint_url": aws.endpoint_url},
            "target_group": {
                "targets": [{"address": f"{server.host}:{server.port}"}],
                "tls": tls,
            },
            "endpoints": [{"name": "main", "listen": "tcp:0"}],
        }

    return make


@pytest.fixture(scope="module")
def in_trouble(mysql_server, mariadb_server, check, proxy, tmp_path_factory):
    """What is said of two proxies with good and bad secrets, and of one that trusts nobody."""
    files = Authority.make().issue().write(tmp_path_factory.mktemp("certificates"))
    auth = [secret(name) for name in ("app", "nobody", "other", "missing")]
    return check(
        proxy("mysql", mysql_server, *auth),
        proxy("mariadb", mariadb_server, *auth),
        proxy("wary", mysql_server, secret("app"), mode="verify_ca", ca=str(files.ca)),
    )


def secret(name):
    return {"auth_scheme": "SECRETS", "secret_arn": name}


def told_of(ended, name):
    """The lines about a proxy."""
    return [line for line in ended.stdout.splitlines() if line.startswith(f"proxy {name}: ")]


def test_what_works_is_told(mysql_server, mariadb_server, check, proxy):
    """Each user has logged in, by which server and with which TLS; the status is 0."""
    admin = {"username": "admin", "password": "admin-secret-1"}
    servers = {"mysql": mysql_server, "mariadb": mariadb_server}
    ended = check(*(proxy(name, one, secret("app"), admin) for name, one in servers.items()))
    assert ended.returncode == 0, ended.stderr
    for name, server in servers.items():
        _, *lines = told_of(ended, name)
        place = f"at {server.host}:{server.port}"
        version = server.version.split("-")[0]
        for user, line in zip(("admin", "app"), sorted(lines), strict=True):
            assert line.startswith(f"proxy {name}: user {user} {place}: logged in, ")
            assert version in line
    assert ended.stdout.endswith("is fine.\n")


@pytest.mark.parametrize("name", ["mysql", "mariadb"])
def test_what_does_not_is_told_too(in_trouble, name):
    """Secrets that cannot be used, and users whom the target refuses; the status is 1."""
    assert in_trouble.returncode == 1
    told = "\n".join(told_of(in_trouble, name))
    assert "secret other: its \"engine\" is 'postgres'" in told
    assert 'secret missing: there is no secret "missing"' in told
    assert re.search("user app at .*: logged in, ", told)
    assert re.search(r"user nobody at .*: 1045 \(28000\): Access denied", told)
    assert "does not work as it is" in in_trouble.stderr
    assert "hidden" not in in_trouble.stdout + in_trouble.stderr


def test_a_certificate_that_is_not_trusted_is_told(in_trouble):
    """TLS is tried as the configuration demands it."""
    told = told_of(in_trouble, "wary")
    assert "TLS with the target failed: the certificate is signed by" in told[-1]


def test_a_user_may_be_named(mysql_server, check, proxy):
    """With `--user` nobody else is tried."""
    ended = check(
        proxy("mysql", mysql_server, secret("app"), secret("nobody")),
        words=("--connect", "--user", "app"),
    )
    assert ended.returncode == 0, ended.stdout
    assert "user nobody" not in ended.stdout


def test_every_target_is_tried_and_looked_at(check, mysql_server):
    """As each user, and as the monitors will: which takes writes, and what they may not see."""
    port = mysql_server.port
    mysql_server.create_user("looker", "looker-secret", grants=("USAGE ON *.*",))
    proxy = {
        "name": "pair",
        "auth": [{"username": "looker", "password": "looker-secret"}],
        "target_group": {
            "topology": "REPLICATION",
            "targets": [{"address": f"127.0.0.1:{port}"}, {"address": "127.0.0.1:1"}],
            "tls": {"mode": "disabled"},
        },
        "endpoints": [{"name": "main", "listen": "tcp:0"}],
    }
    ran = check(proxy)
    assert ran.returncode == 1
    said = ran.stdout
    assert f"proxy pair: user looker at 127.0.0.1:{port}: logged in" in said
    assert "proxy pair: user looker at 127.0.0.1:1: cannot connect" in said
    (seen,) = re.findall(rf"proxy pair: monitor at 127\.0\.0\.1:{port}: (.*)", said)
    assert seen.startswith("takes writes; cannot see ")
    assert "proxy pair: monitor at 127.0.0.1:1: cannot connect" in said
