"""Tests of `proxy.cli.token`."""

import os
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner

from proxy.cli.main import main
from proxy.config.secret import Secret
from proxy.credentials.iam.hosts import read_hosts
from proxy.credentials.iam.keys import AccessKey
from proxy.credentials.iam.signature import Terms, check_token, find_signer, read_token

KEY = AccessKey("AKIATOKENS", Secret("very-secret"), "arn:aws:iam::123456789012:user/ana")
QUICKSTART = Path(__file__).parents[2] / "docs" / "quickstart.rst"
WORDS = ("token", "--user", "app", "--host", "db.example")


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    """AWS credentials that are made up, and none of this machine."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY.secret_access_key.reveal())
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def run(*words):
    return CliRunner().invoke(main, [*WORDS, *words])


def test_a_token_is_printed_that_the_proxy_takes():
    """One line, signed with the credentials of the environment."""
    result = run("--port", "3307", "--region", "eu-central-1")
    assert result.exit_code == 0
    (line,) = result.output.splitlines()
    token = read_token(line)
    terms = Terms("eu-central-1", read_hosts(["db.example:3307"]), 300.0)
    assert check_token(token, "app", terms, time.time()) is None
    assert find_signer(token, {KEY.access_key_id: KEY}) is KEY


def test_the_region_of_the_environment_serves(monkeypatch):
    """`--region` need not be given where AWS's tools need none."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert "%2Feu-west-1%2Frds-db%2F" in run().output


def test_without_any_region_there_is_advice():
    """The command says which option to give."""
    result = run()
    assert result.exit_code == 1
    assert "use --region" in result.output


def test_without_credentials_there_is_a_sentence(monkeypatch):
    """No traceback, and what is missing."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    result = run("--region", "eu-central-1")
    assert result.exit_code == 1
    assert "there are no AWS credentials" in result.output


def test_a_token_for_sts_is_a_question_who_signed_it():
    """It goes to STS, and names the proxy behind a `#`."""
    result = run("--sts", "--region", "eu-central-1")
    split = urlsplit("https://" + result.output.strip())
    assert split.hostname == "sts.eu-central-1.amazonaws.com"
    assert split.fragment == "db.example:3306"
    assert parse_qs(split.query)["X-Amz-SignedHeaders"] == ["host;x-mysqlproxy-login"]


def test_another_sts_than_aws_own_may_be_asked():
    """A token for it begins with its host."""
    url = "https://sts.example:8443"
    result = run("--sts", "--region", "eu-central-1", "--sts-endpoint-url", url)
    assert result.output.startswith("sts.example:8443/?Action=GetCallerIdentity")


@pytest.mark.parametrize("url", ["nonsense", "https://sts.example:99999", "https://["])
def test_what_is_no_address_of_an_sts_is_refused(url):
    """One sentence, and the exit status of a wrong command line."""
    result = run("--sts", "--region", "eu-central-1", "--sts-endpoint-url", url)
    assert result.exit_code == 2
    assert "it is not https://host or https://host:port" in result.output


def test_an_address_of_an_sts_is_for_its_tokens_only():
    """Without `--sts` it would be ignored, and is refused."""
    result = run("--region", "eu-central-1", "--sts-endpoint-url", "https://sts.example")
    assert result.exit_code == 2
    assert "needs --sts beside it" in result.output


def test_the_help_shows_the_line_of_the_manual():
    """The password is a token, and the client looks whom it talks to."""
    lines = CliRunner().invoke(main, ["token", "--help"]).output.partition("instance:")[2]
    manual = [line.strip() for line in QUICKSTART.read_text().splitlines()]
    shown = [line.strip() for line in lines.strip().splitlines()]
    assert len(shown) == 2
    assert all(line in manual for line in shown)
