"""What keeps AWS from answering, in words for an operator."""

from __future__ import annotations

import enum
import re
from typing import Any

from botocore import exceptions as aws  # type: ignore[import-untyped]
from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]

ARN = r"arn:[a-z-]+:[\w:/+=,.@*-]{1,2000}"
"""An ARN inside a sentence of AWS, which may end with a full stop that is not part of it."""

_PRINCIPAL = re.compile(rf"User: ({ARN}) is not authorized")
_RESOURCE = re.compile(rf"on resource: ({ARN})")
_CODE = re.compile(r"[\w.:-]{1,64}")

_THROTTLED = {
    *("Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded"),
    *("TooManyRequestsException", "RequestThrottled", "SlowDown"),
}
_BAD_TOKEN = {
    *("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"),
    *("UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId"),
    *("InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature"),
    *("MissingAuthenticationToken", "MissingAuthenticationTokenException", "AuthFailure"),
}
_DENIED = {"AccessDenied", "AccessDeniedException"}


class Trouble(enum.Enum):
    """What kept AWS from answering."""

    NO_CREDENTIALS = "no credentials"
    BAD_TOKEN = "credentials that AWS does not take"  # noqa: S105 - the name of a trouble
    SETTINGS = "settings"
    UNREACHABLE = "unreachable"
    THROTTLED = "throttled"
    DENIED = "not authorized"
    KEY = "key of the secret"
    NOT_FOUND = "not found"
    REFUSED = "refused"
    OTHER = "other"


class AwsUnavailableError(Exception):
    """AWS did not answer; `why` is a sentence for an operator, `kind` is for programs."""

    def __init__(self, why: str, kind: Trouble) -> None:
        super().__init__(why)
        self.why = why
        self.kind = kind


AWS_ERRORS = (aws.BotoCoreError, aws.ClientError, ResponseParserError)
"""All that a client of botocore raises."""


_UNFETCHED = "the AWS credentials could not be fetched"
_SIGN_ON = "the AWS single sign-on has expired; log in again"
_SLOW = "AWS did not answer in time"
_SENTENCES: tuple[tuple[Any, Trouble, str], ...] = (
    (aws.NoCredentialsError, Trouble.NO_CREDENTIALS, "there are no AWS credentials"),
    (aws.PartialCredentialsError, Trouble.NO_CREDENTIALS, "the AWS credentials lack a part"),
    (aws.CredentialRetrievalError, Trouble.NO_CREDENTIALS, _UNFETCHED),
    (aws.MetadataRetrievalError, Trouble.NO_CREDENTIALS, _UNFETCHED),
    (aws.SSOError, Trouble.BAD_TOKEN, _SIGN_ON),
    (aws.TokenRetrievalError, Trouble.BAD_TOKEN, _SIGN_ON),
    (aws.ProfileNotFound, Trouble.SETTINGS, "the AWS configuration has no such profile"),
    (aws.NoRegionError, Trouble.SETTINGS, "no AWS region is given: set aws.region"),
    (aws.SSLError, Trouble.UNREACHABLE, "the TLS connection to AWS failed"),
    (aws.ReadTimeoutError, Trouble.UNREACHABLE, _SLOW),
    (aws.ConnectTimeoutError, Trouble.UNREACHABLE, _SLOW),
    (aws.HTTPClientError, Trouble.UNREACHABLE, "AWS cannot be reached"),
    (aws.ConnectionError, Trouble.UNREACHABLE, "AWS cannot be reached"),
    (ResponseParserError, Trouble.OTHER, "the answer of AWS was not understood"),
)
"""What errors of botocore mean; the first that fits counts."""


def explain(error: Exception) -> AwsUnavailableError:
    """Say what an error of botocore means, in words of our own: its own may quote anything."""
    if isinstance(error, AwsUnavailableError):
        return error
    if isinstance(error, aws.ClientError):
        return _explain_answer(error)
    for kinds, trouble, why in _SENTENCES:
        if isinstance(error, kinds):
            return AwsUnavailableError(why, trouble)
    return AwsUnavailableError(f"botocore refused: {type(error).__name__}", Trouble.SETTINGS)


def code_of(error: Any) -> str:
    """The code of an error that AWS answered."""
    return str(error.response.get("Error", {}).get("Code", ""))


def message_of(error: Any) -> str:
    """What AWS said about an error, to look for known words in."""
    return str(error.response.get("Error", {}).get("Message", ""))


def principal_in(message: str) -> str:
    """The ARN of who was not authorized; empty where AWS does not say."""
    found = _PRINCIPAL.search(message)
    return found.group(1) if found else ""


def _explain_answer(error: Any) -> AwsUnavailableError:
    code, message, operation = code_of(error), message_of(error), error.operation_name
    if code in _THROTTLED:
        return AwsUnavailableError("AWS throttles the proxy", Trouble.THROTTLED)
    if code in _BAD_TOKEN:
        why = f"AWS does not take the credentials of the proxy ({code})"
        return AwsUnavailableError(why, Trouble.BAD_TOKEN)
    if code in _DENIED:
        who, role = principal_in(message), _RESOURCE.search(message)
        what = f"call {operation}"
        if role and operation == "AssumeRole":
            what = f'assume the role "{role.group(1)}"'
        why = f'"{who or "the proxy"}" is not authorized to {what}'
        return AwsUnavailableError(why, Trouble.DENIED)
    shown = code if _CODE.fullmatch(code) else "an unknown error"
    return AwsUnavailableError(f"AWS answered {operation} with {shown}", Trouble.OTHER)
