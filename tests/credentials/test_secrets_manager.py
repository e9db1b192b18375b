"""Tests of `proxy.credentials.secrets_manager`."""

import json
import os
import time

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, NoCredentialsError, ReadTimeoutError
from botocore.stub import Stubber
from structlog.testing import capture_logs
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock

from proxy.credentials import aws
from proxy.credentials.aws import AwsSettings
from proxy.credentials.aws_errors import Trouble
from proxy.credentials.cached import REFETCH_PAUSE_SECONDS
from proxy.credentials.secret_value import SecretUnusableError, SecretValue
from proxy.credentials.secrets_manager import (
    CURRENT,
    PENDING,
    PREVIOUS,
    RENEWAL_PAUSE_SECONDS,
    SecretsManager,
    SecretUnavailableError,
    SecretVersion,
)
from proxy.credentials.secrets_source import Freshness, SecretEntry, SecretsSource
from proxy.credentials.source import Credential
from proxy.embedded.aws import REGION, start_aws
from proxy.observe.counters import Counters

ARN = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:shop/app-AbCdEf"
ROLE = "arn:aws:sts::123456789012:assumed-role/proxy/mysqlproxy"
INTERVAL = 300


@pytest.fixture(scope="module")
def server():
    """A stand-in for AWS."""
    with start_aws() as started:
        yield started


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch):
    """Let botocore see an environment with made up credentials, and no files; one attempt."""
    for name in [*os.environ]:
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTING")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setattr(aws, "_CONFIG", Config(retries={"total_max_attempts": 1}))


@pytest.fixture
def manager(server):
    """The secrets of the stand-in, as the proxy reads them."""
    made = SecretsManager(
        AwsSettings(region=REGION, secretsmanager_endpoint_url=server.endpoint_url)
    )
    yield made
    made.close()


@pytest.fixture
def secrets(server):
    """A client of an operator's; the secrets of a test are gone at its end."""
    client = server.client("secretsmanager")
    yield client
    if server.is_running():
        for secret in client.list_secrets(IncludePlannedDeletion=True)["SecretList"]:
            client.delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)
    client.close()


def text(password, user="app"):
    """Write a secret as RDS does."""
    return json.dumps({"engine": "mysql", "username": user, "password": password})


def unavailable(manager, secret_id="shop/app", stage=CURRENT):
    """Say why a secret cannot be read."""
    with pytest.raises(SecretUnavailableError) as caught:
        manager.fetch(secret_id, stage)
    return caught.value


@pytest.mark.loopback
def test_a_secret_has_an_id_a_time_and_a_value(manager, secrets):
    """It is found by its name and by its ARN, in a text or in bytes."""
    made = secrets.create_secret(Name="shop/app", SecretString=text("one"))
    version = manager.fetch("shop/app")
    assert version.version_id == made["VersionId"]
    assert version.value == SecretValue("app", "one", "mysql")
    age = time.time() - version.created
    assert -5 < age < 600
    assert manager.fetch(made["ARN"]) == version
    secrets.create_secret(Name="shop/bytes", SecretBinary=text("two").encode())
    assert manager.fetch("shop/bytes").value.password == "two"
    assert "'one'" not in repr(version)


@pytest.mark.loopback
def test_versions_are_read_by_their_stage(manager, secrets):
    """A rotation moves the labels, and a label that no version has is None."""
    first = secrets.create_secret(Name="shop/app", SecretString=text("one"))["VersionId"]
    assert manager.fetch("shop/app", PENDING) is None
    assert manager.fetch("shop/app", PREVIOUS) is None
    second = secrets.put_secret_value(
        SecretId="shop/app", SecretString=text("two"), VersionStages=[PENDING]
    )["VersionId"]
    assert manager.fetch("shop/app", CURRENT).value.password == "one"
    assert manager.fetch("shop/app", PENDING).value.password == "two"
    secrets.update_secret_version_stage(
        SecretId="shop/app",
        VersionStage=CURRENT,
        MoveToVersionId=second,
        RemoveFromVersionId=first,
    )
    assert manager.fetch("shop/app", CURRENT).version_id == second
    assert manager.fetch("shop/app", PREVIOUS).version_id == first


@pytest.mark.loopback
def test_an_arn_names_its_region(manager, server):
    """A secret elsewhere is asked for there, whatever the region of the settings is."""
    client = server.client("secretsmanager", "us-east-1")
    arn = client.create_secret(Name="far/app", SecretString=text("far"))["ARN"]
    assert manager.fetch(arn).value.password == "far"
    assert unavailable(manager, "far/app").kind is Trouble.NOT_FOUND
    client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    client.close()


