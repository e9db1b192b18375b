"""Where passwords come from, and who knows tokens, as a test sets it."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed

from proxy.credentials.iam.verify import Verdict
from proxy.credentials.source import Credential

NATIVE = "mysql_native_password"


def credential(user="app", *passwords, plugin=NATIVE, **more):
    """Make a credential; the password is "secret" when none is given."""
    return Credential(user, passwords or ("secret",), plugin, **more)


class Passwords:
    """A source of credentials.

    Attributes:
        there: What is known, by user.
        fresh: What is found when it is looked up anew; it is known from then on.
        hidden: Users of `there` who have to be asked for.
        asked: What was looked up: "find" or "refresh", and the user.
        held: While this is a list, answers wait in it, each as a callable.
    """

    def __init__(self, *credentials):
        self.there = {one.user: one for one in credentials}
        self.fresh = {}
        self.hidden = set()
        self.asked = []
        self.held = None

    def known(self, user):
        """See `CredentialSource`."""
        return None if user in self.hidden else self.there.get(user)

    def find(self, user):
        """See `CredentialSource`."""
        self.asked.append(("find", user))
        return self._answer(lambda: self.there.get(user))

    def refresh(self, user):
        """See `CredentialSource`."""
        self.asked.append(("refresh", user))
        return self._answer(lambda: self._look_anew(user))

    def _look_anew(self, user):
        if user in self.fresh:
            found = self.fresh.pop(user)
            self.there.pop(user, None)
            if found is not None:
                self.there[user] = found
        return self.there.get(user)

    def _answer(self, look):
        if self.held is None:
            return succeed(look())
        answer = Deferred()
        self.held.append(lambda: answer.called or answer.callback(look()))
        return answer

    def users(self):
        """See `CredentialSource`."""
        return tuple(self.there)


class Tokens:
    """Knows which tokens are good.

    Attributes:
        good: (token, user) pairs.
        asked: What was asked: token, user, address.
        is_our_fault: Whether those that are not good could not be checked.
        principal: Who made them.
    """

    def __init__(self, *good, principal="", is_our_fault=False):
        self.good = set(good)
        self.principal = principal
        self.is_our_fault = is_our_fault
        self.asked = []

    def verify(self, token, user, address):
        """See `proxy.front.admission.TokenChecker`."""
        self.asked.append((token, user, address))
        allowed = (token, user) in self.good
        return succeed(
            Verdict(
                allowed=allowed,
                reason="a policy says so",
                principal=self.principal,
                is_our_fault=self.is_our_fault and not allowed,
            )
        )
