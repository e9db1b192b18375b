import attrs
import pytest

from proxy.config.address import TcpAddress
from proxy.config.auth import AuthEntry
from proxy.config.aws import AwsConfig, IamConfig
from proxy.config.failover import FailoverConfig, Topology
from proxy.config.model import (
    DEFAULT_TARGET_SET,
    DefaultAuthScheme,
    EndpointConfig,
    EngineFamily,
    ProxyConfig,
    Target,
    TargetGroup,
    TargetSet,
)
from proxy.config.rules import UnfitError
from proxy.config.secret import Secret
from proxy.config.tls import BackendTls, ClientTls


def make_proxy(name: str = "shop") -> ProxyConfig:
    return ProxyConfig(
        name=name,
        auth=(AuthEntry(username="app", password=Secret("hunter2")),),
        target_group=TargetGroup(targets=(Target(address="db1:3306"),)),
        endpoints=(EndpointConfig(name="main", listen="tcp:0"),),
    )


def test_defaults_are_those_of_rds_proxy():
    """Where RDS Proxy has a setting, its default is ours."""
    proxy = make_proxy()
    assert proxy.idle_client_timeout == 1800
    assert proxy.require_tls is False
    assert proxy.default_auth_scheme is DefaultAuthScheme.NONE
    assert proxy.role_arn is None
    assert proxy.engine_family is EngineFamily.MYSQL


def test_everybody_may_come_unless_said_otherwise():
    """No network is shut out, no load balancer trusted, and the sixth wrong login waits."""
    proxy = make_proxy()
    assert proxy.allowed_networks == ()
    assert proxy.endpoints[0].proxy_protocol_networks == ()
    assert (proxy.failed_login_threshold, proxy.max_failed_login_delay) == (5, 30.0)
    assert proxy.target_group.targets[0].proxy_protocol is False


def test_sections_that_are_left_out_have_their_defaults():
    """TLS towards both sides, AWS, IAM and failover need not be mentioned."""
    proxy = make_proxy()
    assert proxy.tls == ClientTls()
    assert proxy.target_group.tls == BackendTls()
    assert proxy.aws == AwsConfig()
    assert proxy.iam == IamConfig()
    assert proxy.target_group.failover == FailoverConfig()


def test_roles_are_as_configured_unless_said_otherwise():
    """The topology is STATIC, and there is no other set of targets."""
    group = make_proxy().target_group
    assert group.topology is Topology.STATIC
    assert group.target_sets == ()
    with pytest.raises(UnfitError, match="topology must be STATIC or REPLICATION or"):
        attrs.evolve(group, topology="RING")


def test_a_set_of_targets_has_a_name_like_any_other():
    """That of the group's own targets has the form too."""
    targets = (Target(address="db1"),)
    assert TargetSet(name=DEFAULT_TARGET_SET, targets=targets).targets == targets
    with pytest.raises(UnfitError, match="name must be"):
        TargetSet(name="blue_green", targets=targets)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("require_tls", "yes"),
        ("allowed_networks", ("10.0.0.1/8",)),
        ("failed_login_threshold", -1),
        ("max_failed_login_delay", 0),
        ("default_auth_scheme", "PASSWORD"),
        ("role_arn", ""),
    ],
)
def test_settings_of_a_login_are_guarded(name, value):
    """A model that is made in Python is as strict as a file."""
    with pytest.raises(UnfitError, match=f"^{name} must be"):
        attrs.evolve(make_proxy(), **{name: value})


def test_a_password_is_not_in_the_repr():
    """Printing a configuration shows no password."""
    assert "hunter2" not in repr(make_proxy())


def test_values_are_frozen():
    """A configuration does not change: a change is a new configuration."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        make_proxy().name = "other"


@pytest.mark.parametrize(
    "name", ["", "1a", "a-", "a--b", "a_b", "-a", "a" * 64, "a b", "a\n", "a-1\n"]
)
def test_names_follow_the_rule_of_rds_proxy(name):
    """A name has up to 63 letters, digits and single hyphens between them."""
    assert make_proxy("a-1").name == "a-1"
    assert make_proxy("a" * 63)
    with pytest.raises(UnfitError, match="name must be"):
        make_proxy(name)


def test_a_target_knows_its_place():
    """The address of a target is taken apart on request."""
    assert Target(address="db1").place == TcpAddress("db1", 3306)
