"""Tests of `proxy.service.renewal`."""

import re

import attrs
import pytest

from proxy.config.auth import AuthEntry
from proxy.config.failover import FailoverConfig, Topology
from proxy.config.load import load_text
from proxy.config.model import DefaultAuthScheme, EndpointConfig, Target
from proxy.config.pool import ConnectionPoolConfig
from proxy.config.secret import Secret
from proxy.config.tls import BackendTls, TlsMode
from proxy.embedded.certificates import self_signed
from proxy.pool.rotation import Rotation
from proxy.service.assembly import assemble
from proxy.service.materials import Materials
from proxy.service.renewal import examine, renew
from proxy.service.tokens import UnusableError
from proxy.vocabulary import Role
from tests.support.alike import differences
from tests.support.assembling import APP, FILE, make_config

OTHER = AuthEntry(username="other", password=Secret("x"))
SOME = (Target(address="db1"), Target(address="db2", role=Role.READ_ONLY))


@pytest.fixture
def assembly(shared):
    """A proxy with one target, begun."""
    assembly = assemble(make_config(), shared)
    assembly.start()
    yield assembly
    assembly.stop()


def group_of(assembly, **settings):
    """Its target group with other settings."""
    return attrs.evolve(assembly.proxy.config.target_group, **settings)


def renewed(assembly, **settings):
    """Have it go by other settings."""
    workshop = assembly.workshop
    config = attrs.evolve(assembly.proxy.config, **settings)
    fresh = Materials(config, workshop.means, workshop.materials)
    examine(assembly, fresh)
    for source in fresh.living:
        if source not in workshop.materials.living:
            source.start()
    renew(assembly, fresh)


def test_users_come_and_go_and_change(assembly, monkeypatch):
    """Pools are told of those whose password is another one, and of nobody else."""
    told = []

    async def changed(_, user):
        told.append(user)

    monkeypatch.setattr(Rotation, "changed", changed)
    new = attrs.evolve(APP, password=Secret("new"))
    renewed(assembly, auth=(new, OTHER, FILE))
    directory = assembly.workshop.directory
    assert directory.known("app").passwords == ("new",)
    assert directory.known("other").passwords == ("x",)
    assert directory.known("batch").passwords == ("x",)
    assert told == ["app"]
    (file,) = assembly.sources
    renewed(assembly, auth=(OTHER,))
    assert directory.known("app") is None
    assert assembly.sources == []
    assert file._stopped


def test_users_without_a_password_may_come_and_not_any_more(assembly, tokens):
    """The targets are logged in to with tokens then, and whoever looks has them too."""
    pool, before = assembly.proxy.pool, assembly.proxy.config
    renewed(
        assembly, default_auth_scheme=DefaultAuthScheme.IAM_AUTH, iam=tokens["iam"], auth=()
    )
    giver = pool.accounts.tokens
    assert giver is not None
    assert assembly.workshop.directory.find("root").result.passwords == ()
    assert assembly.proxy.admission.tokens is not None
    renewed(assembly, max_clients=7)
    assert pool.accounts.tokens is giver
    renewed(assembly, default_auth_scheme=DefaultAuthScheme.NONE, auth=before.auth)
    assert pool.accounts.tokens is None
    assert assembly.workshop.directory.find("root").result is None


def test_limits_of_all_pools_are_changed_and_nothing_is_looked_at_anew(assembly):
    """The monitors that there are go on."""
    renewed(assembly, target_group=group_of(assembly, targets=SOME))
    monitors = [post.monitor for post in assembly.steward.posts.values()]
    config = ConnectionPoolConfig(max_waiting=7, connect_timeout=2.0)
    renewed(assembly, target_group=group_of(assembly, connection_pool_config=config))
    pools = [post.pool for post in assembly.steward.posts.values()]
    assert [pool.ledger.limits.waiting for pool in pools] == [7, 7]
    assert [pool.dialer.connector.timeout_seconds for pool in pools] == [2.0, 2.0]
    assert [pool.ledger.generation for pool in pools] == [0, 0]
    assert [post.monitor for post in assembly.steward.posts.values()] == monitors
    assert assembly.steward.group.connection_pool_config is config


