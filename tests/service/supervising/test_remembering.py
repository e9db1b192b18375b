"""Tests of `proxy.service.supervising.remembering`, and of who asks it."""

from __future__ import annotations

from types import SimpleNamespace

import attrs
import pytest
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from proxy.config.aws import TokenReuse
from proxy.credentials.iam.used_tokens import UsedTokens
from proxy.policy.guesses import FORGOTTEN_AFTER_SECONDS, Guesses
from proxy.service.seats.remembered import ANSWER_SECONDS, GOOD_LOGIN, Remembered
from proxy.service.supervising.remembering import LOOK_SECONDS, LoginMemory, Remembering
from tests.support.assembling import make_config
from tests.support.linked import Result, linked, settle, wire_of

HERE, THERE = "203.0.113.9", "203.0.113.10"
A, B = b"a" * 32, b"b" * 32
EXPIRES = 900.0


class Verifier:
    """Remembers tokens, as the supervisor's does."""

    def __init__(self, clock, reuse):
        self._clock = clock
        self._used = UsedTokens(reuse)

    async def use(self, digest, address, expires):
        return self._used.use(digest, address, expires, self._clock.seconds())


@attrs.define(eq=False)
class Worker:
    """A worker that serves `shop`.

    Attributes:
        link: Of the supervisor, to it.
        up: Its own end.
        guesses: Its proxy's.
        tokens: Likewise.
        told: How many logins it has told of that succeeded.
    """

    number: int
    link: object
    up: object
    guesses: object
    tokens: object
    told: int = 0


class Office:
    """A supervisor with workers.

    Attributes:
        memory: That of the proxy `shop`.
    """

    def __init__(self, count=2, reuse=TokenReuse.NONE, threshold=1):
        self.clock = Clock()
        self.workers = []
        self.config = make_config(failed_login_threshold=threshold)
        self.remembering = Remembering(self.tell, self.clock)
        self.memory = self.make_memory(reuse, threshold)
        self.remembering.begin(self.memory)
        for number in range(1, count + 1):
            self.hire(number)

    def make_memory(self, reuse=TokenReuse.NONE, threshold=1):
        materials = SimpleNamespace(verifier=Verifier(self.clock, reuse))
        workshop = SimpleNamespace(materials=materials)
        return LoginMemory("shop", workshop, Guesses(threshold, 30.0))

    def tell(self, what, **more):
        for one in self.workers:
            one.link.tell(what, **more)

    def hire(self, number):
        """A worker joins."""
        down, up = linked(self.clock)
        remembered = Remembered(up)
        worker = Worker(
            number, down, up, remembered.guesses(self.config), remembered.tokens("shop")
        )
        self.workers.append(worker)
        self.remembering.join(worker)
        heard = down._handlers[GOOD_LOGIN]

        def count(message, sockets):
            worker.told += 1
            heard(message, sockets)

        down.on(GOOD_LOGIN, count)
        settle(self.clock)
        return worker

    def ask(self, deferred):
        """What comes of something that was asked."""
        result = Result(deferred)
        settle(self.clock)
        return result

    def use(self, number, digest=A, address=HERE, expires=EXPIRES):
        """Use a token by way of a worker; why not."""
        asked = self.workers[number - 1].tokens.use(digest, address, expires, 0.0)
        return self.ask(asked).value

    def fail(self, number, user="app", address=HERE):
        """Fail by way of a worker; the delay."""
        worker = self.workers[number - 1]
        return self.ask(worker.guesses.failed(user, address, self.clock.seconds())).value

    def succeed(self, number, user="app", address=HERE):
        """Succeed by way of a worker; whether the supervisor has heard of it."""
        worker = self.workers[number - 1]
        before = worker.told
        worker.guesses.succeeded(user, address)
        settle(self.clock)
        return worker.told > before

    def pass_time(self, seconds):
        """Let time pass, and look."""
        self.clock.advance(seconds)
        self.remembering.look()
        settle(self.clock)


@pytest.fixture
def office():
    """A supervisor with two workers."""
    return Office()


# Tokens


def test_a_token_is_used_once_by_way_of_whichever_worker(office):
    """The next one is refused everywhere, and another token is not."""
    assert office.use(1) is None
    for number in (1, 2):
        refused = office.use(number)
        assert refused.reason == "the token has been used already"
        assert not refused.is_our_fault
    assert office.use(2, B) is None


def test_a_token_is_bound_to_its_address_at_all_workers():
    """Where that is what is wanted."""
    office = Office(reuse=TokenReuse.SAME_ADDRESS)
    assert office.use(1) is None
    assert office.use(2) is None
    assert "another address" in office.use(2, address=THERE).reason


def test_a_lack_of_room_is_our_fault_at_the_worker_too(office):
    """As where the memory is."""
    office.memory.workshop.materials.verifier._used = UsedTokens(TokenReuse.NONE, limit=0)
    assert office.use(1).is_our_fault


def test_a_worker_that_comes_later_lets_nothing_in_again(office):
    """What was used by way of one that has died stays used."""
    assert office.use(1) is None
    wire_of(office.workers[0].up).break_off()
    office.hire(1)
    assert office.use(3).reason == "the token has been used already"


