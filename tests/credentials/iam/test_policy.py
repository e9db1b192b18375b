"""Tests of `proxy.credentials.iam.policy`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.credentials.iam.document import read_policy
from proxy.credentials.iam.policy import Glob, Policies, ResourcePattern, unmentioned

ALICE = "arn:aws:iam::123456789012:user/alice"
SESSION = "arn:aws:sts::123456789012:assumed-role/shop/web-1"
BELOW = "arn:aws:rds-db:eu-central-1:123456789012:dbuser:prx-shop/"
APP = BELOW + "app"


def policies(*statements):
    """Read statements that allow everybody to be app, but for what they say else."""
    usual = {"Effect": "Allow", "Action": "rds-db:connect", "Resource": APP}
    return read_policy({"Statement": [usual | s for s in statements]}, "test")


def test_what_no_statement_allows_is_denied():
    """The reason names action and resource."""
    for none in (Policies(), policies({"Resource": BELOW + "other"})):
        assert not none.decide(ALICE, APP).allowed
        reason = none.decide(ALICE, APP).reason
        assert reason == f"no statement allows rds-db:connect on {APP}"


def test_what_a_statement_allows_is_allowed():
    """The reason names the statement, by its Sid or its position."""
    assert policies({}).decide(ALICE, APP).allowed
    assert policies({}).decide(ALICE, APP).reason == "allowed by Statement[0] of test"
    named = policies({"Sid": "AppLogin"}).decide(ALICE, APP)
    assert named.reason == "allowed by statement 'AppLogin' of test"


def test_an_explicit_deny_wins():
    """Wherever it stands, and the reason names it."""
    deny = {"Effect": "Deny", "Sid": "NoApp"}
    for both in (policies({}, deny), policies(deny, {})):
        decision = both.decide(ALICE, APP)
        assert not decision.allowed
        assert decision.reason == "denied by statement 'NoApp' of test"
    assert policies({}, deny | {"Resource": BELOW + "x"}).decide(ALICE, APP).allowed


@pytest.mark.parametrize(
    ("action", "fits"),
    [
        ("rds-db:connect", True),
        ("RDS-DB:Connect", True),
        ("rds-db:*", True),
        ("rds-db:con?ect", True),
        ("*", True),
        (["s3:GetObject", "rds-db:connect"], True),
        ("rds:connect", False),
        ("rds-db:connec", False),
        ("rds-db:connects", False),
        ("s3:*", False),
    ],
)
def test_an_action_may_have_wildcards(action, fits):
    """Its case does not matter."""
    assert policies({"Action": action}).decide(ALICE, APP).allowed is fits


@pytest.mark.parametrize(
    ("resource", "user", "fits"),
    [
        (APP, "app", True),
        (APP, "App", False),
        (BELOW + "app_*", "app_1", True),
        (BELOW + "app_*", "app_1/x:y", True),
        (BELOW + "app_*", "other", False),
        (BELOW + "app?", "app1", True),
        (BELOW + "app?", "app12", False),
        (BELOW + "*", "", True),
        ("arn:aws:rds-db:*:*:dbuser:*/app", "app", True),
        ("arn:aws:rds-db:*:*:dbuser:*/app", "other/app", False),
        ("arn:aws:rds-db:*:dbuser:prx-shop/app", "app", True),
        ("arn:aws:rds-db:eu-central-1:123456789012:dbuser:*", "a/b", True),
        ("arn:aws:rds-db:eu-central-1:123456789012:*", "app", True),
        ("arn:aws:rds-db:eu-central-1:123456789012:dbuser:prx-sho?", "app", False),
        ("arn:aws:rds-db:eu-central-1:123456789012:dbuser:prx-db/*", "app", False),
        ("arn:aws:rds-db:us-east-1:*:dbuser:*", "app", False),
        ("arn:aws:s3:::bucket/*", "app", False),
        ("*", "app", True),
        ([BELOW + "x", APP], "app", True),
    ],
)
def test_a_resource_may_have_wildcards(resource, user, fits):
    """In an Allow, those before the slash do not reach into the user."""
    assert policies({"Resource": resource}).decide(ALICE, BELOW + user).allowed is fits


@pytest.mark.parametrize(
    "resource", ["arn:aws:rds-db:*:*:dbuser:*/app", "arn:aws:rds-db:*:*:dbuser:*app"]
)
def test_the_wildcards_of_a_deny_reach_as_far_as_they_can(resource):
    """In doubt nobody is let in."""
    deny = policies({"Resource": "*"}, {"Effect": "Deny", "Resource": resource})
    assert not deny.decide(ALICE, APP).allowed
    assert not deny.decide(ALICE, BELOW + "x/app").allowed
    assert deny.decide(ALICE, BELOW + "x").allowed


@given(st.text(max_size=20))
def test_a_user_name_is_no_pattern(user):
    """Whatever a client calls itself, it is what the statement says or it is not."""
    assert policies({}).decide(ALICE, BELOW + user).allowed is (user == "app")
    some = policies({"Resource": BELOW + "a*z"})
    assert some.decide(ALICE, BELOW + user).allowed is (
        len(user) > 1 and user[0] + user[-1] == "az"
    )


@given(st.text("ab*?[]!^-\\.\n", max_size=12))
def test_only_star_and_question_mark_are_special(text):
    """A glob stands for itself, and without them for nothing else."""
    assert Glob(text).fits(text)
    plain = text.replace("*", "").replace("?", "")
    assert not Glob(plain).fits(plain + "x")
    assert not Glob(plain).fits("x" + plain)
    assert Glob(plain + "*").fits(plain + "x\ny")


@pytest.mark.parametrize(
    ("principal", "who", "fits"),
    [
        ("*", ALICE, True),
        ({"AWS": "*"}, ALICE, True),
        ({"AWS": ALICE}, ALICE, True),
        ({"AWS": ALICE}, ALICE + "2", False),
        ({"AWS": ["arn:aws:iam::123456789012:user/bob", ALICE]}, ALICE, True),
        ({"AWS": "arn:aws:iam::123456789012:user/a*"}, ALICE, True),
        ({"AWS": "arn:aws:iam::*:user/alice"}, ALICE, True),
        ({"AWS": "arn:aws:iam::123456789012:*"}, ALICE, True),
        ({"AWS": "arn:aws:iam::999999999999:user/*"}, ALICE, False),
        ({"AWS": "123456789012"}, ALICE, True),
        ({"AWS": "123456789012"}, SESSION, True),
        ({"AWS": "999999999999"}, ALICE, False),
        ({"AWS": "arn:aws:iam::123456789012:root"}, SESSION, True),
        ({"AWS": "arn:aws:iam::999999999999:root"}, SESSION, False),
        ({"AWS": "arn:aws:iam::123456789012:role/shop"}, SESSION, True),
        ({"AWS": "arn:aws:iam::123456789012:role/*"}, SESSION, True),
        ({"AWS": "arn:aws:iam::123456789012:role/team/a/shop"}, SESSION, True),
        ({"AWS": "arn:aws:iam::123456789012:role/team/shop2"}, SESSION, False),
        ({"AWS": "arn:aws:iam::123456789012:role/web-1"}, SESSION, False),
        ({"AWS": SESSION}, SESSION, True),
        ({"AWS": "arn:aws:sts::123456789012:assumed-role/shop/*"}, SESSION, True),
        ({"AWS": "arn:aws:sts::123456789012:assumed-role/shop/web-2"}, SESSION, False),
        (
            {"AWS": "arn:aws:iam::123456789012:role/team/shop"},
            "arn:aws:iam::123456789012:role/team/shop",
            True,
        ),
    ],
)
def test_a_statement_is_about_its_principals(principal, who, fits):
    """A session of a role is what its role is, and an account is all who are in it."""
    assert policies({"Principal": principal}).decide(who, APP).allowed is fits
    denied = policies({}, {"Effect": "Deny", "Principal": principal})
    assert denied.decide(who, APP).allowed is not fits


def test_another_action_is_asked_for_by_name():
    """Nothing but logging in is allowed to who may log in."""
    assert not policies({}).decide(ALICE, APP, "rds-db:drop").allowed


def test_policies_say_how_many_statements_they_have():
    """The repr is short."""
    assert repr(policies({}, {})) == "<Policies of 2 statements>"
    assert repr(ResourcePattern("*")) == "ResourcePattern('*')"


def test_what_nobody_may_do_can_be_told_without_a_name():
    """An Allow for this action and resource has to be there, for whomever."""
    some = {"Principal": {"AWS": ALICE}}
    assert policies(some).might_allow(APP)
    assert policies({}, {"Effect": "Deny"}).might_allow(APP)
    assert not policies(some).might_allow(BELOW + "other")
    assert not policies({"Effect": "Deny"}).might_allow(APP)
    assert not policies({"Action": "s3:*"}).might_allow(APP)
    assert not Policies().might_allow(APP)
    assert (
        unmentioned(APP)
        == policies({"Effect": "Allow", "Action": "s3:*"}).decide(ALICE, APP).reason
    )
