"""Tests of `proxy.credentials.aws`."""

import os
import socket
from urllib.parse import parse_qs

import pytest
from botocore.config import Config

from proxy.credentials import aws
from proxy.credentials.aws import (
    SECRETS_MANAGER,
    STS,
    AwsClients,
    AwsSettings,
    make_session,
)
from proxy.credentials.aws_errors import (
    AwsUnavailableError,
    Trouble,
    explain,
)
from proxy.embedded.aws import REGION, start_aws

ROLE = "arn:aws:iam::123456789012:role/proxy"
OPERATOR = "arn:aws:iam::123456789012:user/op"


@pytest.fixture(scope="module")
def server():
    """A stand-in for AWS."""
    with start_aws() as started:
        yield started


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch):
    """Let botocore see an environment with made up credentials, and no files."""
    for name in [*os.environ]:
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTING")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")


def trouble(call):
    """Say how a call fails."""
    with pytest.raises(AwsUnavailableError) as caught:
        call()
    assert str(caught.value) == caught.value.why
    assert "hunter2" not in caught.value.why
    return caught.value


def test_a_client_has_limits(monkeypatch):
    """Times and attempts are bounded, whatever the environment says."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "99")
    client = AwsClients(AwsSettings(region=REGION)).client(SECRETS_MANAGER)
    config = client.meta.config
    assert config.connect_timeout == aws.CONNECT_TIMEOUT_SECONDS
    assert config.read_timeout == aws.READ_TIMEOUT_SECONDS
    assert config.retries["total_max_attempts"] == aws.ATTEMPTS
    client.close()


def test_a_service_has_its_own_address():
    """Secrets Manager and STS can be elsewhere; other services are where AWS has them."""
    settings = AwsSettings(
        region=REGION,
        secretsmanager_endpoint_url="http://127.0.0.1:1",
        sts_endpoint_url="http://127.0.0.1:2",
    )
    clients = AwsClients(settings)
    urls = [clients.client(name).meta.endpoint_url for name in (SECRETS_MANAGER, STS, "kms")]
    assert urls[:2] == ["http://127.0.0.1:1", "http://127.0.0.1:2"]
    assert urls[2].startswith("https://kms.eu-central-1.")
    clients.forget()


def test_a_region_may_differ_from_that_of_the_settings():
    """A client for another region has the address of that one."""
    client = AwsClients(AwsSettings(region=REGION)).client(SECRETS_MANAGER, "us-east-1")
    assert client.meta.region_name == "us-east-1"
    client.close()


def test_a_profile_has_credentials_and_a_region(monkeypatch, tmp_path):
    """The standard chain is followed from the profile that is named."""
    files = tmp_path / "config"
    files.write_text(
        "[profile proxy]\nregion = eu-west-3\n"
        "aws_access_key_id = AKIAOTHER\naws_secret_access_key = hunter2\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(files))
    settings = AwsSettings(profile="proxy")
    assert make_session(settings).get_credentials().access_key == "AKIAOTHER"
    client = AwsClients(settings).client(SECRETS_MANAGER)
    assert client.meta.region_name == "eu-west-3"
    client.close()


def test_what_is_missing_is_told_in_a_sentence(monkeypatch):
    """No region, no such profile, half of the credentials and none of them."""
    no_region = trouble(lambda: AwsClients(AwsSettings()).client(SECRETS_MANAGER))
    assert no_region.why == "no AWS region is given: set aws.region"
    assert no_region.kind is Trouble.SETTINGS
    no_profile = trouble(lambda: make_session(AwsSettings(region=REGION, profile="nobody")))
    assert no_profile.why == "the AWS configuration has no such profile"
    no_url = AwsSettings(region=REGION, secretsmanager_endpoint_url="hunter2")
    assert trouble(lambda: AwsClients(no_url).client(SECRETS_MANAGER)).kind is Trouble.SETTINGS
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    partial = trouble(lambda: make_session(AwsSettings(region=REGION)))
    assert partial.why == "the AWS credentials lack a part"
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    none = trouble(lambda: make_session(AwsSettings(region=REGION)))
    assert (none.why, none.kind) == ("there are no AWS credentials", Trouble.NO_CREDENTIALS)


@pytest.mark.loopback
def test_a_role_is_assumed_when_credentials_are_needed(server):
    """Who asks then is the role in a session of the proxy's name."""
    settings = AwsSettings(region=REGION, role_arn=ROLE, sts_endpoint_url=server.endpoint_url)
    client = AwsClients(settings).client(STS)
    arn = client.get_caller_identity()["Arn"]
    assert arn == "arn:aws:sts::123456789012:assumed-role/proxy/mysqlproxy"
    client.close()


