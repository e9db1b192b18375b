"""Tests of `proxy.credentials.iam.arn`."""

import pytest

from proxy.credentials.iam.arn import (
    abbreviated,
    account_of,
    is_principal,
    login_resource,
    role_behind,
)

PRINCIPALS = [
    "arn:aws:iam::123456789012:user/alice",
    "arn:aws:iam::123456789012:user/team/db/alice",
    "arn:aws-cn:iam::123456789012:role/shop",
    "arn:aws:iam::123456789012:root",
    "arn:aws-us-gov:sts::123456789012:assumed-role/shop/web-1",
    "arn:aws:sts::123456789012:federated-user/bob",
]


@pytest.mark.parametrize("arn", PRINCIPALS)
def test_principals_are_users_roles_sessions_and_accounts(arn):
    """Each of the forms is known, and says its account."""
    assert is_principal(arn)
    assert account_of(arn) == "123456789012"


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "alice",
        "arn:aws:iam::12345:user/alice",
        "arn:aws:iam::123456789012:group/admins",
        "arn:aws:iam::123456789012:user/*",
        "arn:aws:iam::123456789012:user/a:role/shop",
        "arn:aws:iam::123456789012:user/a b",
        "arn:aws:iam::123456789012:user/alice\n",
        "arn:aws:s3:::bucket",
        "arn:aws:sts::123456789012:assumed-role/shop",
        "arn:aws:sts::123456789012:assumed-role/team/shop/web-1",
        "arn:aws:iam::١٢٣٤٥٦٧٨٩٠١٢:user/alice",
    ],
)
def test_everything_else_is_no_principal(arn):
    """Patterns, names of other things and broken ARNs have no account."""
    assert not is_principal(arn)
    assert role_behind(arn) is None
    with pytest.raises(ValueError, match="not the ARN"):
        account_of(arn)


def test_a_session_has_a_role_behind_it():
    """Only a session of a role has one, and it is named in the same partition and account."""
    session = "arn:aws-cn:sts::123456789012:assumed-role/shop/web-1"
    assert role_behind(session) == "arn:aws-cn:iam::123456789012:role/shop"
    assert role_behind("arn:aws:iam::123456789012:role/shop") is None


def test_a_login_has_a_name_for_policies():
    """Partition, region, account, resource and user stand where AWS puts them."""
    assert (
        login_resource("aws", "eu-central-1", "123456789012", "prx-shop", "app")
        == "arn:aws:rds-db:eu-central-1:123456789012:dbuser:prx-shop/app"
    )


def test_an_access_key_is_shown_by_its_ends():
    """A long id shows four characters at each end, a short one a quarter of itself."""
    assert abbreviated("AKIAIOSFODNN7EXAMPLE") == "AKIA...MPLE"
    assert abbreviated("AKIAIOSF") == "AK..."
    assert abbreviated("") == "..."