def test_who_gets_no_answer_is_not_let_in(office):
    """Which is our fault, after some seconds of silence or at once."""
    wire_of(office.workers[0].link).stuck = True
    asked = office.ask(office.workers[0].tokens.use(A, HERE, EXPIRES, 0.0))
    assert not asked.is_there
    office.clock.advance(ANSWER_SECONDS)
    assert asked.value.is_our_fault
    assert asked.value.reason.startswith(
        "the supervisor has not said whether the token was used already: "
    )
    wire_of(office.workers[0].up).break_off()
    assert office.use(1, B).is_our_fault
    assert not office.clock.calls


def test_who_gives_up_waiting_leaves_nothing_behind(office):
    """The token is used all the same."""
    asked = Result(office.workers[0].tokens.use(A, HERE, EXPIRES, 0.0))
    asked.deferred.cancel()
    settle(office.clock)
    assert asked.error is not None
    assert not office.clock.calls
    assert office.use(2).reason == "the token has been used already"


def test_where_no_tokens_are_taken_any_more_none_is_used(office):
    """A worker may hear of the new configuration a moment later."""
    office.memory.workshop.materials.verifier = None
    refused = office.use(1)
    assert refused.reason.endswith("IAM tokens are not taken any more")
    assert refused.is_our_fault


# Guesses


def test_guesses_count_whichever_worker_they_come_to(office):
    """The delays are those of one process."""
    assert [office.fail(number) for number in (1, 2, 1, 2)] == [0, 1, 2, 4]
    assert office.fail(1, user="other") == 0


def test_a_success_ends_the_count_of_all_workers(office):
    """Though the failures came to another one."""
    for _ in range(3):
        office.fail(1)
    assert office.succeed(2)
    assert office.fail(2) == 0


def test_who_has_not_failed_costs_no_message(office):
    """Neither before anybody has failed nor while somebody else has."""
    assert not office.succeed(1)
    office.fail(1)
    assert not office.succeed(2, user="other")
    assert not office.succeed(2, address=THERE)
    assert office.succeed(2)


def test_a_worker_that_joins_knows_who_has_failed(office):
    """So what it sees succeed is forgotten."""
    office.fail(1)
    office.hire(3)
    assert office.succeed(3)
    assert office.fail(1) == 0


def test_who_is_forgotten_is_told_of_no_more(office):
    """Soon after, when somebody looks."""
    office.fail(1)
    office.pass_time(LOOK_SECONDS)
    assert office.succeed(2)
    assert office.succeed(2)
    office.pass_time(1.0)
    assert office.succeed(2)
    office.pass_time(LOOK_SECONDS)
    assert not office.succeed(2)
    office.fail(1)
    office.pass_time(FORGOTTEN_AFTER_SECONDS + 1)
    assert not office.succeed(2)
    assert repr(office.memory.guesses) == "<Guesses of 0>"


def test_all_users_of_an_address_count_together(office):
    """An IPv6 address is its network at each worker."""
    assert office.fail(1, address="2001:db8::1") == 0
    assert office.fail(2, address="2001:db8::2") == 1
    assert office.succeed(1, address="2001:db8::3")
    assert office.fail(2, address="2001:db8::4") == 0


def test_names_that_are_no_text_are_counted_too(office):
    """A client may send any bytes."""
    assert [office.fail(number, user="\udcff") for number in (1, 2)] == [0, 1]
    assert office.succeed(2, user="\udcff")


def test_without_an_answer_a_worker_goes_by_what_it_has_seen(office):
    """Also of the time before; and it does not wait for long."""
    office.fail(1)
    office.fail(1)
    office.fail(2)
    wire_of(office.workers[0].link).stuck = True
    asked = office.ask(office.workers[0].guesses.failed("app", HERE, 0.0))
    assert not asked.is_there
    office.clock.advance(ANSWER_SECONDS)
    assert asked.value == 2
    wire_of(office.workers[0].up).break_off()
    assert office.fail(1) == 4
    assert office.fail(1, user="other") == 0


def test_where_nobody_is_slowed_down_nobody_is_asked():
    """The answer is there at once."""
    office = Office(threshold=0)
    worker = office.workers[0]
    assert worker.guesses.failed("app", HERE, 0.0) == 0.0
    assert wire_of(worker.up).sent == 0
    worker.guesses.change(1, 30.0)
    assert isinstance(worker.guesses.failed("app", HERE, 0.0), Deferred)


# Proxies


def test_a_proxy_that_has_ended_is_forgotten(office):
    """Who still asks hears so, and workers have nothing to tell."""
    office.fail(1)
    assert office.use(1) is None
    office.remembering.end(office.memory)
    settle(office.clock)
    assert repr(office.remembering) == "<Remembering for 0 proxies>"
    assert not office.succeed(2)
    assert office.use(2).reason.endswith("the proxy has ended")
    assert office.fail(1) == 1
    office.remembering.begin(office.make_memory())
    assert office.use(2) is None
    assert office.fail(2) == 0


def test_another_proxy_of_the_name_begins_anew(office):
    """Whichever of them the supervisor hears of first; the end of the other one is no news."""
    office.fail(1)
    assert office.use(1) is None
    again = office.make_memory()
    office.remembering.begin(again)
    office.remembering.end(office.memory)
    settle(office.clock)
    assert not office.succeed(2)
    assert office.fail(2) == 0
    assert office.use(2) is None


def test_a_success_at_a_proxy_that_has_just_ended_is_no_mistake(office):
    """It was said when it was there."""
    office.fail(1)
    with capture_logs() as lines:
        office.workers[1].guesses.succeeded("app", HERE)
        office.remembering.end(office.memory)
        settle(office.clock)
    assert lines == []
