"""Tests of `proxy.service.assembly`."""

from pathlib import Path

import attrs
import pytest
from structlog.testing import capture_logs

from proxy.config.admin import AdminConfig, AdminToken
from proxy.config.auth import AuthEntry, IamAuth
from proxy.config.aws import AwsConfig
from proxy.config.model import (
    Config,
)
from proxy.config.tls import BackendTls, Certificate, ClientTls, TlsMode
from proxy.credentials.shared import SharedSecrets
from proxy.credentials.static import StaticSource
from proxy.credentials.users_file import UsersFile
from proxy.embedded.certificates import self_signed
from proxy.pool.rotation import Rotation
from proxy.service.assembly import assemble, try_out
from proxy.service.tokens import UnusableError
from tests.support.assembling import APP, FILE, SECRET, make_config


def certificate(folder):
    """A certificate in files."""
    files = self_signed().write(folder)
    return Certificate(certificate=str(files.certificate), private_key=str(files.key))


def test_a_proxy_with_passwords_of_its_own_needs_nothing_else(shared):
    """Nothing is read again, nothing looked at but the certificates of the target."""
    assembly = assemble(make_config(), shared)
    assert assembly.proxy.config.name == "shop"
    assert assembly.proxy.credentials.known("app").passwords == ("secret",)
    assert assembly.sources == []
    admission = assembly.proxy.admission
    assert (admission.tls, admission.tokens) == (None, None)
    assembly.start()
    assembly.look()
    assembly.stop()
    assert shared.reactor.getDelayedCalls() == []


def test_sources_are_asked_in_the_order_of_what_they_cost(shared):
    """Passwords that are there, then files, then secrets, however the entries stand."""
    assembly = assemble(make_config(auth=(SECRET, FILE, APP)), shared)
    kinds = [type(source) for source in assembly.proxy.credentials._sources]
    assert kinds == [StaticSource, UsersFile, SharedSecrets]
    assert [type(source) for source in assembly.sources] == [UsersFile, SharedSecrets]


def test_the_age_of_secrets_is_a_gauge(shared):
    """As old as the one that could not be read for longest; none without secrets."""
    assembly = assemble(make_config(auth=(SECRET,)), shared)
    shared.reactor.advance(7)
    assert assembly.now().secret_age_seconds == 7
    assert assemble(make_config(auth=(APP,)), shared).now().secret_age_seconds == 0


def test_a_password_that_changed_is_told_to_the_pool(shared, monkeypatch):
    """Whatever source has it: the pool leaves the connections of the old one behind."""
    told = []

    async def changed(_, user):
        told.append(user)

    monkeypatch.setattr(Rotation, "changed", changed)
    assembly = assemble(make_config(auth=(FILE,)), shared)
    (source,) = assembly.sources
    source._on_change(("app", "batch"))
    assert told == ["app", "batch"]


# TLS


def test_tls_is_offered_with_a_certificate(shared, tmp_path):
    """It is looked at now and then, for it will be renewed."""
    tls = ClientTls(certificates=(certificate(tmp_path / "tls"),))
    assembly = assemble(make_config(tls=tls), shared)
    assert assembly.proxy.admission.tls is not None
    assert assembly.proxy.admission.tls.look in assembly.looks


@pytest.mark.parametrize(
    ("address", "target", "name"),
    [
        ("db1:3307", {}, "db1"),
        ("10.0.0.7", {"tls_server_name": "db.example"}, "db.example"),
        ("unix:/run/mysqld.sock", {}, "localhost"),
    ],
)
def test_a_target_has_to_be_who_it_is_called(shared, address, target, name):
    """The host of its address, unless another name is given."""
    config = make_config(
        address=address, target=target, target_tls=BackendTls(mode=TlsMode.REQUIRED)
    )
    connector = assemble(config, shared).proxy.pool.dialer.connector
    assert repr(connector.tls) == f"<BackendTlsStreams for {name!r} required>"


def test_tls_to_the_target_can_be_switched_off(shared):
    """Then there is nothing that would have to be read again."""
    config = make_config(target_tls=BackendTls(mode=TlsMode.DISABLED))
    assembly = assemble(config, shared)
    assert assembly.proxy.pool.dialer.connector.tls is None
    assembly.look()


# Threads and lines


def test_files_are_read_in_threads_of_their_own(shared, monkeypatch):
    """They begin and end with the proxy, and have nothing to do with those for AWS."""
    assembled = assemble(make_config(auth=(FILE,)), shared)
    monkeypatch.setattr(shared.threads, "run", lambda _: pytest.fail("not these"))
    assembled.start()
    (source,) = assembled.sources
    waiting = source.refresh("batch")
    assert not waiting.called
    assembled.stop()
    assert waiting.result.passwords == ("x",)