@pytest.mark.loopback
def test_a_secret_that_is_not_there_is_told(manager):
    """The sentence asks for the most frequent reason."""
    error = unavailable(manager)
    assert error.why == 'there is no secret "shop/app"; is the region right?'
    assert error.kind is Trouble.NOT_FOUND
    assert manager.fetch("shop/app", PENDING) is None


@pytest.mark.loopback
def test_a_secret_that_is_deleted_is_told(manager, secrets):
    """A secret in its recovery window cannot be read."""
    secrets.create_secret(Name="shop/app", SecretString=text("one"))
    secrets.delete_secret(SecretId="shop/app")
    error = unavailable(manager)
    assert error.why == 'the secret "shop/app" is marked for deletion'
    assert error.kind is Trouble.REFUSED


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"SecretString": "hunter2"}, "it is not JSON"),
        ({"SecretString": '{"password": "hunter2"}'}, 'it lacks "username"'),
        ({"SecretBinary": b"\xffhunter2"}, "it is not UTF-8 text"),
    ],
)
def test_a_secret_of_another_kind_is_not_usable(manager, secrets, value, why):
    """The error says so without the content, and has no error behind it that would show it."""
    secrets.create_secret(Name="shop/app", **value)
    with pytest.raises(SecretUnusableError) as caught:
        manager.fetch("shop/app")
    assert caught.value.why == why
    assert caught.value.__context__ is None


@pytest.mark.loopback
def test_aws_may_go_away_and_come_back(manager, server):
    """It is unreachable in between, and the same manager reads on."""
    server.stop()
    error = unavailable(manager)
    assert (error.why, error.kind) == ("AWS cannot be reached", Trouble.UNREACHABLE)
    server.start()
    client = server.client("secretsmanager")
    client.create_secret(Name="shop/app", SecretString=text("one"))
    assert manager.fetch("shop/app").value.password == "one"
    client.delete_secret(SecretId="shop/app", ForceDeleteWithoutRecovery=True)
    client.close()


@pytest.mark.loopback
def test_a_rotation_from_its_first_to_its_last_step(manager, secrets):
    """Clients may use the old, the pending and the new password, each in its time."""
    first = secrets.create_secret(Name="shop/app", SecretString=text("one"))["VersionId"]
    clock, changes = Clock(), []
    begun = manager.fetch("shop/app").created
    source = SecretsSource(
        [SecretEntry("shop/app", Credential)],
        lambda *which: maybeDeferred(manager.fetch, *which),
        Freshness(
            refresh_interval_seconds=INTERVAL,
            stale_limit_seconds=86400,
            password_overlap_seconds=3600,
        ),
        clock=clock,
        now=lambda: begun + clock.seconds(),
        random=lambda: 0.5,
        counters=Counters(),
        on_change=changes.append,
    )
    with capture_logs() as logs:
        source.start()
        assert source.known("app").passwords == ("one",)
        # createSecret and setSecret of the rotation: the database takes the new one only.
        second = secrets.put_secret_value(
            SecretId="shop/app", SecretString=text("two"), VersionStages=[PENDING]
        )["VersionId"]
        clock.advance(REFETCH_PAUSE_SECONDS)
        assert source.refresh("app").result.passwords == ("one", "two")
        # finishSecret
        secrets.update_secret_version_stage(
            SecretId="shop/app",
            VersionStage=CURRENT,
            MoveToVersionId=second,
            RemoveFromVersionId=first,
        )
        clock.advance(INTERVAL)
        assert source.known("app").passwords == ("two", "one")
        clock.pump([INTERVAL] * 13)
        assert source.known("app").passwords == ("two",)
    assert changes == [("app",)] * 3
    assert logs == []
    source.stop()


