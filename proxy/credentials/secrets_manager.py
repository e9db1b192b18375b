"""Reads secrets from AWS Secrets Manager; blocks.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from typing import Any

import attrs
from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from proxy.credentials.aws import (
    RENEWAL_PAUSE_SECONDS,
    SECRETS_MANAGER,
    AwsClients,
    AwsSettings,
)
from proxy.credentials.aws_errors import (
    AWS_ERRORS,
    AwsUnavailableError,
    Trouble,
    code_of,
    explain,
    message_of,
    principal_in,
)
from proxy.credentials.secret_value import SecretUnusableError, SecretValue, parse_secret

CURRENT = "AWSCURRENT"
PENDING = "AWSPENDING"
PREVIOUS = "AWSPREVIOUS"

_SECRET_ARN = re.compile(r"arn:[a-z-]+:secretsmanager:([a-z0-9-]+):\d{12}:secret:.+")
_KEY_CODES = re.compile(r"DecryptionFailure|KMS\w+")
_KEY_WORDS = re.compile(r"Access to KMS|kms:Decrypt")
_REFUSED_CODES = {"InvalidRequestException", "InvalidParameterException"}


class SecretUnavailableError(AwsUnavailableError):
    """A secret could not be read; `why` and `kind` as of `AwsUnavailableError`."""


@attrs.frozen
class SecretVersion:
    """A version of a secret.

    Attributes:
        version_id: Its id, unique in the secret.
        created: When it was written, in POSIX seconds.
        value: What it says.
    """

    version_id: str
    created: float
    value: SecretValue


class SecretsManager:
    """The secrets of an account, wherever their ARNs say that they are."""

    def __init__(
        self, settings: AwsSettings, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._clients = AwsClients(settings)
        self._monotonic = monotonic
        self._renewed = -math.inf

    def fetch(self, secret_id: str, stage: str = CURRENT) -> SecretVersion | None:
        """Read the version of a secret that has this stage; blocks.

        Args:
            secret_id: An ARN, or the name of a secret in the region of the settings.
            stage: A staging label, such as `CURRENT`.

        Returns:
            None: no version has that stage.  A secret that does not exist has no version with
            `PENDING` or `PREVIOUS` either; only `CURRENT` tells the two cases apart.

        Raises:
            SecretUnavailableError: AWS did not answer, or refused.
            SecretUnusableError: the version does not hold a user and a password.
        """
        arn = _SECRET_ARN.fullmatch(secret_id)
        region = arn.group(1) if arn else None
        try:
            client = self._clients.client(SECRETS_MANAGER, region)
            answer = client.get_secret_value(SecretId=secret_id, VersionStage=stage)
        except (*AWS_ERRORS, AwsUnavailableError) as error:
            if _has_no_such_version(error, stage):
                return None
            failure = _explain(error, secret_id)
        else:
            created = answer["CreatedDate"].timestamp()
            return SecretVersion(answer["VersionId"], created, parse_secret(_text(answer)))
        if failure.kind in {Trouble.BAD_TOKEN, Trouble.NO_CREDENTIALS}:
            self._renew()
        raise failure

    def _renew(self) -> None:
        """Read the credentials anew: whoever changes them in a file restarts no proxy."""
        now = self._monotonic()
        if now - self._renewed >= RENEWAL_PAUSE_SECONDS:
            self._renewed = now
            self._clients.forget()

    def close(self) -> None:
        """Close idle connections to AWS; the next use opens them again."""
        self._clients.forget()


def _text(answer: dict[str, Any]) -> str:
    text = answer.get("SecretString")
    if text is not None:
        return str(text)
    try:
        return bytes(answer.get("SecretBinary", b"")).decode("utf-8")
    except UnicodeDecodeError:
        pass  # its error has the whole content, and would be the context of ours
    raise SecretUnusableError("it is not UTF-8 text")


def _has_no_such_version(error: Exception, stage: str) -> bool:
    if not isinstance(error, ClientError) or code_of(error) != "ResourceNotFoundException":
        return False
    return stage != CURRENT or "staging label" in message_of(error)


def _explain(error: Exception, secret_id: str) -> SecretUnavailableError:
    """Say what an error means for this secret, else what it means in general."""
    if isinstance(error, ClientError) and error.operation_name == "GetSecretValue":
        found = _of_secret(code_of(error), message_of(error), secret_id)
        if found:
            return SecretUnavailableError(*found)
    general = explain(error)
    return SecretUnavailableError(general.why, general.kind)


def _of_secret(code: str, message: str, secret_id: str) -> tuple[str, Trouble] | None:
    if code == "ResourceNotFoundException":
        why = f'there is no secret "{secret_id}"; is the region right?'
        return why, Trouble.NOT_FOUND
    if _KEY_CODES.fullmatch(code) or _KEY_WORDS.search(message):
        why = f'the secret "{secret_id}" cannot be decrypted: its KMS key refuses ({code})'
        return why, Trouble.KEY
    if code in {"AccessDeniedException", "AccessDenied"}:
        return _not_authorized(principal_in(message), secret_id), Trouble.DENIED
    if code in _REFUSED_CODES and "delet" in message:
        return f'the secret "{secret_id}" is marked for deletion', Trouble.REFUSED
    if code in _REFUSED_CODES:
        return f'AWS does not take "{secret_id}" as a secret ({code})', Trouble.REFUSED
    return None


def _not_authorized(principal: str, secret_id: str) -> str:
    """RDS Proxy's own words, which its users look for."""
    sort = "user" if ":user/" in principal else "role"
    who = f'The IAM {sort} "{principal}"' if principal else "The IAM role of the proxy"
    return (
        f"Credentials couldn't be retrieved. {who} is not authorized to read the AWS Secrets "
        f'Manager secret with the ARN "{secret_id}"'
    )
