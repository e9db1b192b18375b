"""Settings of users: who they are, and where their passwords come from."""

from __future__ import annotations

import enum

import attrs

from proxy.config.rules import (
    Choice,
    FilePath,
    ListOf,
    Network,
    OrNull,
    SecretText,
    Switch,
    Text,
)
from proxy.config.secret import Secret

# 32 characters in MySQL, 128 in MariaDB.
USERNAME = Text(r"[^\x00]{1,128}", "a text of 1 to 128 characters")
_TEXT = Text()
_FILE = FilePath()


class AuthScheme(enum.Enum):
    """Where the password of a user comes from."""

    STATIC = "STATIC"
    FILE = "FILE"
    SECRETS = "SECRETS"


class IamAuth(enum.Enum):
    """Whether clients log in with IAM tokens: not, as they like, or always."""

    DISABLED = "DISABLED"
    ENABLED = "ENABLED"
    REQUIRED = "REQUIRED"


class ClientPasswordAuthType(enum.Enum):
    """How clients prove their password to the proxy."""

    MYSQL_NATIVE_PASSWORD = "MYSQL_NATIVE_PASSWORD"  # noqa: S105 - the name of a method
    MYSQL_CACHING_SHA2_PASSWORD = "MYSQL_CACHING_SHA2_PASSWORD"  # noqa: S105 - likewise


@attrs.frozen(kw_only=True)
class AuthEntry:
    """Users whom the proxy knows: clients log in with them, and so does the proxy."""

    auth_scheme: AuthScheme = attrs.field(
        default=AuthScheme.STATIC,
        validator=Choice(AuthScheme),
        metadata={
            "doc": "Where the password comes from. STATIC: from this entry. FILE: all users of "
            "users_file. SECRETS: a user whose name and password are in secret_arn."
        },
    )
    description: str | None = attrs.field(
        default=None,
        validator=OrNull(_TEXT),
        metadata={"doc": "A note for whoever reads the configuration."},
    )
    username: str | None = attrs.field(
        default=None,
        validator=OrNull(USERNAME),
        metadata={
            "doc": "The name of the user, the same at the proxy and at the target. STATIC "
            "needs it; with SECRETS it may be given, to notice a secret of another user."
        },
    )
    password: Secret | None = attrs.field(
        default=None,
        validator=OrNull(SecretText()),
        repr=False,
        metadata={
            "doc": "The password itself. STATIC needs one of password, password_file, "
            "password_env."
        },
    )
    password_file: str | None = attrs.field(
        default=None,
        validator=OrNull(_FILE),
        metadata={
            "doc": "A file whose first line is the password. A relative path starts at the "
            "folder of the configuration file."
        },
    )
    password_env: str | None = attrs.field(
        default=None,
        validator=OrNull(_TEXT),
        metadata={"doc": "An environment variable of the proxy that holds the password."},
    )
    users_file: str | None = attrs.field(
        default=None,
        validator=OrNull(_FILE),
        metadata={
            "doc": "A YAML file of users and passwords, for FILE; see the chapter on "
            "credentials. Read again when it changes."
        },
    )
    secret_arn: str | None = attrs.field(
        default=None,
        validator=OrNull(_TEXT),
        metadata={
            "doc": "The ARN or the name of a secret in AWS Secrets Manager, for SECRETS: JSON "
            "with username and password, as Amazon RDS writes it."
        },
    )
    iam_auth: IamAuth = attrs.field(
        default=IamAuth.DISABLED,
        validator=Choice(IamAuth),
        metadata={
            "doc": "Whether clients log in with IAM tokens: REQUIRED takes nothing else, "
            "ENABLED takes the password too, DISABLED only that. Tokens need TLS."
        },
    )
    client_password_auth_type: ClientPasswordAuthType | None = attrs.field(
        default=None,
        validator=OrNull(Choice(ClientPasswordAuthType)),
        metadata={
            "doc": "How clients prove the password to the proxy; null takes what suits the "
            "target. The way from the proxy to the target does not depend on it."
        },
    )
    allowed_networks: tuple[str, ...] = attrs.field(
        default=(),
        validator=ListOf(Network()),
        metadata={
            "doc": "Where these users may come from; from elsewhere they hear error 1045. An "
            "empty list allows all that the proxy allows."
        },
    )
    for_monitor: bool = attrs.field(
        default=False,
        validator=Switch(),
        metadata={
            "doc": "Whether only monitors log in as this user, whom failover.monitor_username "
            "of the target group names. A client that tries hears error 1045, whatever its "
            "password."
        },
    )
