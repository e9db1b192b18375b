"""Tests of `proxy.cli.places`: where the proxy is, and what it wants to see."""

from __future__ import annotations

import ssl

import click
import pytest

from proxy.admin.caller import AdminHost
from proxy.cli.places import NotReachedError, Wanted, find
from proxy.config.admin import AdminPort, AdminSocket
from proxy.embedded.certificates import self_signed

FILE = """
proxies:
  - name: shop
    auth: [{username: app, password: secret}]
    target_group: {targets: [{address: "db1.example:3306"}]}
    endpoints: [{name: main, listen: "tcp:3306"}]
"""
VIEWER, OPERATOR = "v" * 32, "o" * 32


@pytest.fixture(autouse=True)
def _no_token(monkeypatch):
    monkeypatch.delenv("MYSQLPROXY_ADMIN_TOKEN", raising=False)


@pytest.fixture
def configured(tmp_path):
    """Find the proxy of a configuration with this section."""

    def configured(admin, **more):
        path = tmp_path / "mysqlproxy.yaml"
        path.write_text(f"{FILE}admin: {admin}\n")
        return find(Wanted(where=None, config=path, **more))

    return configured


def given(where, tmp_path, **more):
    return find(Wanted(where=where, config=tmp_path / "none.yaml", **more))


@pytest.mark.parametrize(
    ("where", "place", "encrypted"),
    [
        ("/run/a.sock", AdminSocket("/run/a.sock"), False),
        ("a.sock", AdminSocket("a.sock"), False),
        ("unix:/run/a.sock:mode=600", AdminSocket("/run/a.sock", 0o600), False),
        ("tcp:8033:interface=127.0.0.1", AdminPort(8033), False),
        ("http://127.0.0.1:8033", AdminHost("127.0.0.1", 8033), False),
        ("http://localhost:8033/", AdminHost("localhost", 8033), False),
        ("https://proxy.example:8443", AdminHost("proxy.example", 8443), True),
        ("https://[2001:db8::1]", AdminHost("2001:db8::1", 443), True),
    ],
)
def test_a_place_may_be_given(tmp_path, where, place, encrypted):
    """A path, a text as in the setting, or a URL; https is encrypted."""
    found = given(where, tmp_path)
    assert found.place == place
    assert (found.access.tls is not None) == encrypted


@pytest.mark.parametrize(
    "where",
    [
        "tcp:8033:interface=10.0.0.1",
        "tcp:8033",
        "unix:relative",
        "http://proxy.example:8033",
        "https://",
        "https://proxy.example:port",
        "https://proxy.example/v1",
        "ftp://127.0.0.1",
        "127.0.0.1:8033",
        "[::1]:8033",
        ":8033",
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, where):
    """Also a token that would travel as clear text."""
    with pytest.raises(click.BadParameter) as caught:
        given(where, tmp_path)
    assert caught.value.param_hint == "--socket"


def test_a_socket_is_taken_before_a_port(configured, tmp_path):
    """It asks for no token."""
    places = f'[tcp:8033:interface=127.0.0.1, "unix:{tmp_path}/a.sock"]'
    found = configured(f"{{listen: {places}}}")
    assert found.place == AdminSocket(f"{tmp_path}/a.sock")
    assert found.access.token == ""


def test_a_port_gets_the_own_token_of_an_operator(configured, tmp_path, monkeypatch):
    """Where this user may read it; a viewer's is better than none."""
    tokens = f"{{name: v, token: {VIEWER}}}, {{name: o, role: OPERATOR, token_file: o.token}}"
    admin = f'{{listen: "tcp:8033:interface=127.0.0.1", tokens: [{tokens}]}}'
    (tmp_path / "o.token").write_text(f"{OPERATOR}\n")
    found = configured(admin)
    assert found.place == AdminPort(8033)
    assert found.access.token == OPERATOR
    assert OPERATOR not in repr(found)
    (tmp_path / "o.token").unlink()
    assert configured(admin).access.token == VIEWER
    monkeypatch.setenv("MYSQLPROXY_ADMIN_TOKEN", "given")
    assert configured(admin).access.token == "given"


def test_a_token_may_be_in_the_environment(configured, monkeypatch):
    """In the variable that the setting names; where it is empty, there is none."""
    tokens = "{name: o, role: OPERATOR, token_env: SHOP_TOKEN}"
    admin = f'{{listen: "tcp:8033:interface=127.0.0.1", tokens: [{tokens}]}}'
    monkeypatch.setenv("SHOP_TOKEN", OPERATOR)
    assert configured(admin).access.token == OPERATOR
    monkeypatch.delenv("SHOP_TOKEN")
    assert configured(admin).access.token == ""


def test_the_own_certificate_is_trusted(configured, tmp_path):
    """Whoever reads the configuration knows it; it need not be for the address."""
    files = self_signed().write(tmp_path)
    admin = (
        f'{{listen: "tcp:8033:interface=0.0.0.0", tokens: [{{name: v, token: {VIEWER}}}], '
        f"tls: {{certificate: {files.certificate}, private_key: {files.key}}}}}"
    )
    found = configured(admin)
    assert found.place == AdminPort(8033, "127.0.0.1")
    assert not found.access.tls.check_hostname
    assert found.access.tls.verify_mode is ssl.CERT_REQUIRED


def test_a_certificate_may_be_shown(tmp_path):
    """With the authority of the other side; a file that is none is said."""
    files = self_signed().write(tmp_path)
    where = "https://proxy.example"
    shown = {"certificate": files.certificate, "key": files.key, "ca": files.ca}
    assert given(where, tmp_path, **shown).access.tls.check_hostname
    with pytest.raises(click.UsageError, match="a file for TLS cannot be used"):
        given(where, tmp_path, ca=tmp_path / "none.pem")


@pytest.mark.parametrize("content", [None, b"", b"\xff\n"])
def test_a_token_that_cannot_be_read_is_said(tmp_path, content):
    """Nobody calls without the token that was given."""
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(click.BadParameter, match="cannot be read, or is empty"):
        given("/run/a.sock", tmp_path, token_file=path)


def test_a_configuration_without_a_place_says_what_to_set(configured, tmp_path):
    """One that is not there says how else to reach the proxy."""
    with pytest.raises(NotReachedError, match=r"no admin\.listen"):
        configured("{}")
    with pytest.raises(NotReachedError, match="--socket"):
        find(Wanted(where=None, config=tmp_path / "none.yaml"))