def test_connections_that_were_made_otherwise_are_left(assembly):
    """Other TLS, another init query: a new generation of connections."""
    pool = assembly.proxy.pool
    renewed(
        assembly,
        target_group=group_of(
            assembly, connection_pool_config=ConnectionPoolConfig(init_query="SELECT 1")
        ),
    )
    assert pool.ledger.generation == 1
    renewed(assembly, target_group=group_of(assembly, tls=BackendTls(mode=TlsMode.DISABLED)))
    assert pool.ledger.generation == 2
    assert pool.dialer.connector.tls is None


def test_only_the_target_that_is_spoken_to_otherwise_is_left(assembly):
    """The others keep their connections."""
    renewed(assembly, target_group=group_of(assembly, targets=SOME))
    other = attrs.evolve(SOME[1], tls_server_name="two")
    renewed(assembly, target_group=group_of(assembly, targets=(SOME[0], other)))
    posts = assembly.steward.posts
    assert [posts[name].pool.ledger.generation for name in ("db1", "db2")] == [0, 1]


def test_reading_ones_own_writes_begins_and_ends(assembly):
    """Connections have to report commits, so they are made anew."""
    writers, readers = assembly.steward.writers, assembly.steward.sharing.route
    on = FailoverConfig(read_your_writes=True)
    renewed(assembly, target_group=group_of(assembly, failover=on))
    own_writes = writers.own_writes
    assert own_writes is readers.own_writes is not None
    slower = FailoverConfig(read_your_writes=True, read_your_writes_timeout=7)
    renewed(assembly, target_group=group_of(assembly, failover=slower))
    assert writers.own_writes is own_writes
    assert own_writes._timeout == 7
    renewed(assembly, target_group=group_of(assembly, failover=FailoverConfig()))
    assert writers.own_writes is readers.own_writes is None
    assert own_writes._stopped
    assert assembly.proxy.pool.ledger.generation == 2


def test_a_room_without_a_reader_stays_without_connections(assembly):
    """Whatever the pools may have."""
    alone = FailoverConfig(fall_back_to_writer=False)
    renewed(assembly, target_group=group_of(assembly, targets=SOME, failover=alone))
    room = assembly.steward.sharing.room
    config = ConnectionPoolConfig(max_connections=9, connection_borrow_timeout=3)
    renewed(assembly, target_group=group_of(assembly, connection_pool_config=config))
    assert assembly.steward.sharing.room is room
    assert room.ledger.limits.connections == 0
    assert room.allowance.config is config


def test_a_target_that_comes_back_in_time_has_the_settings_of_now(assembly, tmp_path):
    """Its pool may still be there, for the sake of a transaction."""
    renewed(assembly, target_group=group_of(assembly, targets=SOME))
    pools, gone = assembly.proxy.pools, Target(address="db2", tls_server_name="localhost")
    pool = pools.by_address()["db2"]
    renewed(assembly, target_group=group_of(assembly, targets=SOME[:1]))
    assert "db2" not in assembly.steward.posts
    files = self_signed().write(tmp_path / "own")
    config = ConnectionPoolConfig(max_connections=9, init_query="SET @a = 1", connect_timeout=3)
    tls = BackendTls(mode=TlsMode.VERIFY_CA, ca=str(files.certificate))
    renewed(assembly, target_group=group_of(assembly, connection_pool_config=config, tls=tls))
    renewed(assembly, target_group=group_of(assembly, targets=(SOME[0], gone)))
    assert assembly.steward.posts["db2"].pool is pool
    assert pool.allowance.config is config
    assert pool.dialer._init_query == b"SET @a = 1"
    streams = pool.dialer.connector.tls
    assert streams is assembly.workshop.materials.backend_tls(gone)
    assert streams is not None