@pytest.fixture
def answering(monkeypatch):
    """Make a manager whose client answers as the test says."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    made = []

    def begin(error, monotonic=lambda: 0.0):
        manager = SecretsManager(AwsSettings(), monotonic)
        made.append(manager)
        client = manager._clients.client("secretsmanager")
        if isinstance(error, Exception):

            def refuse(**_request):
                raise error

            client.get_secret_value = refuse
        else:
            stub = Stubber(client)
            stub.add_client_error("get_secret_value", *error)
            stub.activate()
        return manager

    yield begin
    for manager in made:
        manager.close()


DENIED = (
    f"User: {ROLE} is not authorized to perform: secretsmanager:GetSecretValue on resource: "
    f"{ARN} because no identity-based policy allows the secretsmanager:GetSecretValue action"
)
UNDECRYPTED = 'the secret "shop/app" cannot be decrypted: its KMS key refuses'
NOT_AUTHORIZED = (
    "Credentials couldn't be retrieved. {} is not authorized to read the AWS Secrets Manager "
    'secret with the ARN "shop/app"'
)


@pytest.mark.parametrize(
    ("code", "message", "kind", "why"),
    [
        (
            "AccessDeniedException",
            DENIED,
            Trouble.DENIED,
            NOT_AUTHORIZED.format(f'The IAM role "{ROLE}"'),
        ),
        (
            "AccessDeniedException",
            DENIED.replace(ROLE, "arn:aws:iam::123456789012:user/op"),
            Trouble.DENIED,
            NOT_AUTHORIZED.format('The IAM user "arn:aws:iam::123456789012:user/op"'),
        ),
        (
            "AccessDeniedException",
            "hunter2",
            Trouble.DENIED,
            NOT_AUTHORIZED.format("The IAM role of the proxy"),
        ),
        (
            "AccessDeniedException",
            "Access to KMS is not allowed",
            Trouble.KEY,
            f"{UNDECRYPTED} (AccessDeniedException)",
        ),
        (
            "DecryptionFailure",
            "hunter2",
            Trouble.KEY,
            f"{UNDECRYPTED} (DecryptionFailure)",
        ),
        (
            "InvalidRequestException",
            "You can't perform this operation because it was marked for deletion.",
            Trouble.REFUSED,
            'the secret "shop/app" is marked for deletion',
        ),
        (
            "InvalidParameterException",
            "hunter2",
            Trouble.REFUSED,
            'AWS does not take "shop/app" as a secret (InvalidParameterException)',
        ),
        ("ThrottlingException", "Rate exceeded", Trouble.THROTTLED, "AWS throttles the proxy"),
        (
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            Trouble.BAD_TOKEN,
            "AWS does not take the credentials of the proxy (UnrecognizedClientException)",
        ),
        (
            "InternalServiceError",
            "hunter2",
            Trouble.OTHER,
            "AWS answered GetSecretValue with InternalServiceError",
        ),
    ],
)
def test_what_aws_refuses_is_told_in_our_words(answering, code, message, kind, why):
    """Each refusal has a sentence and a kind; what AWS said is not repeated."""
    error = unavailable(answering((code, message)))
    assert (error.kind, error.why) == (kind, why)
    assert error.__context__ is None


def test_a_secret_without_a_value_has_no_current_version(answering):
    """AWS tells a secret that nobody has written yet from one that does not exist."""
    words = (
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"
    )
    assert answering(("ResourceNotFoundException", words)).fetch("shop/app") is None


def test_errors_that_are_no_answers_are_told_too(answering):
    """A timeout and missing credentials are as for any service."""
    error = unavailable(answering(ReadTimeoutError(endpoint_url="https://x")))
    assert (error.kind, error.why) == (Trouble.UNREACHABLE, "AWS did not answer in time")
    error = unavailable(answering(NoCredentialsError()))
    assert error.kind is Trouble.NO_CREDENTIALS


def test_credentials_that_are_not_taken_are_read_anew(answering):
    """Whoever renews them restarts no proxy; but they are not read with each failure."""
    times = iter([0.0, RENEWAL_PAUSE_SECONDS - 1, RENEWAL_PAUSE_SECONDS])
    expired = ClientError({"Error": {"Code": "ExpiredTokenException"}}, "GetSecretValue")
    manager = answering(expired, lambda: next(times))

    def fail_again():
        client = manager._clients.client("secretsmanager")

        def refuse(**_request):
            raise expired

        client.get_secret_value = refuse
        assert unavailable(manager).kind is Trouble.BAD_TOKEN
        return manager._clients.client("secretsmanager") is client

    assert [fail_again() for _ in range(3)] == [False, True, False]


def test_a_role_that_may_not_be_assumed_is_told(answering):
    """What STS refuses is not told as if Secrets Manager had."""
    denied = ClientError(
        {"Error": {"Code": "AccessDenied", "Message": "User: x is not authorized"}},
        "AssumeRole",
    )
    error = unavailable(answering(denied))
    assert error.why == '"the proxy" is not authorized to call AssumeRole'


def test_a_missing_region_is_told():
    """Without a region nothing can be asked, unless the secret's ARN has one."""
    manager = SecretsManager(AwsSettings())
    assert unavailable(manager).why == "no AWS region is given: set aws.region"
    assert manager._clients.client("secretsmanager", REGION)
    manager.close()


def test_no_password_is_shown():
    """A version prints its id and its user."""
    version = SecretVersion("v1", 0.0, SecretValue("app", "hunter2"))
    assert "hunter2" not in repr(version)
    assert "'app'" in repr(version)
