import attrs
import pytest

from proxy.config.auth import AuthEntry
from proxy.config.checks import find_faults
from proxy.config.model import Config, EndpointConfig, ProxyConfig, Target, TargetGroup
from proxy.config.pool import ConnectionPoolConfig
from proxy.config.secret import Secret
from proxy.vocabulary import Role

APP = AuthEntry(username="app", password=Secret("x"))
POOL = ConnectionPoolConfig()
WRITER = Target(address="db1")
MAIN = EndpointConfig(name="main", listen="tcp:3306")


def make_proxy(name="shop", auth=(APP,), targets=(WRITER,), pool=POOL, endpoints=(MAIN,)):
    return ProxyConfig(
        name=name,
        auth=auth,
        target_group=TargetGroup(targets=targets, connection_pool_config=pool),
        endpoints=endpoints,
    )


def faults_of(*proxies):
    return list(find_faults(Config(proxies=proxies)))


def test_a_sound_configuration_has_no_faults():
    """Two proxies may use the same names inside, for each has its own."""
    second = attrs.evolve(MAIN, listen="tcp:3307")
    assert faults_of(make_proxy(), make_proxy("other", endpoints=(second,))) == []


@pytest.mark.parametrize(
    ("proxies", "path", "message"),
    [
        ((), ("proxies",), "needs at least one proxy"),
        ((make_proxy(auth=()),), ("proxies", 0, "auth"), "needs at least one user, or default_auth_scheme IAM_AUTH"),
        (
            (make_proxy(endpoints=()),),
            ("proxies", 0, "endpoints"),
            "needs at least one endpoint",
        ),
        (
            (make_proxy(targets=()),),
            ("proxies", 0, "target_group", "targets"),
            "needs a READ_WRITE target",
        ),
        (
            (make_proxy(targets=(WRITER, Target(address="db2"))),),
            ("proxies", 0, "target_group", "targets", 1),
            "is a second READ_WRITE target, and a group has one",
        ),
        (
            (make_proxy(targets=(Target(address="db2", role=Role.READ_ONLY), WRITER)),),
            ("proxies", 0, "target_group", "targets", 0, "role"),
            "READ_ONLY comes with failover; until then everything here is READ_WRITE",
        ),
        (
            (make_proxy(endpoints=(attrs.evolve(MAIN, target_role=Role.READ_ONLY),)),),
            ("proxies", 0, "endpoints", 0, "target_role"),
            "READ_ONLY comes with failover; until then everything here is READ_WRITE",
        ),
        (
            (make_proxy(auth=(APP, APP)),),
            ("proxies", 0, "auth", 1, "username"),
            "'app' stands here a second time",
        ),
        (
            (make_proxy(endpoints=(MAIN, attrs.evolve(MAIN, listen="tcp:3307"))),),
            ("proxies", 0, "endpoints", 1, "name"),
            "'main' stands here a second time",
        ),
        (
            (make_proxy(), make_proxy("other")),
            ("proxies", 1, "endpoints", 0, "listen"),
            "'tcp:3306' stands here a second time",
        ),
        (
            (make_proxy(), make_proxy(endpoints=(attrs.evolve(MAIN, listen="tcp:3307"),))),
            ("proxies", 1, "name"),
            "'shop' stands here a second time",
        ),
        (
            (make_proxy(auth=(AuthEntry(username="app"),)),),
            ("proxies", 0, "auth", 0),
            "needs one of password, password_file, password_env",
        ),
        (
            (make_proxy(auth=(attrs.evolve(APP, password_env="E"),)),),
            ("proxies", 0, "auth", 0, "password_env"),
            "cannot stand beside password: give one of the two",
        ),
        (
            (
                make_proxy(
                    pool=ConnectionPoolConfig(
                        max_connections_percent=40, max_idle_connections_percent=50
                    )
                ),
            ),
            (
                "proxies",
                0,
                "target_group",
                "connection_pool_config",
                "max_idle_connections_percent",
            ),
            "must not be above max_connections_percent: 50 is more than 40",
        ),
    ],
)
def test_names_what_does_not_go_together(proxies, path, message):
    """Each rule over several settings points at the setting to change."""
    assert faults_of(*proxies) == [(path, message)]
