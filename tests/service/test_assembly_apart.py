"""Tests of `proxy.service.assembly`: a proxy whose clients are with workers."""

from __future__ import annotations

import time

import attrs
import pytest

from proxy.config.aws import TokenReuse
from proxy.config.failover import FailoverConfig, Topology
from proxy.config.model import Target
from proxy.config.tls import BackendTls, TlsMode
from proxy.credentials.shared import SharedSecrets, ToldSecrets
from proxy.failover.reports import PoolReport, encode_report
from proxy.failover.sharing import NOBODY
from proxy.vocabulary import Role
from tests.support.apart import Apart
from tests.support.assembling import APP, FILE, SECRET, make_config

SOME = (Target(address="db1"), Target(address="db2", role=Role.READ_ONLY))


def config(targets=SOME, failover=None, tls=None, **settings):
    """A proxy with two targets."""
    made = make_config(**settings)
    group = attrs.evolve(
        made.target_group,
        targets=targets,
        topology=Topology.REPLICATION,
        failover=failover or FailoverConfig(),
        tls=tls or BackendTls(mode=TlsMode.DISABLED),
    )
    return attrs.evolve(made, target_group=group)


@pytest.fixture
def make(shared):
    """Make proxies in two parts, and stop them in the end."""
    made = []

    def begin(*given, **settings):
        made.append(Apart(config(*given, **settings), shared))
        return made[-1]

    yield begin
    for one in made:
        one.stop()


def test_nothing_is_told_or_timed_before_it_is_started(make, shared):
    """It is made in a thread, and may be given up for all that it is made."""
    apart = make(auth=(APP, FILE, SECRET), failover=FailoverConfig(read_your_writes=True))
    assert apart.attached == []
    assert shared.reactor.getDelayedCalls() == []


def test_a_worker_waits_for_who_writes(make):
    """It knows what its supervisor has decided when it has started, and no sooner."""
    apart = make()
    served = apart.served
    assert [pool.ledger.held for pool in served.proxy.pools] == [True]
    assert not served.obeying.is_told
    apart.start()
    assert [*served.obeying.targets] == ["db1", "db2"]
    assert served.proxy.pool.ledger.held  # nobody has looked at a target yet
    assert {pool.watcher for pool in served.proxy.pools} == {served.obeying}
    assert apart.attached == [("shop", "db1"), ("shop", "db2")]


def test_a_single_target_is_served_at_once(make):
    """As nobody has to look at it."""
    apart = make(targets=SOME[:1])
    group = apart.distant.steward.group
    assert group.topology is Topology.REPLICATION
    apart.start()
    static = attrs.evolve(group, topology=Topology.STATIC)
    apart.renew(target_group=static)
    assert not apart.served.proxy.pool.ledger.held
    assert not apart.distant.steward.watches


def test_where_clients_wait_without_a_reader_nothing_is_shared(make):
    """There are no connections to share."""
    apart = make(failover=FailoverConfig(fall_back_to_writer=False)).start()
    room = apart.served.proxy.pools.by_address()[NOBODY.address]
    assert room.ledger.limits.connections == 0
    assert NOBODY.address not in [target for _, target in apart.attached]


def test_files_are_read_by_each_and_secrets_by_one(make, shared):
    """The worker is told what the supervisor knows of them."""
    apart = make(auth=(FILE, SECRET))
    distant, served = apart.distant.workshop, apart.served.workshop
    assert isinstance(distant.materials.secrets, SharedSecrets)
    assert isinstance(served.materials.secrets, ToldSecrets)
    assert distant.materials.secrets.key == served.materials.secrets.key
    assert apart.distant.sources == distant.materials.living
    assert apart.served.sources == served.materials.living
    shared.reactor.advance(7)
    assert apart.distant.now().secret_age_seconds == 7
    assert apart.served.now().secret_age_seconds == 0


def test_what_is_decided_is_shown_by_who_decides(make):
    """The worker shows its clients and connections."""
    apart = make().start()
    distant, served = apart.distant.now(), apart.served.now()
    assert [one.target_role for one in distant.targets] == ["READ_WRITE", "READ_ONLY"]
    assert {one.target_state for one in distant.targets} == {"REGISTERING"}
    assert [one.place for one in distant.targets] == [one.place for one in served.targets]
    assert distant.writer_held
    assert not served.writer_held
    assert {one.target_state for one in served.targets} == {""}


def test_looking_after_it_each_second(make):
    """The worker reports, and the supervisor looks who is there."""
    apart = make(tls=BackendTls(mode=TlsMode.REQUIRED)).start()
    apart.directing._courses["shop"].reported(
        1, {"serial": 0, "pools": {"db1": encode_report(PoolReport(total=3))}}
    )
    assert apart.distant.proxy.pool.ledger.total == 3
    apart.served.look()
    apart.run()
    assert apart.distant.proxy.pool.ledger.total == 0
    apart.distant.look()
    assert apart.distant.availability.percentages() == {"READ_WRITE": 0.0, "READ_ONLY": 0.0}


def test_who_reads_what_was_written_here_hears_of_others(make):
    """Where that is wanted."""
    apart = make(failover=FailoverConfig(read_your_writes=True)).start()
    routes = apart.served.routes
    own_writes = routes[Role.READ_WRITE].own_writes
    assert own_writes is routes[Role.READ_ONLY].own_writes
    assert own_writes._elsewhere is not None
    assert apart.distant.proxy.course.readers.own_writes is not None


def test_logins_are_remembered_by_who_supervises(make, tokens):
    """The worker asks, of tokens only where a use may be the wrong one."""
    apart = make(**tokens, failed_login_threshold=1).start()
    admission, memory = apart.served.proxy.admission, apart.distant.memory
    digest, expires = b"a" * 32, time.time() + 900
    for address, why in (("10.0.0.1", None), ("10.0.0.2", "another address")):
        using = admission.tokens.use(digest, address, expires)
        assert not using.called
        apart.run()
        assert using.result is None if why is None else why in using.result.reason
    delays = [admission.guesses.failed("app", "10.0.0.1", 0.0) for _ in range(2)]
    apart.run()
    assert [delay.result for delay in delays] == [0, 1]
    assert repr(memory.guesses) == "<Guesses of 1>"
    admission.guesses.succeeded("app", "10.0.0.1")
    apart.run()
    assert repr(memory.guesses) == "<Guesses of 0>"


def test_where_any_use_of_a_token_is_good_nobody_is_asked(make, tokens):
    """The login costs no more than with one process."""
    iam = attrs.evolve(tokens["iam"], token_reuse=TokenReuse.ANY)
    apart = make(**{**tokens, "iam": iam}).start()
    for _ in range(2):
        using = apart.served.proxy.admission.tokens.use(b"a" * 32, "10.0.0.1", 0.0)
        assert using.result is None


def test_nothing_is_told_of_what_is_only_tried(make):
    """A configuration that is not put in force leaves workers alone."""
    apart = make()
    apart.run()
    apart.served.start()
    assert not apart.served.obeying.is_told


def test_a_stopped_supervisor_leaves_workers_as_they_are(make):
    """They serve those who are there."""
    apart = make(auth=(APP,)).start()
    held = [pool.ledger.held for pool in apart.served.proxy.pools]
    apart.stop_supervisor()
    assert [pool.ledger.held for pool in apart.served.proxy.pools] == held
    assert repr(apart.remembering) == "<Remembering for 0 proxies>"
    assert repr(apart.directing) == "<Directing 0 proxies in 1 workers>"
