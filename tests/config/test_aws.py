import pytest

from proxy.config.aws import AwsConfig, IamConfig, IamVerification, TokenReuse
from proxy.config.rules import UnfitError


def test_aws_is_reached_in_its_usual_way_unless_said_otherwise():
    """Region, profile and addresses are left to the environment, as with any program of AWS."""
    aws = AwsConfig()
    assert (aws.region, aws.profile, aws.external_id) == (None, None, None)
    assert (aws.secretsmanager_endpoint_url, aws.sts_endpoint_url) == (None, None)


def test_secrets_are_read_again_and_outlive_an_outage():
    """Every five minutes; without AWS a password holds a day, and a previous one an hour."""
    aws = AwsConfig()
    assert aws.secret_refresh_interval == 300
    assert aws.secret_stale_limit == 24 * 3600
    assert aws.password_overlap == 3600


def test_no_token_is_good_unless_somebody_says_so():
    """There are no keys and no policies, and a token stays where it was used first."""
    iam = IamConfig()
    assert iam.verification is IamVerification.ACCESS_KEYS
    assert iam.access_keys_file is None
    assert iam.policy_files == ()
    assert iam.hosts == ()
    assert iam.token_reuse is TokenReuse.SAME_ADDRESS


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        (AwsConfig, "region", "Frankfurt"),
        (AwsConfig, "region", "eu-central-1\n"),
        (AwsConfig, "profile", ""),
        (AwsConfig, "external_id", ""),
        (AwsConfig, "secretsmanager_endpoint_url", "localhost:4566"),
        (AwsConfig, "secretsmanager_endpoint_url", "https://user:word@host"),
        (AwsConfig, "sts_endpoint_url", "https://host/path"),
        (AwsConfig, "secret_refresh_interval", 0),
        (AwsConfig, "secret_stale_limit", -1),
        (AwsConfig, "password_overlap", -1),
        (IamConfig, "verification", "NONE"),
        (IamConfig, "access_keys_file", ""),
        (IamConfig, "policy_files", ("",)),
        (IamConfig, "policy_files", "one.json"),
        (IamConfig, "region", ""),
        (IamConfig, "account", "12345678901"),
        (IamConfig, "account", 123456789012),
        (IamConfig, "resource_id", ""),
        (IamConfig, "hosts", ("",)),
        (IamConfig, "clock_skew", 901),
        (IamConfig, "token_reuse", "ALWAYS"),
    ],
)
def test_each_setting_has_a_rule(section, name, value):
    """What cannot be meant is refused by name."""
    with pytest.raises(UnfitError, match=f"^{name} must be"):
        section(**{name: value})


@pytest.mark.parametrize("url", ["http://127.0.0.1:4566", "https://vpce-1.example/", None])
def test_other_addresses_of_aws_are_urls(url):
    """With or without a port and the last slash."""
    assert AwsConfig(sts_endpoint_url=url).sts_endpoint_url == url


def test_regions_and_accounts_are_written_as_aws_does():
    """Lower case with hyphens, and twelve digits as a text, which may begin with a zero."""
    assert AwsConfig(region="us-gov-west-1").region == "us-gov-west-1"
    assert IamConfig(account="012345678901").account == "012345678901"
