"""Who may log in as whom: IAM policies, as AWS writes them in JSON.

    {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "rds-db:connect",
        "Resource": "arn:aws:rds-db:eu-central-1:123456789012:dbuser:prx-shop/app_*",
        "Principal": {"AWS": "arn:aws:iam::123456789012:role/shop"}}]}

An explicit Deny wins, and what no statement allows is denied (IAM User Guide, "Policy
evaluation logic").  A policy here has no identity that it is attached to, so that a statement
may name its principals; one that names none is about everybody.  How a policy is read is in
`proxy.credentials.iam.document`.
"""

from __future__ import annotations

import enum
import fnmatch
import re
from collections.abc import Iterable

import attrs

from proxy.credentials.iam.arn import role_behind

CONNECT = "rds-db:connect"
"""The action of logging in."""


class Effect(enum.Enum):
    """What a statement does where it fits."""

    ALLOW = "Allow"
    DENY = "Deny"


@attrs.frozen
class Glob:
    """A text in which `*` stands for any characters and `?` for one."""

    text: str
    _pattern: re.Pattern[str] = attrs.field(init=False, repr=False, eq=False)

    @_pattern.default
    def _compiled(self) -> re.Pattern[str]:
        # fnmatch knows sets in brackets, which IAM does not; its patterns do not backtrack.
        return re.compile(fnmatch.translate(self.text.replace("[", "[[]")))

    def fits(self, text: str) -> bool:
        """Whether it stands for this text as a whole; what the text has in it is no pattern."""
        return self._pattern.match(text) is not None


class ResourcePattern:
    """Names of logins, with wildcards.

    The user is what follows the first slash of a resource, and may have slashes and colons of
    its own.  So that nobody gets more by choosing such a user, a wildcard before the slash of a
    pattern does not reach beyond that of a resource, unless the pattern ends with it.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        before, self._slash, after = text.partition("/")
        self._whole = Glob(text)
        self._before = Glob(before)
        self._after = Glob(after)

    def __repr__(self) -> str:
        return f"ResourcePattern({self._text!r})"

    def surely_fits(self, resource: str) -> bool:
        """Whether it stands for this resource if its wildcards reach as little as they may."""
        before, slash, after = resource.partition("/")
        if self._slash:
            return bool(slash) and self._before.fits(before) and self._after.fits(after)
        return self._before.fits(before) and (not slash or self._text.endswith("*"))

    def may_fit(self, resource: str) -> bool:
        """Whether it stands for this resource if its wildcards reach as far as they can."""
        return self._whole.fits(resource)


@attrs.frozen
class Statement:
    """One statement of a policy.

    Attributes:
        name: What the log calls it.
        actions: In lower case: IAM does not look at theirs.
        principals: None for everybody.
    """

    name: str
    effect: Effect
    actions: tuple[Glob, ...]
    resources: tuple[ResourcePattern, ...]
    principals: tuple[Glob, ...] | None = None

    def concerns(self, resource: str, action: str) -> bool:
        """Whether it is about this, whoever does it.

        In doubt, how far a wildcard reaches, a Deny is about it and an Allow is not.
        """
        if not any(pattern.fits(action.lower()) for pattern in self.actions):
            return False
        if self.effect is Effect.ALLOW:
            return any(pattern.surely_fits(resource) for pattern in self.resources)
        return any(pattern.may_fit(resource) for pattern in self.resources)

    def fits(self, principal: str, resource: str, action: str) -> bool:
        """Whether it is about this principal, too; see `concerns`."""
        if not self.concerns(resource, action):
            return False
        if self.principals is None:
            return True
        names = [principal, role_behind(principal) or principal]
        return any(pattern.fits(name) for pattern in self.principals for name in names)


@attrs.frozen
class Decision:
    """Whether it is allowed, and which statement says so; the reason is for the log."""

    allowed: bool
    reason: str


class Policies:
    """All statements that hold, from any number of policies."""

    def __init__(self, statements: Iterable[Statement] = ()) -> None:
        self.statements = tuple(statements)

    def __repr__(self) -> str:
        return f"<Policies of {len(self.statements)} statements>"

    def might_allow(self, resource: str, action: str = CONNECT) -> bool:
        """Whether there is anybody who may do this, as far as one can say without a name."""
        return any(
            statement.effect is Effect.ALLOW and statement.concerns(resource, action)
            for statement in self.statements
        )

    def decide(self, principal: str, resource: str, action: str = CONNECT) -> Decision:
        """Whether a principal may do this with this resource, and why; both are ARNs."""
        fitting = [s for s in self.statements if s.fits(principal, resource, action)]
        for statement in fitting:
            if statement.effect is Effect.DENY:
                return Decision(allowed=False, reason=f"denied by {statement.name}")
        if fitting:
            return Decision(allowed=True, reason=f"allowed by {fitting[0].name}")
        return Decision(allowed=False, reason=unmentioned(resource, action))


def unmentioned(resource: str, action: str = CONNECT) -> str:
    """The reason of a denial for which there is no statement."""
    return f"no statement allows {action} on {resource}"
