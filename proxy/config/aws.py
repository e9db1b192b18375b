"""Settings of AWS: how it is reached, and whose tokens are good."""

from __future__ import annotations

import enum

import attrs

from proxy.config.rules import Choice, FilePath, ListOf, OrNull, Seconds, Text, Url

_TEXT = Text()
_FILE = FilePath()
_DAY = 86_400
_REGION = Text(r"[a-z0-9-]{1,32}", "a region such as eu-central-1")
_URL = Url()
_ACCOUNT = Text(r"[0-9]{12}", "an account number of 12 digits (in quotes)")


class IamVerification(enum.Enum):
    """How an IAM token is checked."""

    ACCESS_KEYS = "ACCESS_KEYS"
    STS = "STS"


class TokenReuse(enum.Enum):
    """From where a token may be used again while it is good."""

    ANY = "ANY"
    SAME_ADDRESS = "SAME_ADDRESS"
    NONE = "NONE"


@attrs.frozen(kw_only=True)
class AwsConfig:
    """How AWS is reached."""

    region: str | None = attrs.field(
        default=None,
        validator=OrNull(_REGION),
        metadata={
            "doc": "The region of secrets that are not named by an ARN, and of tokens; null "
            "takes that of the environment or the profile."
        },
    )
    profile: str | None = attrs.field(
        default=None,
        validator=OrNull(_TEXT),
        metadata={
            "doc": "A profile of the AWS configuration files; null is the standard chain: "
            "environment, files, container, instance."
        },
    )
    external_id: str | None = attrs.field(
        default=None,
        validator=OrNull(_TEXT),
        metadata={"doc": "The external id with which role_arn is assumed."},
    )
    secretsmanager_endpoint_url: str | None = attrs.field(
        default=None,
        validator=OrNull(_URL),
        metadata={"doc": "Another address of Secrets Manager, such as that of a VPC endpoint."},
    )
    sts_endpoint_url: str | None = attrs.field(
        default=None,
        validator=OrNull(_URL),
        metadata={"doc": "Another address of STS."},
    )
    secret_refresh_interval: float = attrs.field(
        default=300.0,
        validator=Seconds(1, _DAY),
        metadata={
            "doc": "How often each secret is read again, give or take a tenth. A password that "
            "the target refuses, or that a client brings anew, makes the proxy read it at once."
        },
    )
    secret_stale_limit: float = attrs.field(
        default=float(_DAY),
        validator=Seconds(0, 30 * _DAY),
        metadata={
            "doc": "How long a secret is used on while it cannot be read, counted from the "
            "last time that it could."
        },
    )
    password_overlap: float = attrs.field(
        default=3600.0,
        validator=Seconds(0, 30 * _DAY),
        metadata={
            "doc": "How long clients may log in with the previous password of a secret that "
            "has been rotated."
        },
    )


@attrs.frozen(kw_only=True)
class IamConfig:
    """Whose IAM tokens are good, and for which users."""

    verification: IamVerification = attrs.field(
        default=IamVerification.ACCESS_KEYS,
        validator=Choice(IamVerification),
        metadata={
            "doc": "ACCESS_KEYS checks the signature of tokens that any AWS SDK makes against "
            "access keys that the proxy knows. STS asks AWS who signed; such tokens are made "
            "by `mysqlproxy token --sts`."
        },
    )
    access_keys_file: str | None = attrs.field(
        default=None,
        validator=OrNull(_FILE),
        metadata={
            "doc": "The access keys that are known, with the principal of each; see the "
            "chapter on credentials. Read again when it changes."
        },
    )
    policy_files: tuple[str, ...] = attrs.field(
        default=(),
        validator=ListOf(_FILE),
        metadata={
            "doc": "IAM policies in JSON that allow principals rds-db:connect. Nothing is "
            "allowed without one."
        },
    )
    region: str | None = attrs.field(
        default=None,
        validator=OrNull(_REGION),
        metadata={"doc": "The region that tokens have to be made for; null is that of aws."},
    )
    account: str | None = attrs.field(
        default=None,
        validator=OrNull(_ACCOUNT),
        metadata={
            "doc": "The account whose principals may log in; null takes those of any account "
            "whose keys are known. STS needs one, for it knows everybody's."
        },
    )
    resource_id: str | None = attrs.field(
        default=None,
        validator=OrNull(_TEXT),
        metadata={
            "doc": "The name of this proxy in the ARN of which policies speak, "
            "arn:aws:rds-db:REGION:ACCOUNT:dbuser:RESOURCE_ID/USER; null is prx- and the name "
            "of the proxy."
        },
    )
    hosts: tuple[str, ...] = attrs.field(
        default=(),
        validator=ListOf(_TEXT),
        metadata={
            "doc": "The names, with or without a port, for which clients make their tokens; "
            "`*.example` stands for all below example. An empty list takes a token for any "
            "host, one for another database too."
        },
    )
    clock_skew: float = attrs.field(
        default=300.0,
        validator=Seconds(0, 900),
        metadata={"doc": "How far the clocks of clients may be ahead."},
    )
    token_reuse: TokenReuse = attrs.field(
        default=TokenReuse.SAME_ADDRESS,
        validator=Choice(TokenReuse),
        metadata={
            "doc": "From where a token may be used again within its 15 minutes, as connection "
            "pools do: from the address that used it first, from ANY, or not at all (NONE)."
        },
    )
