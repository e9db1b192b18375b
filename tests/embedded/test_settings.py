import os
from pathlib import Path

from proxy.embedded.certificates import CertificateFiles
from proxy.embedded.distribution import Flavor
from proxy.embedded.settings import as_options, settings_for, tls_settings


def test_server_listens_on_the_loopback_interface_only():
    """No setting of a flavor opens the server to the network."""
    for flavor in Flavor:
        assert settings_for(flavor, 10)["bind-address"] == "127.0.0.1"


def test_limit_of_clients_is_the_callers():
    """max_connections is passed on."""
    assert settings_for(Flavor.MYSQL, 77)["max-connections"] == "77"


def test_flavors_do_not_see_each_others_options():
    """An option that only one flavor knows would stop the other from starting."""
    assert "mysqlx" not in settings_for(Flavor.MARIADB, 10)
    assert "gtid-strict-mode" not in settings_for(Flavor.MYSQL, 10)


def test_certificate_is_named_by_absolute_paths(monkeypatch, tmp_path):
    """A server would look for a relative path in its data folder."""
    monkeypatch.chdir(tmp_path)
    files = CertificateFiles(Path("ca.pem"), Path("own/cert.pem"), Path("/keys/key.pem"))
    assert tls_settings(files) == {
        "ssl-ca": f"{tmp_path}/ca.pem",
        "ssl-cert": f"{tmp_path}/own/cert.pem",
        "ssl-key": "/keys/key.pem",
    }


def test_root_is_told_to_stay_root(monkeypatch):
    """The servers refuse to run as root unless they are told to."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert as_options({"port": "1"}) == ("--user=root", "--port=1")


def test_other_users_are_not_told_who_to_be(monkeypatch):
    """A user without privileges could not change to another anyway."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert as_options({"port": "1"}) == ("--port=1",)
