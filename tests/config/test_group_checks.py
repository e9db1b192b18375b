import pytest

from proxy.config.failover import FailoverConfig, Topology
from proxy.config.group_checks import find_faults_in_group, lacking_readers
from proxy.config.model import Target, TargetGroup, TargetSet
from proxy.config.pool import ConnectionPoolConfig
from proxy.config.tls import BackendTls, TlsMode
from proxy.vocabulary import Role

DB1, DB2 = Target(address="db1"), Target(address="db2")
READER = Target(address="db3", role=Role.READ_ONLY)
PATTERN = "?.abc.eu-west-1.rds.amazonaws.com"
MOVING = [one for one in Topology if one is not Topology.STATIC]
SECOND = (
    "is a second READ_WRITE target, and with the topology STATIC there is one: make it "
    "READ_ONLY, or name the topology by which the writer is found"
)


def group(*targets, topology=Topology.STATIC, failover=None, **settings):
    return TargetGroup(
        targets=targets,
        topology=topology,
        failover=failover or FailoverConfig(),
        **settings,
    )


def faults_of(target_group):
    return list(find_faults_in_group(target_group, ("group",)))


def at(*path):
    return ("group", *path)


# Roles


@pytest.mark.parametrize("targets", [(DB1,), (DB1, READER), (READER, DB1)])
def test_one_target_of_a_static_group_takes_writes(targets):
    """Any number of others are readers, wherever they stand."""
    assert faults_of(group(*targets)) == []


def test_a_static_group_has_no_second_writer():
    """Each one too many is named."""
    third = Target(address="db4")
    assert faults_of(group(DB1, DB2, READER, third)) == [
        (at("targets", 1), SECOND),
        (at("targets", 3), SECOND),
    ]


@pytest.mark.parametrize("topology", MOVING)
@pytest.mark.parametrize("targets", [(DB1,), (DB1, DB2), (READER, DB1, DB2)])
def test_where_roles_move_many_targets_may_be_the_writer(topology, targets):
    """And some may not."""
    assert faults_of(group(*targets, topology=topology)) == []


@pytest.mark.parametrize("topology", Topology)
@pytest.mark.parametrize("targets", [(), (READER,)])
def test_a_group_without_a_writer_is_of_no_use(topology, targets):
    """Whatever its topology."""
    assert faults_of(group(*targets, topology=topology)) == [
        (at("targets"), "needs a READ_WRITE target")
    ]


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        ("db1", "db1", "db1:3306"),
        ("db1", "DB1:3306", "db1:3306"),
        ("[::1]", "[::1]:3306", "[::1]:3306"),
        ("unix:/a", "unix:/a", "unix:/a"),
    ],
)
def test_a_target_stands_in_a_group_once(one, other, shown):
    """However its address is written."""
    targets = (Target(address=one), Target(address=other))
    assert faults_of(group(*targets, topology=Topology.REPLICATION)) == [
        (at("targets", 1, "address"), f"{shown!r} stands here a second time")
    ]


def test_paths_of_sockets_have_a_case():
    """Two that differ by it are two, as are two ports of one host."""
    targets = [Target(address=one) for one in ("unix:/a", "unix:/A", "db1:3306", "db1:3307")]
    assert faults_of(group(*targets, topology=Topology.GALERA)) == []


# Sets of targets


def test_another_set_of_targets_has_the_rules_of_the_first():
    """Its targets may be those of another set too."""
    sets = (
        TargetSet(name="green", targets=(DB2, READER)),
        TargetSet(name="grey", targets=(DB1, READER)),
    )
    assert faults_of(group(DB1, READER, target_sets=sets)) == []
    broken = (
        TargetSet(name="green", targets=(DB1, DB2)),
        TargetSet(name="grey", targets=(DB1, READER, READER)),
        TargetSet(name="black", targets=()),
    )
    assert faults_of(group(DB1, target_sets=broken)) == [
        (at("target_sets", 0, "targets", 1), SECOND),
        (
            at("target_sets", 1, "targets", 2, "address"),
            "'db3:3306' stands here a second time",
        ),
        (at("target_sets", 2, "targets"), "needs a READ_WRITE target"),
    ]


@pytest.mark.parametrize(
    ("names", "i", "message"),
    [
        (("green", "grey", "green"), 2, "'green' stands here a second time"),
        (("green", "default"), 1, "'default' is the name of the group's own targets"),
    ],
)
def test_a_set_of_targets_can_be_told_from_the_others(names, i, message):
    """By its name, which is not that of the group's own targets."""
    sets = tuple(TargetSet(name=name, targets=(DB1,)) for name in names)
    assert faults_of(group(DB1, target_sets=sets)) == [(at("target_sets", i, "name"), message)]


