"""Secrets in the test's hand, for the tests of `proxy.credentials.secrets_source`."""

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from proxy.credentials.aws_errors import AwsUnavailableError, Trouble
from proxy.credentials.secret_value import SecretValue
from proxy.credentials.secrets_manager import CURRENT, SecretVersion
from proxy.credentials.secrets_source import Freshness, SecretEntry, SecretsSource
from proxy.credentials.source import Credential
from proxy.observe.counters import Counters

INTERVAL = 300.0
NOON = 1_700_000_000.0
AWAY = AwsUnavailableError("AWS cannot be reached", Trouble.UNREACHABLE)


def make_credential(user, passwords):
    """Make a credential as an entry of the configuration would."""
    return Credential(user, passwords, "plugin")


def version(name, user, password):
    """Make a version of a secret."""
    return SecretVersion(name, NOON, SecretValue(user, password))


class Stage:
    """Secrets by id and stage, as the test sets them; those in `held` answer later."""

    def __init__(self, *entries, log=None, **secrets):
        self.secrets = {(name, CURRENT): value for name, value in secrets.items()}
        self.held = {}
        self.asked = []
        self.changes = []
        self.clock = Clock()
        self.counters = Counters()
        self.source = SecretsSource(
            [
                SecretEntry(entry, make_credential) if isinstance(entry, str) else entry
                for entry in entries
            ],
            self.fetch,
            Freshness(
                refresh_interval_seconds=INTERVAL,
                stale_limit_seconds=4000.0,
                password_overlap_seconds=1000.0,
            ),
            clock=self.clock,
            now=lambda: NOON + self.clock.seconds(),
            random=lambda: 0.5,
            counters=self.counters,
            on_change=self.changes.append,
            log=log,
        )

    def fetch(self, secret_id, stage):
        """Answer at once, or when the test says so."""
        self.asked.append((secret_id, stage))
        if secret_id in self.held:
            self.held[secret_id] = waiting = Deferred()
            return waiting.addCallback(lambda _: self.answer(secret_id, stage))
        return self.answer(secret_id, stage)

    def answer(self, secret_id, stage):
        """Say what the test has set."""
        found = self.secrets.get((secret_id, stage))
        return fail(found) if isinstance(found, Exception) else succeed(found)

    def release(self, secret_id):
        """Let a secret that was held answer, and all its questions after."""
        self.held.pop(secret_id).callback(None)

    def passwords(self, user):
        """Say the passwords of a user."""
        return self.source.known(user).passwords
