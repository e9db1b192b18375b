import attrs
import pytest

from proxy.config.auth import AuthEntry, AuthScheme, IamAuth
from proxy.config.aws import IamConfig, IamVerification
from proxy.config.checks import find_faults
from proxy.config.failover import FailoverConfig
from proxy.config.model import (
    Config,
    DefaultAuthScheme,
    EndpointConfig,
    ProxyConfig,
    Target,
    TargetGroup,
)
from proxy.config.secret import Secret
from proxy.config.tls import BackendTls, Certificate, ClientCertificates, ClientTls, TlsMode
from proxy.vocabulary import Role

APP = AuthEntry(username="app", password=Secret("x"))
WRITER = Target(address="db1")
MAIN = EndpointConfig(name="main", listen="tcp:3306")
OTHER = EndpointConfig(name="other", listen="tcp:3307")
SHOWN = ClientTls(certificates=(Certificate(certificate="a.pem", private_key="a.key"),))
IAM = IamConfig(access_keys_file="keys.yaml", policy_files=("policy.json",))
TOKENS = attrs.evolve(APP, iam_auth=IamAuth.REQUIRED)
VERIFIED = BackendTls(mode=TlsMode.VERIFY_CA, ca="ca.pem")


def make_proxy(
    name="shop",
    auth=(APP,),
    endpoints=(MAIN,),
    target_tls=None,
    failover=None,
    **settings,
):
    group = TargetGroup(
        targets=(WRITER,),
        tls=target_tls or BackendTls(),
        failover=failover or FailoverConfig(),
    )
    return ProxyConfig(
        name=name, auth=auth, target_group=group, endpoints=endpoints, **settings
    )


def file_entry(**more):
    return AuthEntry(auth_scheme=AuthScheme.FILE, **more)


def secret_entry(**more):
    return AuthEntry(auth_scheme=AuthScheme.SECRETS, **more)


EVERYBODY = (
    "is needed with verify_ca and default_auth_scheme IAM_AUTH: the system's authorities sign "
    "for everybody, and tokens are sent to the target as they are"
)


def for_everybody(**more):
    """A proxy that takes tokens of users whom it does not know."""
    settings = {"auth": (), "tls": SHOWN, "iam": IAM, "target_tls": VERIFIED, **more}
    return make_proxy(default_auth_scheme=DefaultAuthScheme.IAM_AUTH, **settings)


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
        (
            (make_proxy(auth=()),),
            ("proxies", 0, "auth"),
            "needs at least one user, or default_auth_scheme IAM_AUTH",
        ),
        (
            (make_proxy(endpoints=()),),
            ("proxies", 0, "endpoints"),
            "needs at least one endpoint",
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
    ],
)
def test_names_what_does_not_go_together(proxies, path, message):
    """Each rule over several settings points at the setting to change."""
    assert faults_of(*proxies) == [(path, message)]


@pytest.mark.parametrize(
    ("listen", "twice"),
    [
        ("tcp:0", True),
        ("tcp6:0", True),
        ("tcp:0:interface=127.0.0.1", True),
        ("tcp:03306", False),
        ("unix:/run/shop.sock", False),
        ("systemd:domain=INET:index=0", False),
    ],
)
def test_only_what_gets_a_port_of_its_own_may_stand_twice(listen, twice):
    """Port 0 is another one each time; any other address can be had once."""
    endpoints = [EndpointConfig(name=name, listen=listen) for name in ("one", "two")]
    path = ("proxies", 0, "endpoints", 1, "listen")
    faults = [] if twice else [(path, f"{listen!r} stands here a second time")]
    assert faults_of(make_proxy(endpoints=tuple(endpoints))) == faults


PATH = ("proxies", 0)
IAM_OF_FIRST = (*PATH, "auth", 0, "iam_auth")
NO_CERTIFICATE = "needs tls.certificates, as TLS is not offered without"
NO_POLICY = "needs iam.policy_files: without a policy no token is good for anybody"


