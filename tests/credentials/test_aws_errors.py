"""Tests of `proxy.credentials.aws_errors`."""

import pytest
from botocore import exceptions
from botocore.parsers import ResponseParserError

from proxy.credentials.aws_errors import Trouble, explain

ROLE = "arn:aws:iam::123456789012:role/proxy"
OPERATOR = "arn:aws:iam::123456789012:user/op"


def refusal(code, operation="GetCallerIdentity", message=""):
    """Make an error that AWS answered."""
    return exceptions.ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("error", "kind", "why"),
    [
        (
            exceptions.CredentialRetrievalError(provider="x", error_msg="hunter2"),
            Trouble.NO_CREDENTIALS,
            "the AWS credentials could not be fetched",
        ),
        (
            exceptions.SSOTokenLoadError(error_msg="hunter2"),
            Trouble.BAD_TOKEN,
            "the AWS single sign-on has expired; log in again",
        ),
        (
            exceptions.SSLError(endpoint_url="x", error="hunter2"),
            Trouble.UNREACHABLE,
            "the TLS connection to AWS failed",
        ),
        (
            exceptions.ReadTimeoutError(endpoint_url="x"),
            Trouble.UNREACHABLE,
            "AWS did not answer in time",
        ),
        (
            exceptions.ConnectTimeoutError(endpoint_url="x"),
            Trouble.UNREACHABLE,
            "AWS did not answer in time",
        ),
        (
            exceptions.ConnectionClosedError(endpoint_url="x"),
            Trouble.UNREACHABLE,
            "AWS cannot be reached",
        ),
        (
            ResponseParserError("hunter2"),
            Trouble.OTHER,
            "the answer of AWS was not understood",
        ),
        (
            exceptions.ConfigParseError(path="hunter2"),
            Trouble.SETTINGS,
            "botocore refused: ConfigParseError",
        ),
        (refusal("ThrottlingException"), Trouble.THROTTLED, "AWS throttles the proxy"),
        (
            refusal("ExpiredTokenException", message="hunter2"),
            Trouble.BAD_TOKEN,
            "AWS does not take the credentials of the proxy (ExpiredTokenException)",
        ),
        (
            refusal("AccessDenied", message="hunter2"),
            Trouble.DENIED,
            '"the proxy" is not authorized to call GetCallerIdentity',
        ),
        (
            refusal(
                "AccessDenied",
                "AssumeRole",
                f"User: {OPERATOR} is not authorized to perform: sts:AssumeRole "
                f"on resource: {ROLE}",
            ),
            Trouble.DENIED,
            f'"{OPERATOR}" is not authorized to assume the role "{ROLE}"',
        ),
        (
            refusal("InternalFailure"),
            Trouble.OTHER,
            "AWS answered GetCallerIdentity with InternalFailure",
        ),
        (
            refusal("<html> hunter2"),
            Trouble.OTHER,
            "AWS answered GetCallerIdentity with an unknown error",
        ),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_errors_are_told_in_words_of_our_own(error, kind, why):
    """What botocore or AWS say may quote anything, and is not repeated."""
    found = explain(error)
    assert (found.kind, found.why) == (kind, why)
    assert explain(found) is found
