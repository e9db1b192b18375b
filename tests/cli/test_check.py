"""Tests of `proxy.cli.check`."""

import pytest
from click.testing import CliRunner

from proxy.cli.main import main

FILE = """
proxies:
  - name: shop
    auth:
      - {username: app, password: secret}
      - {auth_scheme: FILE, users_file: users.yaml}
      - {auth_scheme: SECRETS, secret_arn: shop/batch}
    target_group: {targets: [{address: "db1.example:3306"}]}
    endpoints: [{name: main, listen: "tcp:3306"}]
"""


@pytest.fixture
def path(tmp_path):
    """A configuration with users of every kind."""
    users = tmp_path / "users.yaml"
    users.write_text("users: [{username: ana, password: hidden}]\n")
    users.chmod(0o600)
    file = tmp_path / "mysqlproxy.yaml"
    file.write_text(FILE)
    return file


def test_who_may_log_in_is_said(path):
    """Users, files and secrets are named, targets and endpoints too, but no password."""
    result = CliRunner().invoke(main, ["check-config", str(path)])
    assert result.exit_code == 0
    first, second, last = result.output.splitlines()
    users = f"user app, users of {path.parent / 'users.yaml'}, secret shop/batch"
    assert first == f"proxy shop: {users}; target db1.example:3306"
    assert second == "  endpoint main: tcp:3306"
    assert last == f"{path} is fine."


def test_a_broken_file_of_users_is_a_fault(path):
    """What the configuration points to is looked at as well."""
    (path.parent / "users.yaml").write_text("users: 7\n")
    result = CliRunner().invoke(main, ["check-config", str(path)])
    assert result.exit_code == 1
    assert "users.yaml" in result.output
