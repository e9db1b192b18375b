"""Names of AWS: who a principal is, and what a login is called in a policy.

The forms are those of the IAM User Guide, "IAM identifiers" and "Creating and using an IAM
policy for IAM database access".
"""

from __future__ import annotations

import re

_PRINCIPAL = re.compile(
    r"""
    arn:(?P<partition> aws[a-z-]{0,20} )
    :(?: iam::(?P<account> [0-9]{12} ):(?: root | (?:user|role)/[^\s:*?]{1,600} )
       | sts::(?P<session_account> [0-9]{12} )
         :(?: assumed-role/(?P<role> [\w+=,.@-]{1,64} )/[\w+=,.@-]{1,64}
            | federated-user/[\w+=,.@-]{1,64} ) )
    """,
    re.VERBOSE | re.ASCII,
)

_SHOWN = 4
"""Characters shown at each end of an access key id: the first say its kind, as `AKIA`, and the
last tell the keys of one owner apart."""


def is_principal(arn: str) -> bool:
    """Whether this is the ARN of a user, a role, a session of a role, or of an account."""
    return _PRINCIPAL.fullmatch(arn) is not None


def account_of(principal: str) -> str:
    """The account, 12 digits, that a principal belongs to.

    Raises:
        ValueError: this is no principal.
    """
    found = _PRINCIPAL.fullmatch(principal)
    if found is None:
        raise ValueError("not the ARN of an IAM principal")
    return found["account"] or found["session_account"]


def role_behind(principal: str) -> str | None:
    """The ARN of the role, without its path, that this session of a role has taken on.

    The ARN of a session does not say the role's path; the name alone is unique in an account.
    None: this is no session of a role.
    """
    found = _PRINCIPAL.fullmatch(principal)
    if found is None or found["role"] is None:
        return None
    return f"arn:{found['partition']}:iam::{found['session_account']}:role/{found['role']}"


def login_resource(
    partition: str, region: str, account: str, resource_id: str, user: str
) -> str:
    """What a policy calls the login of a database user."""
    return f"arn:{partition}:rds-db:{region}:{account}:dbuser:{resource_id}/{user}"


def abbreviated(access_key_id: str) -> str:
    """An access key id as it may stand in a log: enough to find it, too little to use it."""
    if len(access_key_id) < 4 * _SHOWN:
        return access_key_id[: len(access_key_id) // 4] + "..."
    return f"{access_key_id[:_SHOWN]}...{access_key_id[-_SHOWN:]}"
