"""Tokens that a proxy has to refuse, and why.

The policy allows `app` and `denied`, denies `denied`, and says nothing of `unlisted`; the proxy
knows the keys ANA and WEB, and answers to the names 127.0.0.1 and localhost.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from proxy.embedded.aws import REGION
from tests.support.tokens import ACCOUNT, ANA, STRANGER, WEB, signed_token


def spoilt_signature(port):
    token = signed_token(ANA, "app", port)
    return token[:-1] + ("0" if token[-1] != "0" else "1")


BAD: dict[str, tuple[str, Callable[[int], str], str]] = {
    "expired": (
        "app",
        lambda port: signed_token(ANA, "app", port, seconds_ago=1000),
        r"the token expired \d+ s ago",
    ),
    "of the future": (
        "app",
        lambda port: signed_token(ANA, "app", port, seconds_ago=-1000),
        r"the token is from the future: signed \d+ s ahead of us",
    ),
    "another signature": ("app", spoilt_signature, "the signature of the token is wrong"),
    "another user written into it": (
        "app",
        lambda port: signed_token(ANA, "both", port).replace("DBUser=both", "DBUser=app"),
        "the signature of the token is wrong",
    ),
    "another host written into it": (
        "app",
        lambda port: signed_token(ANA, "app", port).replace("127.0.0.1", "localhost"),
        "the signature of the token is wrong",
    ),
    "a longer life written into it": (
        "app",
        lambda port: signed_token(ANA, "app", port).replace("Expires=900", "Expires=90000"),
        "the token lives for no number of 1 to 900 seconds",
    ),
    "for another host": (
        "app",
        lambda port: signed_token(ANA, "app", port, host="db.example.com"),
        r"the token is for db\.example\.com:\d+, which is not our name",
    ),
    "for another region": (
        "app",
        lambda port: signed_token(ANA, "app", port, region="us-east-1"),
        "the token is for the region us-east-1, and not for eu-central-1",
    ),
    "for another user": (
        "app",
        lambda port: signed_token(ANA, "both", port),
        "the token is for another user than the one who logs in",
    ),
    "for another service": (
        "app",
        lambda port: signed_token(ANA, "app", port, service="rds"),
        "the token is not signed for the service rds-db",
    ),
    "of an unknown key": (
        "app",
        lambda port: signed_token(STRANGER, "app", port),
        r"the access key AKIA\.\.\.MPLE is not known",
    ),
    "of a known key with another secret": (
        "app",
        lambda port: signed_token(attrs.evolve(ANA, secret=STRANGER.secret), "app", port),
        "the signature of the token is wrong",
    ),
    "without the session token": (
        "app",
        lambda port: signed_token(attrs.evolve(WEB, session_token=None), "app", port),
        "the token has no session token, and its access key has one",
    ),
    "with another session token": (
        "app",
        lambda port: signed_token(attrs.evolve(WEB, session_token="FwoG"), "app", port),
        "the session token is not that of the access key",
    ),
    "cut off": (
        "app",
        lambda port: signed_token(ANA, "app", port).rpartition("&")[0],
        "the token has no parameter X-Amz-Signature",
    ),
    "of nobody whom a policy allows": (
        "unlisted",
        lambda port: signed_token(ANA, "unlisted", port),
        rf"no statement allows rds-db:connect on arn:aws:rds-db:{REGION}:{ACCOUNT}:.*/unlisted",
    ),
    "of somebody whom a policy denies": (
        "denied",
        lambda port: signed_token(ANA, "denied", port),
        r"denied by statement 'DenysDenied' of .*policy\.json",
    ),
    "a password": (
        "app",
        lambda _: "app-secret-1",
        "not a token: no host, question mark and parameters",
    ),
}
"""Bad tokens: the user who logs in, what is shown for a given port, and what the log says."""
