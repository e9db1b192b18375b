"""Tests of `proxy.service.renewal`: a proxy whose clients are with workers."""

from __future__ import annotations

import time

import attrs
import pytest
from twisted.internet.defer import Deferred, succeed

from proxy.config.auth import AuthEntry
from proxy.config.aws import TokenReuse
from proxy.config.failover import FailoverConfig, Topology
from proxy.config.model import Target, TargetSet
from proxy.config.pool import ConnectionPoolConfig
from proxy.config.secret import Secret
from proxy.config.tls import BackendTls, TlsMode
from proxy.credentials.aws_threads import AwsThreads
from proxy.credentials.cached import REFETCH_PAUSE_SECONDS
from proxy.credentials.secret_value import SecretValue
from proxy.credentials.secrets_manager import CURRENT, SecretVersion
from proxy.failover.sharing import NOBODY
from proxy.pool.rotation import Rotation
from proxy.service.materials import Materials
from proxy.service.tokens import UnusableError
from proxy.vocabulary import Role
from tests.support.apart import Apart
from tests.support.assembling import APP, SECRET, make_config

OTHER = AuthEntry(username="other", password=Secret("x"))
SOME = (Target(address="db1"), Target(address="db2", role=Role.READ_ONLY))


@pytest.fixture
def apart(shared):
    """A proxy with two targets, begun."""
    made = make_config()
    group = attrs.evolve(
        made.target_group,
        targets=SOME,
        topology=Topology.REPLICATION,
        tls=BackendTls(mode=TlsMode.DISABLED),
    )
    apart = Apart(attrs.evolve(made, target_group=group), shared).start()
    yield apart
    apart.stop()


def group_of(apart, **settings):
    """Its target group with other settings."""
    return attrs.evolve(apart.distant.proxy.config.target_group, **settings)


def generations(apart):
    """How often the pools of the worker have begun anew, by target."""
    pools = apart.served.proxy.pools.by_address().items()
    return {name: pool.ledger.generation for name, pool in pools}


def test_both_know_other_users(apart, monkeypatch):
    """The worker's pools are told of changed passwords."""
    told = []

    async def changed(_, user):
        told.append(user)

    monkeypatch.setattr(Rotation, "changed", changed)
    apart.renew(auth=(attrs.evolve(APP, password=Secret("new")), OTHER))
    for part in (apart.distant, apart.served):
        assert part.workshop.directory.known("app").passwords == ("new",)
        assert part.workshop.directory.known("other").passwords == ("x",)
    assert {*told} == {"app"}
    assert apart.distant.proxy.config == apart.served.proxy.config


class Secrets:
    """What AWS has; nothing is answered while it is away."""

    def __init__(self, password):
        self.password, self.is_away = password, False

    def run(self, fetch):
        """See `AwsThreads`."""
        if self.is_away:
            return Deferred()
        value = SecretValue("app", self.password)
        found = SecretVersion(self.password, time.time(), value)
        return succeed(found if CURRENT in fetch.args else None)


def test_secrets_that_are_read_for_a_reload_do_not_touch_those_in_force(shared, monkeypatch):
    """Where it is refused a worker knows what it knew, and has passwords looked up anew."""
    there = Secrets("one")
    monkeypatch.setattr(AwsThreads, "run", lambda _, fetch: there.run(fetch))
    config = make_config(auth=(SECRET,))
    apart = Apart(config, shared).start()
    try:
        workshop, served = apart.distant.workshop, apart.served.workshop.directory
        aws = attrs.evolve(config.aws, secret_refresh_interval=600.0)
        fresh = Materials(attrs.evolve(config, aws=aws), workshop.means, workshop.materials)
        there.is_away = True
        for do in (fresh.secrets.start, fresh.secrets.stop):
            do()
            apart.run()
            assert served.known("app").passwords == ("one",)
        there.is_away, there.password = False, "two"
        shared.reactor.advance(REFETCH_PAUSE_SECONDS)
        served.refresh("app")
        apart.run()
        assert served.known("app").passwords == ("two",)
    finally:
        apart.stop()


def test_limits_are_those_of_the_worker(apart):
    """What was decided stays."""
    steward, serial = apart.distant.steward, apart.distant.proxy.course.serial
    config = ConnectionPoolConfig(max_connections=9, max_waiting=7)
    apart.renew(target_group=group_of(apart, connection_pool_config=config))
    assert {pool.ledger.limits.waiting for pool in apart.served.proxy.pools} == {7}
    assert steward.group.connection_pool_config is config
    assert apart.distant.proxy.course.serial == serial
    assert generations(apart) == {"db1": 0, "db2": 0}