@pytest.mark.parametrize(
    ("auth", "path", "message"),
    [
        (
            (AuthEntry(password=Secret("x")),),
            (0,),
            "needs username, as its auth_scheme is STATIC",
        ),
        ((file_entry(),), (0,), "needs users_file, as its auth_scheme is FILE"),
        ((secret_entry(),), (0,), "needs secret_arn, as its auth_scheme is SECRETS"),
        (
            (attrs.evolve(APP, users_file="a"),),
            (0, "users_file"),
            "does not go with auth_scheme STATIC",
        ),
        (
            (attrs.evolve(APP, secret_arn="a"),),
            (0, "secret_arn"),
            "does not go with auth_scheme STATIC",
        ),
        (
            (file_entry(users_file="a", username="app"),),
            (0, "username"),
            "does not go with auth_scheme FILE",
        ),
        (
            (file_entry(users_file="a", password=Secret("hunter2")),),
            (0, "password"),
            "does not go with auth_scheme FILE",
        ),
        (
            (secret_entry(secret_arn="a", password_env="E"),),
            (0, "password_env"),
            "does not go with auth_scheme SECRETS",
        ),
        (
            (secret_entry(secret_arn="a", password_file="f"),),
            (0, "password_file"),
            "does not go with auth_scheme SECRETS",
        ),
        (
            (file_entry(users_file="a"), file_entry(users_file="a")),
            (1, "users_file"),
            "'a' stands here a second time",
        ),
        (
            (secret_entry(secret_arn="a"), secret_entry(secret_arn="a")),
            (1, "secret_arn"),
            "'a' stands here a second time",
        ),
        (
            (APP, secret_entry(secret_arn="a", username="app")),
            (1, "username"),
            "'app' stands here a second time",
        ),
    ],
)
def test_an_entry_has_what_its_scheme_needs_and_nothing_else(auth, path, message):
    """Where a password comes from is said once, in the way of the scheme."""
    assert faults_of(make_proxy(auth=auth)) == [((*PATH, "auth", *path), message)]


def test_each_scheme_can_be_used():
    """Entries of all schemes go together, as do several users and files."""
    auth = (
        APP,
        AuthEntry(username="env", password_env="E"),
        file_entry(users_file="a"),
        file_entry(users_file="b"),
        secret_entry(secret_arn="a"),
        secret_entry(secret_arn="b", username="other"),
    )
    assert faults_of(make_proxy(auth=auth)) == []


@pytest.mark.parametrize(
    ("proxy", "path", "message"),
    [
        (make_proxy(require_tls=True), ("require_tls",), NO_CERTIFICATE),
        (
            make_proxy(
                tls=attrs.evolve(
                    SHOWN, client_certificates=ClientCertificates.REQUIRED, client_ca="ca"
                )
            ),
            ("require_tls",),
            "must be true: without TLS a client shows no certificate",
        ),
        (
            make_proxy(
                tls=ClientTls(client_certificates=ClientCertificates.OPTIONAL, client_ca="ca")
            ),
            ("tls", "client_certificates"),
            NO_CERTIFICATE,
        ),
        (
            make_proxy(
                require_tls=True,
                tls=attrs.evolve(SHOWN, client_certificates=ClientCertificates.REQUIRED),
            ),
            ("tls", "client_ca"),
            "is needed to check certificates of clients",
        ),
    ],
)
def test_tls_needs_what_it_is_done_with(proxy, path, message):
    """What is asked for can be done with the files that are given."""
    assert faults_of(proxy) == [((*PATH, *path), message)]


def test_sound_settings_of_tls_have_no_faults():
    """All that one can ask for, on both sides."""
    tls = attrs.evolve(
        SHOWN, client_certificates=ClientCertificates.REQUIRED, client_ca="ca.pem"
    )
    target_tls = BackendTls(certificate="c.pem", private_key="c.key")
    assert faults_of(make_proxy(require_tls=True, tls=tls, target_tls=target_tls)) == []


