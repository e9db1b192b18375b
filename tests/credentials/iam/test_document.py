"""Tests of `proxy.credentials.iam.document`."""

import json

import pytest

from proxy.credentials.iam.document import (
    MAX_FILE_BYTES,
    PolicyUnusableError,
    load_policies,
    read_policy,
    read_policy_text,
)
from proxy.credentials.iam.policy import Effect

APP = "arn:aws:rds-db:eu-central-1:123456789012:dbuser:prx-shop/app"
ALICE = "arn:aws:iam::123456789012:user/alice"
STATEMENT = {"Effect": "Allow", "Action": "rds-db:connect", "Resource": APP}
POLICY = {"Version": "2012-10-17", "Id": "shop", "Statement": [STATEMENT]}


def changed(**changes):
    """Make a policy whose one statement says something else, too; None takes a key away."""
    statement = {k: v for k, v in (STATEMENT | changes).items() if v is not None}
    return {"Statement": statement}


def principal(value):
    """Make a policy about these principals."""
    return changed(Principal={"AWS": value})


def test_a_policy_is_read_as_aws_writes_it():
    """A list of statements or a single one, with or without version and name."""
    for document in (POLICY, changed(), changed(Sid="", Principal="*")):
        (statement,) = read_policy_text(json.dumps(document), "p.json").statements
        assert statement.effect is Effect.ALLOW
        assert statement.name == "Statement[0] of p.json"
        assert statement.principals is None


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "p: no mapping with a Statement"),
        ({}, "p: has no Statement"),
        ({"Statement": []}, "p.Statement: empty"),
        ({"Statement": ["x"]}, r"p.Statement\[0\]: no mapping"),
        (POLICY | {"Version": "2012-10-18"}, "p.Version: none of 2012-10-17"),
        (POLICY | {"Version": ["2012-10-17"]}, "p.Version: none of"),
        (POLICY | {"Extra": 1}, "p: the key 'Extra' is not understood"),
        ({7: 1}, "p: the key of an unknown kind is not understood"),
        ({"Statement": [STATEMENT, {}]}, r"p.Statement\[1\]: has no Effect"),
        (changed(Condition={}), r"p.Statement\[0\]: the key 'Condition' is not understood"),
        (changed(NotAction="x"), "the key 'NotAction' is not understood"),
        (changed(NotResource="x"), "the key 'NotResource' is not understood"),
        (changed(NotPrincipal="x"), "the key 'NotPrincipal' is not understood"),
        (changed(action="x"), "the key 'action' is not understood"),
        (changed(Effect="allow"), r"Statement\[0\].Effect: neither Allow nor Deny"),
        (changed(Effect=["Allow"]), r"Statement\[0\].Effect: neither Allow nor Deny"),
        (changed(Action=None), r"Statement\[0\]: has no Action"),
        (changed(Action=[]), r"Statement\[0\].Action: empty"),
        (changed(Action="connect"), r"Statement\[0\].Action: not service:action"),
        (changed(Action=["*", 1]), r"Statement\[0\].Action\[1\]: not service:action"),
        (changed(Resource=None), r"Statement\[0\]: has no Resource"),
        (changed(Resource="app"), r"Statement\[0\].Resource: not an ARN or \*"),
        (changed(Resource=["*", "arn:aws:x"]), r"Resource\[1\]: not an ARN or \*"),
        (changed(Resource=APP + "${aws:username}"), r"Resource: policy variables"),
        (changed(Sid=7), r"Statement\[0\].Sid: no text"),
        (changed(Sid="a\nb"), r"Statement\[0\].Sid: no text"),
        (changed(Principal="alice"), r'Principal: neither "\*" nor'),
        (changed(Principal={}), r'Principal: neither "\*" nor'),
        (changed(Principal={"Service": "x"}), "Principal: the key 'Service' is not understood"),
        (principal([]), "Principal.AWS: empty"),
        (principal("alice"), "Principal.AWS: no ARN"),
        (principal("arn:aws:s3:::x"), "Principal.AWS: no ARN"),
        (principal(["*", ""]), r"Principal.AWS\[1\]: not an ARN"),
        (principal("arn:aws:iam::1:role/team/*"), "Principal.AWS: a role with a path and wild"),
        (principal("arn:aws:iam::1:r*/team/x"), "Principal.AWS: a kind of principal with wild"),
    ],
)
def test_what_is_not_understood_is_refused(document, message):
    """The error says where it stands, and nothing is passed over."""
    with pytest.raises(PolicyUnusableError, match=message):
        read_policy(document, "p")


def test_a_sid_stands_once():
    """The same name for two statements would make reasons ambiguous."""
    twice = {"Statement": [STATEMENT | {"Sid": "A"}, STATEMENT | {"Sid": "A"}]}
    with pytest.raises(PolicyUnusableError, match=r"p.Statement\[1\].Sid: stands here again"):
        read_policy(twice, "p")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "p: not JSON"),
        ('{"Statement": [], "Statement": []}', "p: the key 'Statement' stands twice"),
        ('{"a b": 1, "a b": 2}', "p: the key of an unknown kind stands twice"),
        ("[" * 100_000, "p: nested too deeply"),
    ],
)
def test_a_text_has_to_be_json(text, message):
    """A key that stands twice does not win in silence."""
    with pytest.raises(PolicyUnusableError, match=message):
        read_policy_text(text, "p")


def test_the_statements_of_all_files_hold(tmp_path):
    """A Deny of one file wins over an Allow of another."""
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    first.write_text(json.dumps(POLICY))
    second.write_text(json.dumps(changed(Effect="Deny", Sid="No")), encoding="utf-8-sig")
    assert load_policies([first]).decide(ALICE, APP).allowed
    decision = load_policies([first, second]).decide(ALICE, APP)
    assert decision.reason == f"denied by statement 'No' of {second}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"\xff", "not UTF-8"),
        (b" " * (MAX_FILE_BYTES + 1), "is larger than 1,048,576 bytes"),
        (b"{}", "has no Statement"),
    ],
)
def test_an_error_names_the_file(tmp_path, content, message):
    """Missing, no text, too long or no policy: one class of error."""
    file = tmp_path / "policy.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(PolicyUnusableError, match=f"policy.json: .*{message}"):
        load_policies([file])
