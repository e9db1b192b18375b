"""Asking STS who signed: the answer to GetCallerIdentity.

The request goes to an endpoint of the configuration, never to a host of a client's choosing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import closing

import attrs
from botocore.awsrequest import AWSPreparedRequest  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]
from botocore.httpsession import URLLib3Session  # type: ignore[import-untyped]
from botocore.utils import get_environ_proxies  # type: ignore[import-untyped]
from urllib3.exceptions import HTTPError

from proxy.credentials.iam.arn import account_of, is_principal
from proxy.credentials.iam.presigned import Refused

MAX_ANSWER_BYTES = 64 * 1024
"""Of an answer: one of STS has less than 1 KiB, and whatever is longer is none."""

CONNECT_SECONDS = 3.0
READ_SECONDS = 5.0
"""How long an endpoint of STS may stay silent: it answers in milliseconds, and a client that
logs in gives up after some 10 seconds."""

_THROTTLED = {"Throttling", "ThrottlingException", "RequestLimitExceeded"}
_TOO_MANY_REQUESTS = 429
_CODE = re.compile(r'<Code>(\w{1,64})</Code>|"Code"\s*:\s*"(\w{1,64})"', re.ASCII)
_XML = re.compile(r"\s*(?:<\?xml[^>]{0,200}\?>\s*)?<GetCallerIdentityResponse[\s>]")
_XML_ARN = re.compile(r"<Arn>([^<>&]{1,2048})</Arn>")
_XML_ACCOUNT = re.compile(r"<Account>([0-9]{12})</Account>")


@attrs.frozen
class Identity:
    """Who signed: an ARN, and the account, 12 digits, that it is in."""

    arn: str
    account: str


def ask(url: str, headers: Mapping[str, str]) -> Identity | Refused:
    """Send a presigned request, and say whom STS sees behind it.  Blocks: run it in a thread.

    Neither redirects are followed nor is anything sent a second time.

    Args:
        url: With its scheme.
        headers: That it was signed with, beside the host.
    """
    session = URLLib3Session(
        timeout=(CONNECT_SECONDS, READ_SECONDS), proxies=get_environ_proxies(url)
    )
    sent = {**headers, "Accept": "application/json"}
    try:
        answer = session.send(AWSPreparedRequest("GET", url, sent, None, stream_output=True))
        with closing(answer.raw):
            body = answer.raw.read(MAX_ANSWER_BYTES + 1)
    except (BotoCoreError, HTTPError, OSError) as error:
        # Their texts quote the URL, and with it the signature.
        reason = f"STS cannot be asked: {type(error).__name__}"
        return Refused(reason, is_our_fault=True)
    finally:
        session.close()
    return read_answer(answer.status_code, body)


def read_answer(status: int, body: bytes) -> Identity | Refused:
    """Read what STS answers, in JSON or in XML."""
    if len(body) > MAX_ANSWER_BYTES:
        return Refused(f"the answer of STS is longer than {MAX_ANSWER_BYTES} bytes")
    text = body.decode(errors="replace")
    if status != 200:
        code = _CODE.search(text)
        name = (code[1] or code[2]) if code else ""
        reason = f"STS refuses the token: status {status}{name and f', {name}'}"
        # What is not about the request, 400 to 499, is about us or about STS.
        refuses = 400 <= status < 500 and status != _TOO_MANY_REQUESTS
        return Refused(reason, is_our_fault=not refuses or name in _THROTTLED)
    arn, account = _from_xml(text) if _XML.match(text) else _from_json(text)
    if not is_principal(arn) or account_of(arn) != account:
        return Refused("the answer of STS names no principal and its account")
    return Identity(arn, account)


def _from_xml(text: str) -> tuple[str, str]:
    arns, accounts = _XML_ARN.findall(text), _XML_ACCOUNT.findall(text)
    if len(arns) != 1 or len(accounts) != 1:
        return "", ""
    return arns[0], accounts[0]


def _from_json(text: str) -> tuple[str, str]:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return "", ""
    for key in ("GetCallerIdentityResponse", "GetCallerIdentityResult"):
        value = value.get(key) if isinstance(value, dict) else None
    found = value if isinstance(value, dict) else {}
    arn, account = found.get("Arn"), found.get("Account")
    if not isinstance(arn, str) or not isinstance(account, str):
        return "", ""
    return arn, account
