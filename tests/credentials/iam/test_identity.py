"""Tests of `proxy.credentials.iam.identity`."""

import json

import boto3
import pytest
from moto import mock_aws

from proxy.credentials.iam.identity import MAX_ANSWER_BYTES, Identity, ask, read_answer
from proxy.credentials.iam.presigned import Refused

ALICE = "arn:aws:iam::123456789012:user/alice"
IDENTITY = Identity(ALICE, "123456789012")
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


def in_json(arn=ALICE, account="123456789012"):
    """Write an answer as STS does if it is asked for JSON."""
    result = {"Account": account, "Arn": arn, "UserId": "AIDA"}
    answer = {"GetCallerIdentityResult": result, "ResponseMetadata": {"RequestId": "1"}}
    return json.dumps({"GetCallerIdentityResponse": answer}).encode()


def in_xml(arn=ALICE, account="123456789012", more=""):
    """Write an answer as STS does by itself."""
    return (
        f'<GetCallerIdentityResponse xmlns="{NAMESPACE}">\n<GetCallerIdentityResult>'
        f"<Arn>{arn}</Arn><UserId>AIDA</UserId><Account>{account}</Account>{more}"
        "</GetCallerIdentityResult></GetCallerIdentityResponse>"
    ).encode()


def raw_answer(key):
    """Ask for the identity behind a key, and give the bytes of the answer."""
    client = boto3.client(
        "sts",
        region_name="eu-central-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key.get("SessionToken"),
    )
    answers = []

    def keep(http_response, **_):
        answers.append(http_response.content)

    client.meta.events.register("after-call.sts.GetCallerIdentity", keep)
    client.get_caller_identity()
    return answers[0]


@pytest.mark.parametrize(
    "body", [in_json(), in_xml(), b'<?xml version="1.0"?>\n' + in_xml(), b"\n" + in_xml()]
)
def test_an_answer_names_who_signed(body):
    """In JSON, and in XML with or without its declaration."""
    assert read_answer(200, body) == IDENTITY


@mock_aws
def test_the_answers_of_another_implementation_are_read():
    """A user and a session of a role are seen behind their keys."""
    role = "arn:aws:iam::123456789012:role/shop"
    iam = boto3.client("iam", region_name="eu-central-1")
    iam.create_user(UserName="alice")
    user = iam.create_access_key(UserName="alice")["AccessKey"]
    asked = boto3.client("sts", region_name="eu-central-1")
    session = asked.assume_role(RoleArn=role, RoleSessionName="web-1")["Credentials"]
    assert read_answer(200, raw_answer(user)) == IDENTITY
    arn = "arn:aws:sts::123456789012:assumed-role/shop/web-1"
    assert read_answer(200, raw_answer(session)) == Identity(arn, "123456789012")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"[" * 30_000,
        b'{"GetCallerIdentityResponse": 1}',
        b'{"GetCallerIdentityResponse": {"GetCallerIdentityResult": []}}',
        in_json(arn=None),
        in_json(account=123456789012),
        in_json(arn="arn:aws:iam::123456789012:user/*"),
        in_json(account="999999999999"),
        in_xml(arn="alice"),
        in_xml(arn="arn:aws:iam::123456789012:user/&#97;"),
        in_xml(account="999999999999"),
        in_xml(more=f"<Arn>{ALICE}</Arn>"),
        b"<Other>" + in_xml() + b"</Other>",
        b"<GetSessionTokenResponse>" + in_xml(),
        b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + in_xml(),
    ],
)
def test_an_answer_that_names_nobody_is_refused(body):
    """Whatever is not exactly an answer to GetCallerIdentity identifies nobody."""
    refused = read_answer(200, body)
    assert refused == Refused("the answer of STS names no principal and its account")


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (403, b"<Error><Code>ExpiredToken</Code><Message>m</Message>", ", ExpiredToken"),
        (
            403,
            b'{"Error": {"Code": "SignatureDoesNotMatch", "Message": "m"}}',
            ", SignatureDoesNotMatch",
        ),
        (403, in_json(), ""),
        (302, in_json(), ""),
        (500, b"<Code>not a word</Code>", ""),
    ],
)
def test_a_refusal_of_sts_says_its_status_and_code(status, body, reason):
    """The message is left out: it may quote what was signed."""
    refused = read_answer(status, body)
    assert refused.reason == f"STS refuses the token: status {status}{reason}"


@pytest.mark.parametrize(
    ("status", "body", "ours"),
    [
        (403, b"<Code>SignatureDoesNotMatch</Code>", False),
        (400, b"<Code>Throttling</Code>", True),
        (429, b"", True),
        (302, b"", True),
        (503, b"<Code>ServiceUnavailable</Code>", True),
    ],
)
def test_what_is_not_about_the_token_is_our_fault(status, body, ours):
    """Only an error of the request says something of it."""
    assert read_answer(status, body).is_our_fault is ours


def test_an_answer_has_its_limit():
    """An answer that is longer is not even parsed."""
    body = in_json() + b" " * (MAX_ANSWER_BYTES - len(in_json()))
    assert read_answer(200, body) == IDENTITY
    assert "longer than 65536 bytes" in read_answer(200, body + b" ").reason


@pytest.mark.loopback
def test_a_question_carries_the_headers_that_were_signed(stand):
    """STS gets the request as it was signed, and is asked for JSON."""
    stand.respond(200, in_json())
    assert ask(f"{stand.url}/?Action=X&B=%2F", {"x-mysqlproxy-login": "h:1/a%20b"}) == IDENTITY
    (request,) = stand.requests
    assert request.startswith("GET /?Action=X&B=%2F HTTP/1.1\r\n")
    assert "x-mysqlproxy-login: h:1/a%20b\r\n" in request
    assert "Accept: application/json\r\n" in request
    assert f"Host: {stand.url.removeprefix('http://')}\r\n" in request


@pytest.mark.loopback
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(stand, status):
    """An answer that points elsewhere is a refusal, and nothing is sent a second time."""
    stand.respond(status, b"", f"Location: {stand.url}/elsewhere")
    assert f"status {status}" in ask(f"{stand.url}/", {}).reason
    assert len(stand.requests) == 1


@pytest.mark.loopback
@pytest.mark.parametrize("status", [500, 503])
def test_no_question_is_asked_twice(stand, status):
    """The client may try again, with another token."""
    stand.respond(status, b"", "Retry-After: 0")
    assert f"status {status}" in ask(f"{stand.url}/", {}).reason
    assert len(stand.requests) == 1


@pytest.mark.loopback
def test_no_more_is_read_than_an_answer_may_have(stand):
    """The rest is left on the wire."""
    stand.respond(200, in_json() + b" " * 4_000_000)
    assert "longer than" in ask(f"{stand.url}/", {}).reason


@pytest.mark.loopback
@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"],
)
def test_a_broken_answer_is_refused_without_quoting_the_url(stand, answer):
    """The reason has the class of the error at most."""
    stand.answer = answer
    refused = ask(f"{stand.url}/?X-Amz-Signature=abcdef", {})
    assert isinstance(refused, Refused)
    assert "abcdef" not in refused.reason


@pytest.mark.loopback
@pytest.mark.usefixtures("stand")
def test_nobody_there_is_a_refusal():
    """A connection that is refused is no identity."""
    refused = ask("http://127.0.0.1:1/?X-Amz-Signature=abcdef", {})
    assert refused == Refused("STS cannot be asked: EndpointConnectionError", is_our_fault=True)
