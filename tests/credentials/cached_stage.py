"""A secret in the test's hand, for the tests of `proxy.credentials.cached`."""

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from proxy.credentials.aws_errors import AwsUnavailableError, Trouble
from proxy.credentials.cached import CachedSecret, Freshness
from proxy.credentials.gate import Gate
from proxy.credentials.secret_value import SecretValue
from proxy.credentials.secrets_manager import CURRENT, SecretVersion
from proxy.observe.counters import Counters

INTERVAL, STALE, OVERLAP = 300.0, 4000.0, 1000.0
NOON = 1_700_000_000.0
AWAY = AwsUnavailableError("AWS cannot be reached", Trouble.UNREACHABLE)


def version(number, password, user="app", created=NOON):
    """Make a version of a secret."""
    return SecretVersion(f"v{number}", created, SecretValue(user, password))


class Stage:
    """A secret whose versions the test sets, by stage; an error stands for AWS refusing."""

    def __init__(self, **versions):
        self.versions = {CURRENT: version(1, "one"), **versions}
        self.asked = []
        self.held = None
        self.clock = Clock()
        self.offset = NOON
        self.chance = 0.5
        self.changes = []
        self.counters = Counters()
        self.gate = Gate(self.clock)
        self.secret = CachedSecret(
            "shop/app",
            self.fetch,
            Freshness(
                refresh_interval_seconds=INTERVAL,
                stale_limit_seconds=STALE,
                password_overlap_seconds=OVERLAP,
            ),
            clock=self.clock,
            now=lambda: self.offset + self.clock.seconds(),
            random=lambda: self.chance,
            counters=self.counters,
            gate=self.gate,
            on_change=lambda users: self.changes.append((users, dict(self.secret.accounts))),
        )

    def fetch(self, stage):
        """Answer at once, or when the test says so."""
        self.asked.append(stage)
        if self.held is not None:
            self.held.append(Deferred())
            return self.held[-1].addCallback(lambda _: self.answer(stage))
        return self.answer(stage)

    def answer(self, stage):
        """Say what the test has set."""
        found = self.versions.get(stage)
        return fail(found) if isinstance(found, Exception) else succeed(found)

    def questions(self):
        """Say what was asked since the last time."""
        asked, self.asked = self.asked, []
        return asked

    @property
    def passwords(self):
        """Say the passwords of the usual user."""
        return self.secret.accounts.get("app")