# Readers


@pytest.mark.parametrize("topology", Topology)
def test_the_writer_can_stand_in_for_readers(topology):
    """Then nothing is lacking."""
    assert list(lacking_readers(group(DB1, topology=topology))) == []


ALONE = FailoverConfig(fall_back_to_writer=False)


def test_readers_of_a_static_group_are_listed():
    """In every set of targets; what is lacking is said for each."""
    sets = (
        TargetSet(name="green", targets=(DB2,)),
        TargetSet(name="grey", targets=(DB2, READER)),
    )
    assert list(lacking_readers(group(DB1, failover=ALONE, target_sets=sets))) == [
        "READ_ONLY needs a READ_ONLY target, or failover.fall_back_to_writer",
        (
            "READ_ONLY needs a READ_ONLY target in the target set 'green', or "
            "failover.fall_back_to_writer"
        ),
    ]
    assert list(lacking_readers(group(DB1, READER, failover=ALONE))) == []


@pytest.mark.parametrize("topology", MOVING)
def test_where_roles_move_a_second_target_may_be_a_reader(topology):
    """Or one that is found."""
    lack = (
        "READ_ONLY needs a second target or failover.discover, or failover.fall_back_to_writer"
    )
    found = FailoverConfig(fall_back_to_writer=False, discover=True)
    assert list(lacking_readers(group(DB1, topology=topology, failover=ALONE))) == [lack]
    assert list(lacking_readers(group(DB1, DB2, topology=topology, failover=ALONE))) == []
    assert list(lacking_readers(group(DB1, topology=topology, failover=found))) == []


# Failover


def test_doubt_is_no_slower_than_the_usual():
    """The two may be the same."""
    same = FailoverConfig(probe_interval=2, doubt_interval=2)
    assert faults_of(group(DB1, failover=same)) == []
    slow = FailoverConfig(probe_interval=0.5, doubt_interval=0.75)
    assert faults_of(group(DB1, failover=slow)) == [
        (
            at("failover", "doubt_interval"),
            "must not be above probe_interval: 0.75 is more than 0.5",
        )
    ]


@pytest.mark.parametrize("topology", Topology)
def test_targets_are_found_where_roles_move(topology):
    """A static group has those that are listed."""
    pattern = PATTERN if topology is Topology.AURORA else None
    failover = FailoverConfig(discover=True, instance_host_pattern=pattern)
    message = "does not go with the topology STATIC: all targets are listed"
    faults = [(at("failover", "discover"), message)] if topology is Topology.STATIC else []
    assert faults_of(group(DB1, topology=topology, failover=failover)) == faults


@pytest.mark.parametrize("topology", Topology)
def test_a_pattern_of_hosts_is_for_aurora(topology):
    """The others tell of each other by address."""
    message = f"does not go with the topology {topology.value}: it is for AURORA"
    faults = [(at("failover", "instance_host_pattern"), message)]
    failover = FailoverConfig(instance_host_pattern=PATTERN)
    assert faults_of(group(DB1, topology=topology, failover=failover)) == (
        [] if topology is Topology.AURORA else faults
    )


def test_instances_of_aurora_are_found_by_a_pattern():
    """What the cluster tells of them is no address."""
    failover = FailoverConfig(discover=True)
    assert faults_of(group(DB1, topology=Topology.AURORA, failover=failover)) == [
        (
            at("failover", "instance_host_pattern"),
            "is needed with discover: Aurora tells of its instances by identifier",
        )
    ]


# The rest


@pytest.mark.parametrize(
    ("tls", "name", "message"),
    [
        (
            BackendTls(certificate="a"),
            "private_key",
            "is missing: a certificate and its key go together",
        ),
        (
            BackendTls(private_key="a"),
            "certificate",
            "is missing: a certificate and its key go together",
        ),
        (
            BackendTls(mode=TlsMode.DISABLED, certificate="a", private_key="b"),
            "certificate",
            "is of no use with the mode disabled",
        ),
    ],
)
def test_a_certificate_of_ours_has_its_key_and_is_shown(tls, name, message):
    """What is asked for can be done with the files that are given."""
    assert faults_of(group(DB1, tls=tls)) == [(at("tls", name), message)]


def test_idle_connections_are_no_more_than_all():
    """The two percentages fit together."""
    pool = ConnectionPoolConfig(max_connections_percent=40, max_idle_connections_percent=50)
    assert faults_of(group(DB1, connection_pool_config=pool)) == [
        (
            at("connection_pool_config", "max_idle_connections_percent"),
            "must not be above max_connections_percent: 50 is more than 40",
        )
    ]