@pytest.mark.loopback
def test_a_role_that_expires_is_assumed_again(server):
    """Credentials are new once those of before are about to expire."""
    settings = AwsSettings(region=REGION, role_arn=ROLE, sts_endpoint_url=server.endpoint_url)
    credentials = make_session(settings).get_credentials()
    first = credentials.get_frozen_credentials()
    assert credentials.get_frozen_credentials() == first
    moment = credentials._expiry_time
    credentials._time_fetcher = lambda: moment
    credentials._refresh_using.__self__._cache.clear()
    assert credentials.get_frozen_credentials() != first


@pytest.mark.loopback
def test_an_external_id_is_sent_with_the_role(server, monkeypatch):
    """The trust policy of the role can ask for it; without one nothing is sent."""
    sent = []
    make = aws.Session.create_client

    def spy(session, *args, **options):
        client = make(session, *args, **options)
        client.meta.events.register(
            "before-send.sts", lambda request, **_: sent.append(parse_qs(request.body))
        )
        return client

    monkeypatch.setattr(aws.Session, "create_client", spy)
    url = server.endpoint_url
    for more in ({"external_id": "tenant-7"}, {}):
        settings = AwsSettings(region=REGION, role_arn=ROLE, sts_endpoint_url=url, **more)
        make_session(settings).get_credentials().get_frozen_credentials()
    assert sent[0]["RoleArn"] == [ROLE]
    assert sent[0]["ExternalId"] == ["tenant-7"]
    assert "ExternalId" not in sent[1]


@pytest.mark.loopback
def test_an_address_where_nobody_listens_is_unreachable(monkeypatch):
    """The error is a sentence, and comes after few attempts."""
    monkeypatch.setattr(aws, "_CONFIG", Config(retries={"total_max_attempts": 1}))
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        client = AwsClients(AwsSettings(region=REGION, sts_endpoint_url=url)).client(STS)
        with pytest.raises(aws.AWS_ERRORS) as caught:
            client.get_caller_identity()
    client.close()
    found = explain(caught.value)
    assert (found.why, found.kind) == ("AWS cannot be reached", Trouble.UNREACHABLE)


def test_clients_are_made_once():
    """Each service and region has one client, until all are forgotten."""
    clients = AwsClients(AwsSettings(region=REGION))
    first = clients.client(STS)
    assert clients.client(STS) is first
    assert clients.client(STS, "us-east-1") is not first
    clients.forget()
    assert clients.client(STS) is not first
    clients.forget()


def test_clients_try_again_after_a_failure(monkeypatch):
    """Credentials that come later are found."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    clients = AwsClients(AwsSettings(region=REGION))
    assert trouble(lambda: clients.client(STS)).kind is Trouble.NO_CREDENTIALS
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTING")
    clients.client(STS)
    clients.forget()


def test_no_credentials_are_shown():
    """Neither settings nor clients print more than where AWS is."""
    assert "hunter2" not in repr(AwsClients(AwsSettings(region=REGION)))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (None, None),
        ("https://aws.example", None),
        ("http://127.0.0.1:4566", None),
        ("http://[::1]:4566", None),
        ("http://localhost", None),
        ("http://aws.example:4566", "aws.example"),
        ("http://10.0.0.7", "10.0.0.7"),
    ],
)
def test_an_endpoint_without_tls_is_open_to_the_network(url, host):
    """Each host once, and none that is this machine."""
    expected = () if host is None else (host,)
    assert AwsSettings(sts_endpoint_url=url).open_endpoints() == expected
    both = AwsSettings(sts_endpoint_url=url, secretsmanager_endpoint_url=url)
    assert both.open_endpoints() == expected