PLAIN = """
proxies:
  - name: shop
    auth: [{username: app, password: secret-1}]
    target_group:
      topology: REPLICATION
      targets: [{address: "db1"}, {address: "db2"}]
    endpoints: [{name: main, listen: "tcp:1"}]
"""
OTHERWISE = """
proxies:
  - name: shop
    auth:
      - {username: app, password: secret-2, allowed_networks: [10.0.0.0/8]}
      - {username: mon, password: secret-3}
    require_tls: true
    allowed_networks: [10.0.0.0/8]
    failed_login_threshold: 3
    max_failed_login_delay: 7
    idle_client_timeout: 77
    login_timeout: 9
    max_clients: 55
    max_allowed_packet: 2097152
    debug_logging: true
    server_version: 8.0.99
    tls: {certificates: [{certificate: CERTIFICATE, private_key: KEY}]}
    target_group:
      topology: GROUP_REPLICATION
      targets:
        - {address: "db1", tls_server_name: x}
        - {address: "db2", role: READ_ONLY}
        - {address: "db3"}
      tls: {mode: VERIFY_CA, ca: CERTIFICATE}
      failover:
        monitor_username: mon
        probe_interval: 0.7
        doubt_interval: 0.06
        probe_timeout: 1.7
        unavailable_after: 4
        available_after: 5
        min_switch_interval: 23
        transaction_grace: 13
        split_brain: REFUSE
        fence: true
        discover: true
        max_replica_lag: 17
        fall_back_to_writer: false
        slow_start: 19
        read_your_writes: true
        read_your_writes_timeout: 3
      connection_pool_config:
        max_connections_percent: 50
        max_idle_connections_percent: 11
        connection_borrow_timeout: 21
        max_waiting: 33
        max_waiting_bytes: 1048576
        session_pinning_filters: [EXCLUDE_VARIABLE_SETS]
        max_pinned_seconds: 99
        init_query: SET @a = 1
        connect_timeout: 4
        max_connection_age: 999
        max_prepared_statements_per_connection: 17
    endpoints:
      - {name: main, listen: "tcp:1", target_role: READ_ONLY}
      - {name: two, listen: "tcp:2"}
"""
TRACES = ("generation", "_targets", "_graces._running", "_leaving", "_pools has", "streams has")
"""What a proxy has for having been another one: who is there from then leaves in time."""


@pytest.mark.parametrize("there", [True, False])
def test_a_proxy_that_was_changed_is_as_one_that_was_made_so(shared, tmp_path, there):
    """Every setting is in force wherever somebody goes by it."""
    files = self_signed().write(tmp_path / "own")
    words = {"CERTIFICATE": str(files.certificate), "KEY": str(files.key)}
    texts = [re.sub("CERTIFICATE|KEY", lambda it: words[it[0]], OTHERWISE), PLAIN]
    new, old = (load_text(text, "a file").proxies[0] for text in texts[:: 1 if there else -1])
    changed, made = assemble(old, shared), assemble(new, shared)
    for one in (changed, made):
        one.start()
    fresh = Materials(new, changed.workshop.means, changed.workshop.materials)
    examine(changed, fresh)
    renew(changed, fresh)
    found = [*differences(changed, made, "proxy")]
    for one in (changed, made):
        one.stop()
    assert [one for one in found if not any(trace in one for trace in TRACES)] == []


def test_endpoints_are_known_by_their_names(assembly):
    """The next clients come in by those that there are now."""
    endpoints = (
        EndpointConfig(name="main", listen="tcp:0"),
        EndpointConfig(name="reads", listen="tcp:0", target_role=Role.READ_ONLY),
    )
    renewed(assembly, endpoints=endpoints)
    routes = assembly.proxy.routes
    assert routes["main"] is assembly.steward.writers
    assert routes["reads"] is assembly.steward.sharing.route


def test_targets_do_not_change_while_an_order_is_carried_out(assembly):
    """All else may; who asked hears what is under way."""
    assembly.steward.waits.begin_order("db2 is being promoted")
    renewed(assembly, max_clients=7)
    with pytest.raises(UnusableError, match=r"proxy shop: .*db2 is being promoted"):
        renewed(assembly, target_group=group_of(assembly, topology=Topology.REPLICATION))
    assert assembly.proxy.config.target_group.topology is Topology.STATIC


def test_files_for_targets_that_were_found_are_read_in_time(assembly, tmp_path):
    """Where they cannot be, nothing has been changed."""
    workshop = assembly.workshop
    group = group_of(assembly, targets=SOME, topology=Topology.REPLICATION)
    renewed(assembly, target_group=group)
    assembly.steward.take_up([Target(address="found")], found=True)
    tls = BackendTls(mode=TlsMode.VERIFY_CA, ca=str(tmp_path / "ca.pem"))
    (tmp_path / "ca.pem").write_bytes(
        self_signed().write(tmp_path / "own").certificate.read_bytes()
    )
    config = attrs.evolve(assembly.proxy.config, target_group=group_of(assembly, tls=tls))
    fresh = Materials(config, workshop.means, workshop.materials)
    (tmp_path / "ca.pem").unlink()
    with pytest.raises(UnusableError, match=r"proxy shop: .*ca\.pem"):
        examine(assembly, fresh)


def _authority(folder):
    from proxy.embedded.certificates import self_signed

    return self_signed().write(folder / "authority").certificate.read_bytes()