def test_lines_say_whose_they_are(shared, tokens, tmp_path):
    """Each source, the checker of tokens and TLS on either side know their proxy."""
    (tmp_path / "users.yaml").chmod(0o604)
    (tmp_path / "keys.json").chmod(0o604)
    (tmp_path / "password").write_text("x")
    (tmp_path / "password").chmod(0o604)
    ours, theirs = certificate(tmp_path / "a"), certificate(tmp_path / "b")
    for one in (ours, theirs):
        Path(one.private_key).chmod(0o604)
    static = AuthEntry(username="app", password_file="password", iam_auth=IamAuth.REQUIRED)
    config = make_config(
        **{**tokens, "auth": (static, FILE)},
        tls=ClientTls(certificates=(ours,)),
        target_tls=BackendTls(certificate=theirs.certificate, private_key=theirs.private_key),
    )
    with capture_logs() as lines:
        assemble(config, shared)
    told = {line["file"] for line in lines if "can read a secret" in line["event"]}
    names = ("users.yaml", "keys.json", "password")
    private_keys = {ours.private_key, theirs.private_key}
    assert {str(Path(name).absolute()) for name in told} == private_keys | {
        str(tmp_path / name) for name in names
    }
    assert {line["proxy"] for line in lines} == {"shop"}


def test_an_endpoint_without_tls_is_told(shared):
    """Once at the start, unless it is on this machine."""
    for host, told in (("127.0.0.1", []), ("aws.example", ["aws.example"])):
        aws = AwsConfig(region="eu-west-1", secretsmanager_endpoint_url=f"http://{host}:4566")
        with capture_logs() as lines:
            assemble(make_config(aws=aws), shared)
        assert [line["host"] for line in lines] == told


# What cannot be used


def unusable(tokens):
    """Configurations that point to something that is not there, and what the error names."""
    nowhere = Certificate(certificate="/nowhere.pem", private_key="/nowhere.key")
    iam = tokens["iam"]
    yield make_config(auth=(AuthEntry(username="app", password_file="no"),)), "no"
    yield make_config(auth=(attrs.evolve(FILE, users_file="none.yaml"),)), "none.yaml"
    yield make_config(tls=ClientTls(certificates=(nowhere,))), "/nowhere.pem"
    yield (
        make_config(target_tls=BackendTls(mode=TlsMode.VERIFY_CA, ca="/nowhere.pem")),
        "/nowhere.pem",
    )
    changed = {**tokens, "iam": attrs.evolve(iam, access_keys_file="none.json")}
    yield make_config(**changed), "none.json"
    changed = {**tokens, "iam": attrs.evolve(iam, policy_files=("none.json",))}
    yield make_config(**changed), "none.json"
    yield make_config(**{**tokens, "iam": attrs.evolve(iam, hosts=("a:b:c",))}), "iam: "


def test_what_cannot_be_used_is_named(shared, tokens):
    """The error says which proxy, and which of its files or settings."""
    for config, name in unusable(tokens):
        with pytest.raises(UnusableError) as caught:
            assemble(config, shared)
        assert str(caught.value).startswith("proxy shop: ")
        assert name in str(caught.value)


def test_a_configuration_can_be_tried_out():
    """Every proxy is put together, and nothing is started or left; all are told that cannot."""
    try_out(Config(proxies=(make_config(auth=(APP, SECRET)),)))
    one, other = (
        make_config(auth=(AuthEntry(username="app", password_file=name),))
        for name in ("/no/one", "/no/other")
    )
    with pytest.raises(UnusableError) as caught:
        try_out(Config(proxies=(make_config(), one, other)))
    first, second = str(caught.value).splitlines()
    assert "/no/one (password_file)" in first
    assert "/no/other (password_file)" in second


def test_the_admin_api_is_tried_out_too():
    """A token that is not there is told beside what else cannot be used."""
    token = AdminToken(name="ci", token_env="NOT_THERE")
    unusable = make_config(auth=(AuthEntry(username="app", password_file="/no/one"),))
    config = Config(proxies=(unusable,), admin=AdminConfig(tokens=(token,)))
    with pytest.raises(UnusableError) as caught:
        try_out(config)
    first, second = str(caught.value).splitlines()
    assert "admin: token 'ci': the variable 'NOT_THERE' (token_env)" in first
    assert "/no/one (password_file)" in second
