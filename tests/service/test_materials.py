"""Tests of `proxy.service.materials`."""

import gc

import attrs
import pytest
from structlog.testing import capture_logs

from proxy.config.auth import AuthEntry
from proxy.config.aws import AwsConfig
from proxy.config.model import DefaultAuthScheme, Target, TargetSet
from proxy.config.tls import BackendTls, Certificate, ClientTls, TlsMode
from proxy.credentials.aws_threads import AwsThreads
from proxy.embedded.certificates import self_signed
from proxy.observe.counters import Counters
from proxy.observe.log import get_logger
from proxy.service.materials import Materials, Means
from proxy.service.tokens import UnusableError
from tests.support.assembling import APP, FILE, SECRET, make_config


@pytest.fixture
def means(shared):
    """By what means materials are had, where nothing happens."""
    files = AwsThreads(shared.reactor)
    return Means(shared.reactor, shared.threads, files, Counters(), get_logger())


def certificate(folder):
    """A certificate in files."""
    files = self_signed().write(folder)
    return Certificate(certificate=str(files.certificate), private_key=str(files.key))


def test_what_is_the_same_is_taken_from_before(means, tokens, tmp_path):
    """Users in files, secrets, certificates, tokens and what targets are spoken to with."""
    auth = (*tokens["auth"], FILE, SECRET)
    tls = ClientTls(certificates=(certificate(tmp_path / "tls"),))
    config = make_config(auth=auth, iam=tokens["iam"], tls=tls)
    before = Materials(config, means)
    after = Materials(attrs.evolve(config, max_clients=7), means, before)
    assert after.living == before.living
    assert after.secrets is before.secrets
    assert after.client_tls is before.client_tls
    assert after.verifier is before.verifier
    target = config.target_group.targets[0]
    assert after.backend_tls(target) is before.backend_tls(target)
    assert after.static is not before.static  # which is read anew each time
    assert {*after.users()} == {"app", "batch"}


def test_what_is_not_the_same_is_made(means, tokens, tmp_path):
    """Each by the settings that it is made of."""
    auth = (*tokens["auth"], FILE, SECRET)
    config = make_config(auth=auth, iam=tokens["iam"])
    before = Materials(config, means)
    new = attrs.evolve(
        config,
        auth=(*tokens["auth"], attrs.evolve(FILE, description="another")),
        iam=attrs.evolve(tokens["iam"], clock_skew=7.0),
        tls=ClientTls(certificates=(certificate(tmp_path / "tls"),)),
        target_group=attrs.evolve(config.target_group, tls=BackendTls(mode=TlsMode.REQUIRED)),
    )
    after = Materials(new, means, before)
    assert not {*after.files.values()} & {*before.files.values()}
    assert after.secrets is None
    assert after.client_tls is not None
    assert after.verifier is not before.verifier
    target = config.target_group.targets[0]
    assert after.backend_tls(target) is not before.backend_tls(target)


def test_other_settings_of_aws_make_secrets_and_tokens_anew(means, tokens):
    """They say who reads them, and where."""
    config = make_config(auth=(*tokens["auth"], SECRET), iam=tokens["iam"])
    before = Materials(config, means)
    with capture_logs() as logs:
        aws = AwsConfig(secretsmanager_endpoint_url="http://vpc")
        after = Materials(attrs.evolve(config, aws=aws), means, before)
    assert after.secrets is not before.secrets
    assert after.verifier is not before.verifier
    assert any("without TLS" in line["event"] for line in logs)


def test_what_connects_to_targets_that_were_found_goes_with_them(means):
    """Authorities are large, and in a cloud there is a new name each hour."""
    config = make_config(target_tls=BackendTls(mode=TlsMode.VERIFY_CA))
    materials = Materials(config, means)
    connector = materials.connector(Target(address="found"))
    assert {*materials.streams} == {"db1", "found"}
    later = Materials(config, means, materials)
    assert later.backend_tls(Target(address="found")) is connector.tls
    del connector
    gc.collect()
    assert {*later.streams} == {"db1"}


def test_all_targets_are_tried_those_of_other_sets_too(means):
    """What cannot be used later on is found now."""
    config = make_config(target_tls=BackendTls(mode=TlsMode.VERIFY_CA))
    group = config.target_group
    sets = (TargetSet(name="green", targets=(Target(address="green"),)),)
    materials = Materials(
        attrs.evolve(config, target_group=attrs.evolve(group, target_sets=sets)), means
    )
    assert {*materials.streams} == {"db1", "green"}
    broken = attrs.evolve(
        config,
        default_auth_scheme=DefaultAuthScheme.IAM_AUTH,
        aws=AwsConfig(region="eu-central-1"),
        target_group=attrs.evolve(
            group, target_sets=(TargetSet(name="x", targets=(Target(address="unix:/x"),)),)
        ),
    )
    with pytest.raises(UnusableError, match="takes no IAM tokens"):
        Materials(broken, means)


def test_a_password_that_is_not_there_is_an_error_with_the_name_of_the_proxy(means):
    """Whatever it is, it is told as one kind of error."""
    gone = AuthEntry(username="app", password_file="/nowhere/at/all")
    with pytest.raises(UnusableError, match=r"proxy shop: user 'app': /nowhere/at/all"):
        Materials(make_config(auth=(gone,)), means)


def test_changed_passwords_are_told_to_the_pools(means):
    """Nobody is told before there are any."""
    told = []

    class Pools:
        def password_changed(self, user):
            told.append(user)

    means.changed(("app",))
    means.pools = Pools()
    means.changed(("app", "batch"))
    assert told == ["app", "batch"]


def test_a_repr_has_no_secret(means):
    """Only whose materials they are."""
    assert repr(Materials(make_config(auth=(APP,)), means)) == "<Materials of 'shop'>"
