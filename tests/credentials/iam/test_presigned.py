"""Tests of `proxy.credentials.iam.presigned`."""

import re
from urllib.parse import quote

import attrs
import pytest

from proxy.credentials.iam.presigned import (
    MAX_CHARACTERS,
    Form,
    Presigned,
    Refused,
    read_presigned,
)

FORM = Form({"Action": "connect", "DBUser": None}, "rds-db", ("host",))
PARAMETERS = {
    "Action": "connect",
    "DBUser": "app",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": "AKIAIOSFODNN7EXAMPLE/20260102/eu-central-1/rds-db/aws4_request",
    "X-Amz-Date": "20260102T030405Z",
    "X-Amz-Expires": "900",
    "X-Amz-SignedHeaders": "host",
    "X-Amz-Signature": "0123456789abcdef" * 4,
}
SIGNED_AT = 1767323045.0


def url(without=(), start="proxy.example.com:3306/?", **changes):
    """Write a token; underscores in names of changes stand for hyphens."""
    changed = {name.replace("_", "-"): value for name, value in changes.items()}
    parameters = PARAMETERS | changed
    return start + "&".join(
        f"{name}={quote(value, safe='-_.~')}"
        for name, value in parameters.items()
        if name not in without
    )


def credential(*scope):
    """Write a token whose scope, from the day on, is another one."""
    parts = ["20260102", "eu-central-1", "rds-db", "aws4_request"]
    return url(X_Amz_Credential="/".join(["AKIA", *scope, *parts[len(scope) :]]))


def test_a_token_is_read_into_its_parts():
    """Each part is where the log and the checks look for it."""
    token = read_presigned(url(X_Amz_Security_Token="a+b/c="), FORM)
    assert isinstance(token, Presigned)
    assert token.host == "proxy.example.com:3306"
    assert token.access_key_id == "AKIAIOSFODNN7EXAMPLE"
    assert (token.day, token.region, token.service) == ("20260102", "eu-central-1", "rds-db")
    assert token.signed_at == SIGNED_AT
    assert token.expires == SIGNED_AT + 900
    assert token.session_token == "a+b/c="
    assert token.parameters["DBUser"] == "app"


def test_the_slash_of_the_path_may_be_left_out():
    """Some SDKs write the question mark right after the port."""
    assert read_presigned(url(start="h:1?"), FORM) == read_presigned(url(start="h:1/?"), FORM)


def test_the_order_of_parameters_does_not_matter():
    """Two orders are one token, with one digest of 32 bytes."""
    start, _, query = url().partition("?")
    turned = read_presigned(f"{start}?{'&'.join(reversed(query.split('&')))}", FORM)
    straight = read_presigned(url(), FORM)
    assert turned == straight
    assert turned.digest == straight.digest
    assert len(straight.digest) == 32


REFUSED = [
    ("not a token", "hunter2"),
    ("not a token", url(start="https://h/?")),
    ("not a token", url(start="h/path?")),
    ("not a token", url(start="user@h:1/?")),
    ("not a token", url() + " "),
    ("not a token", url().replace("app", "äpp")),
    ("longer than 16384", url(DBUser="x" * MAX_CHARACTERS)),
    ("not encoded as AWS does it", url().replace("%2F", "%2f", 1)),
    ("not encoded as AWS does it", url().replace("app", "%61pp")),
    ("not encoded as AWS does it", url().replace("app", "%ff")),
    ("not encoded as AWS does it", url().replace("app", "%zz")),
    ("not encoded as AWS does it", url().replace("app", "a+b")),
    ("not encoded as AWS does it", url() + "&flag"),
    ("a parameter twice", url() + "&DBUser=root"),
    ("no parameter X-Amz-Algorithm", url(without=["X-Amz-Algorithm"])),
    ("no parameter DBUser", url(without=["DBUser"])),
    ("no parameter X-Amz-Signature", url(without=["X-Amz-Signature"])),
    ("does not belong", url(Extra="1")),
    ("does not belong", url(action="connect")),
    ("not for Action=connect", url(Action="Connect")),
    ("algorithm AWS4-HMAC-SHA256", url(X_Amz_Algorithm="AWS4-ECDSA-P256-SHA256")),
    ("signed headers of the token are not host", url(X_Amz_SignedHeaders="host;x-other")),
    ("64 hexadecimal digits", url(X_Amz_Signature="0" * 63)),
    ("64 hexadecimal digits", url(X_Amz_Signature="A" * 64)),
    ("in its credential", url(X_Amz_Credential="AKIA/20260102/rds-db")),
    ("not end with aws4_request", credential("20260102", "eu-west-1", "rds-db", "x")),
    ("service rds-db", credential("20260102", "eu-west-1", "s3")),
    ("not that of its date", credential("20260103")),
    ("no date such as", url(X_Amz_Date="20260102T030405")),
    ("no date such as", url(X_Amz_Date="20260231T030405Z")),
    ("1 to 900 seconds", url(X_Amz_Expires="901")),
    ("1 to 900 seconds", url(X_Amz_Expires="0")),
    ("1 to 900 seconds", url(X_Amz_Expires="-1")),
    ("1 to 900 seconds", url(X_Amz_Expires="1000000")),
    ("1 to 900 seconds", url(X_Amz_Expires="9.5")),
]


@pytest.mark.parametrize(("reason", "text"), REFUSED)
def test_what_is_no_such_token_is_refused_with_its_reason(reason, text):
    """The reason names what is wrong, and quotes nothing of the token."""
    refused = read_presigned(text, FORM)
    assert isinstance(refused, Refused)
    assert reason in refused.reason
    for secret in (text, PARAMETERS["X-Amz-Signature"], "AKIAIOSFODNN7EXAMPLE"):
        assert secret not in refused.reason


def test_a_token_dies_with_its_last_second():
    """It expires so many seconds after its date, and no difference of clocks adds to that."""
    token = read_presigned(url(X_Amz_Expires="60"), FORM)
    assert token.refusal_by_time(SIGNED_AT + 59.9, 300) is None
    assert "expired 0 s ago" in token.refusal_by_time(SIGNED_AT + 60, 300).reason
    assert "expired 40 s ago" in token.refusal_by_time(SIGNED_AT + 100, 300).reason


def test_a_token_may_come_from_the_future_as_far_as_clocks_differ():
    """A second more, and it is refused."""
    token = read_presigned(url(), FORM)
    assert token.refusal_by_time(SIGNED_AT - 300, 300) is None
    assert "from the future" in token.refusal_by_time(SIGNED_AT - 301, 300).reason


def test_the_signature_is_the_one_that_botocore_makes(sign, temporary_key):
    """It depends on the secret, on the header, and on every parameter."""
    token = read_presigned(sign(temporary_key), FORM)
    secret, headers = temporary_key.secret_access_key.reveal(), {"host": token.host}
    assert token.is_signed_with(secret, headers)
    assert not token.is_signed_with(secret + "x", headers)
    assert not token.is_signed_with(secret, {"host": "other.example.com:3306"})
    changed = attrs.evolve(token, parameters={**token.parameters, "DBUser": "root"})
    assert not changed.is_signed_with(secret, headers)


def test_the_repr_hides_what_would_let_somebody_in():
    """Host, region and times are shown; the key by its ends; the rest not at all."""
    shown = repr(read_presigned(url(X_Amz_Security_Token="session+token"), FORM))
    assert "proxy.example.com:3306" in shown
    assert "AKIA...MPLE" in shown
    assert not re.search("IOSFODNN|session|0123456789abcdef", shown)