def test_guesses_are_slowed_down_as_it_is_wanted_now(apart):
    """What is remembered counts on, and the supervisor says how long it takes."""
    guesses = apart.served.proxy.admission.guesses

    def fail():
        asked = guesses.failed("app", "203.0.113.9", 0.0)
        apart.run()
        return asked.result

    assert [fail() for _ in range(3)] == [0, 0, 0]
    apart.renew(failed_login_threshold=1, max_failed_login_delay=3.0)
    assert guesses is apart.served.proxy.admission.guesses
    assert fail() == 3
    apart.renew(failed_login_threshold=0)
    assert guesses.failed("app", "203.0.113.9", 0.0) == 0


def test_tokens_are_forgotten_with_other_settings_only(apart, tokens):
    """As with one process."""
    digest, expires = b"a" * 32, time.time() + 900

    def use():
        using = apart.served.proxy.admission.tokens.use(digest, "10.0.0.1", expires)
        apart.run()
        return using.result

    iam = attrs.evolve(tokens["iam"], token_reuse=TokenReuse.NONE)
    apart.renew(auth=tokens["auth"], iam=iam)
    assert use() is None
    apart.renew(max_clients=7)
    assert "used already" in use().reason
    apart.renew(iam=attrs.evolve(iam, token_reuse=TokenReuse.ANY))
    assert use() is None
    apart.renew(iam=iam)
    assert use() is None
    assert "used already" in use().reason


def test_targets_come_and_go_in_both(apart):
    """By what the supervisor decides."""
    third = Target(address="db3", role=Role.READ_ONLY)
    apart.renew(target_group=group_of(apart, targets=(SOME[0], third)))
    obeying = apart.served.obeying
    assert [*apart.distant.steward.posts] == [*obeying.targets] == ["db1", "db3"]
    apart.served.proxy.pools.sweep()
    assert [*apart.served.proxy.pools.by_address()] == ["db1", "db3"]


def test_only_the_target_that_is_spoken_to_otherwise_is_left(apart):
    """As its settings are by now."""
    changed = attrs.evolve(SOME[1], proxy_protocol=True)
    targets = group_of(apart, targets=(SOME[0], changed))
    apart.renew(target_group=targets)
    assert generations(apart) == {"db1": 0, "db2": 1}
    assert apart.served.obeying.targets["db2"] == changed
    apart.renew(target_group=targets)
    assert generations(apart) == {"db1": 0, "db2": 1}


def test_reading_ones_own_writes_begins_and_ends(apart):
    """In both."""
    readers = apart.distant.proxy.course.readers
    route = apart.served.routes[Role.READ_ONLY]
    wanted = FailoverConfig(read_your_writes=True)
    apart.renew(target_group=group_of(apart, failover=wanted))
    told, kept = readers.own_writes, route.own_writes
    assert told is not None
    slower = attrs.evolve(wanted, read_your_writes_timeout=7)
    apart.renew(target_group=group_of(apart, failover=slower))
    assert (readers.own_writes, route.own_writes) == (told, kept)
    assert kept._timeout == 7
    assert kept._elsewhere is not None
    apart.renew(target_group=group_of(apart, failover=FailoverConfig()))
    assert readers.own_writes is route.own_writes is None
    assert kept._stopped


def test_a_room_without_a_reader_stays_without_connections(apart):
    """Whatever the pools may have."""
    alone = FailoverConfig(fall_back_to_writer=False)
    apart.renew(target_group=group_of(apart, failover=alone))
    config = ConnectionPoolConfig(max_connections=9, connection_borrow_timeout=3)
    apart.renew(target_group=group_of(apart, connection_pool_config=config))
    room = apart.served.proxy.pools.by_address()[NOBODY.address]
    assert apart.served.obeying.room is room
    assert room.ledger.limits.connections == 0
    assert room.allowance.config is not None


def test_the_set_in_use_says_how_its_targets_are(apart):
    """A worker knows it by the targets that are in use."""
    blue = TargetSet(name="blue", targets=(attrs.evolve(SOME[0], proxy_protocol=True),))
    both = group_of(apart, target_sets=(blue,))
    apart.renew(target_group=both)
    assert not apart.served.obeying.targets["db1"].proxy_protocol
    apart.distant.steward.use_set("blue", blue.targets)
    apart.run()
    assert [*apart.served.obeying.targets] == ["db1"]


def test_targets_do_not_change_while_an_order_is_carried_out(apart):
    """The supervisor says so."""
    apart.distant.steward.waits.begin_order("db2 is being promoted")
    with pytest.raises(UnusableError, match="cannot change now: db2 is being promoted"):
        apart.renew(target_group=group_of(apart, targets=SOME[:1]))


def test_what_targets_need_that_were_found_is_read_in_time(apart, tmp_path):
    """By either."""
    found = Target(address="db7")
    apart.distant.steward.take_up([found], found=True)
    apart.run()
    tls = BackendTls(mode=TlsMode.VERIFY_IDENTITY, ca=str(tmp_path / "none"))
    with pytest.raises(UnusableError):
        apart.renew(target_group=group_of(apart, tls=tls))