@pytest.mark.parametrize(
    ("proxy", "path", "message"),
    [
        (make_proxy(auth=(TOKENS,), iam=IAM), IAM_OF_FIRST, NO_CERTIFICATE),
        (
            make_proxy(auth=(TOKENS,), tls=SHOWN, iam=attrs.evolve(IAM, policy_files=())),
            IAM_OF_FIRST,
            NO_POLICY,
        ),
        (
            make_proxy(auth=(TOKENS,), tls=SHOWN, iam=attrs.evolve(IAM, access_keys_file=None)),
            (*PATH, "iam", "access_keys_file"),
            "is needed with the verification ACCESS_KEYS",
        ),
        (
            make_proxy(
                auth=(TOKENS,),
                tls=SHOWN,
                iam=IamConfig(verification=IamVerification.STS, policy_files=("p",)),
            ),
            (*PATH, "iam", "account"),
            "is needed with the verification STS, which knows everybody's",
        ),
        (
            for_everybody(tls=ClientTls()),
            (*PATH, "default_auth_scheme"),
            NO_CERTIFICATE,
        ),
        (
            for_everybody(iam=attrs.evolve(IAM, policy_files=())),
            (*PATH, "default_auth_scheme"),
            NO_POLICY,
        ),
        (
            for_everybody(target_tls=BackendTls(mode=TlsMode.VERIFY_CA)),
            (*PATH, "target_group", "tls", "ca"),
            EVERYBODY,
        ),
        (
            for_everybody(target_tls=BackendTls(mode=TlsMode.REQUIRED)),
            (*PATH, "target_group", "tls", "mode"),
            (
                "must be verify_ca or verify_identity with default_auth_scheme IAM_AUTH: "
                "tokens are sent to the target as they are"
            ),
        ),
    ],
)
def test_tokens_need_tls_and_somebody_who_allows_them(proxy, path, message):
    """A setting by which nobody could log in, or a token be overheard, is refused."""
    assert faults_of(proxy) == [(path, message)]


def test_the_entry_with_tokens_is_named_wherever_it_stands():
    """The first user who may bring a token is the one to change."""
    other = attrs.evolve(TOKENS, username="other", iam_auth=IamAuth.ENABLED)
    assert faults_of(make_proxy(auth=(APP, other), iam=IAM)) == [
        ((*PATH, "auth", 1, "iam_auth"), NO_CERTIFICATE)
    ]


@pytest.mark.parametrize("mode", [TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY])
def test_sound_settings_of_tokens_have_no_faults(mode):
    """For users who are known, by keys or by STS, and for everybody."""
    sts = IamConfig(
        verification=IamVerification.STS, account="012345678901", policy_files=("p",)
    )
    assert faults_of(make_proxy(auth=(TOKENS,), tls=SHOWN, iam=IAM)) == []
    assert faults_of(make_proxy(auth=(TOKENS,), tls=SHOWN, iam=sts)) == []
    assert faults_of(for_everybody(target_tls=BackendTls(mode=mode, ca="ca.pem"))) == []


def test_what_a_target_group_lacks_is_said_with_its_place():
    """Its rules are those of `proxy.config.group_checks`."""
    proxy = make_proxy(target_tls=BackendTls(certificate="a"))
    assert faults_of(make_proxy("other", endpoints=(OTHER,)), proxy) == [
        (
            ("proxies", 1, "target_group", "tls", "private_key"),
            "is missing: a certificate and its key go together",
        )
    ]


def test_a_read_only_endpoint_may_use_the_writer():
    """By default it does while there is no reader, and without one for good."""
    endpoints = (MAIN, attrs.evolve(OTHER, target_role=Role.READ_ONLY))
    assert faults_of(make_proxy(endpoints=endpoints)) == []
    alone = FailoverConfig(fall_back_to_writer=False)
    assert faults_of(make_proxy(failover=alone)) == []
    assert faults_of(make_proxy(endpoints=endpoints, failover=alone)) == [
        (
            (*PATH, "endpoints", 1, "target_role"),
            "READ_ONLY needs a READ_ONLY target, or failover.fall_back_to_writer",
        )
    ]
