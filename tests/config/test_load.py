import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.load import MAX_FILE_BYTES, load_config, load_text
from proxy.config.problem import ConfigError

SHOP = """\
proxies:
  - name: shop
    auth: [{auth_scheme: STATIC, username: app, password_file: app.password}]
    idle_client_timeout: 1800
    target_group:
      targets: [{address: "db1.example:3306"}]
      connection_pool_config:
        max_connections: 100
        connection_borrow_timeout: 120
    endpoints:
      - {name: shop, target_role: READ_WRITE, listen: "tcp:3306"}
"""
POOL = "proxies[0].target_group.connection_pool_config"
ALLOWED = "a whole number from 1 to 100000"
SECONDS = "a number of seconds from 1 to 28800"
TWO_SOURCES = "cannot stand beside password_file: give one of the two"


def errors_of(text):
    with pytest.raises(ConfigError) as caught:
        load_text(text, "shop.yaml")
    return str(caught.value).splitlines()


def test_loads_the_outline():
    """The shape of the manual's first example is a configuration."""
    proxy = load_text(SHOP, "shop.yaml").proxies[0]
    assert proxy.target_group.connection_pool_config.max_connections == 100
    assert proxy.endpoints[0].listen == "tcp:3306"
    assert proxy.auth[0].password_file == "app.password"


def test_an_error_has_file_line_and_key_path():
    """A wrong value is named by file, line, key path and what it must be."""
    assert errors_of(SHOP.replace("max_connections: 100", "max_connections: many")) == [
        f"shop.yaml:8: {POOL}.max_connections: must be {ALLOWED}, not 'many'"
    ]


def test_several_errors_come_together_in_the_order_of_the_file():
    """Repeated keys, unknown keys and wrong values are reported in one go."""
    text = SHOP.replace("1800", "soon") + "log: {levle: info}\nlog: {}\n"
    assert errors_of(text) == [
        f"shop.yaml:4: proxies[0].idle_client_timeout: must be {SECONDS}, not 'soon'",
        "shop.yaml:12: log.levle: is no setting; did you mean level?",
        "shop.yaml:13: log: stands here again, after line 12",
    ]


def test_rules_over_several_settings_have_lines_too():
    """What does not go together is reported at the setting to change."""
    text = SHOP.replace("username: app,", "username: app, password_env: APP,")
    assert errors_of(text) == [f"shop.yaml:3: proxies[0].auth[0].password_env: {TWO_SOURCES}"]


def test_a_repeated_key_alone_is_refused():
    """A configuration with nothing wrong but a repeated key is not used."""
    assert errors_of(SHOP + "drain_timeout: 5\ndrain_timeout: 5\n") == [
        "shop.yaml:13: drain_timeout: stands here again, after line 12"
    ]


def test_broken_yaml_has_its_line():
    """A text that is no YAML is one problem without a key path."""
    assert errors_of("proxies:\n  - [\n")[0].startswith("shop.yaml:3: not YAML: ")


@pytest.mark.parametrize(
    "entry",
    [
        "{username: app, password: 4711}",
        "{username: app, password:4711}",
        "{username: app, password: [4711]}",
        "{username: app, pasword: 4711}",
        "{username: app, password: *p4711}",
        "{username: app, password: !p4711}",
        "app:4711",
    ],
)
def test_no_error_shows_a_password(entry):
    """However a password is written wrongly, it is not in the error."""
    text = SHOP.replace(
        "{auth_scheme: STATIC, username: app, password_file: app.password}", entry
    )
    assert "4711" not in "\n".join(errors_of(text))


def test_password_files_start_at_the_folder_of_the_file(tmp_path, monkeypatch):
    """A relative path is found from the configuration, an absolute one stays."""
    (tmp_path / "shop.yaml").write_text(
        SHOP.replace("}]\n    idle", "}, {username: b, password_file: /etc/b}, "
        "{username: c, password_env: C}]\n    idle")
    )  # fmt: skip
    monkeypatch.chdir(tmp_path)
    auth = load_config("shop.yaml").proxies[0].auth
    assert [entry.password_file for entry in auth] == [
        str(tmp_path / "app.password"),
        "/etc/b",
        None,
    ]


FILES = """\
proxies:
  - name: shop
    auth:
      - {auth_scheme: FILE, users_file: users.yaml}
      - {auth_scheme: SECRETS, secret_arn: "shop/app", iam_auth: enabled}
    require_tls: true
    tls:
      certificates:
        - {certificate: a.pem, private_key: a.key, private_key_password_file: a.password}
        - {certificate: /etc/b.pem, private_key: ../b.key}
      client_certificates: OPTIONAL
      client_ca: clients.pem
    iam:
      access_keys_file: keys.yaml
      policy_files: [one.json, /etc/two.json]
      hosts: [db.example]
    target_group:
      targets: [{address: db1}]
      tls: {ca: ca.pem, certificate: c.pem, private_key: c.key, mode: VERIFY_CA,
        private_key_password_file: c.password}
    endpoints: [{name: shop, listen: "unix:shop.sock"}]
"""


def test_every_path_of_a_file_becomes_absolute(tmp_path):
    """Wherever a file is named, it is looked for beside the configuration."""
    (tmp_path / "shop.yaml").write_text(FILES)
    (proxy,) = load_config(tmp_path / "shop.yaml").proxies
    one, other = proxy.tls.certificates
    target_tls = proxy.target_group.tls
    found = [
        proxy.auth[0].users_file,
        one.certificate,
        one.private_key,
        one.private_key_password_file,
        proxy.tls.client_ca,
        proxy.iam.access_keys_file,
        proxy.iam.policy_files[0],
        target_tls.ca,
        target_tls.certificate,
        target_tls.private_key,
        target_tls.private_key_password_file,
    ]
    names = (
        "users.yaml a.pem a.key a.password clients.pem keys.yaml one.json "
        "ca.pem c.pem c.key c.password"
    )
    assert found == [str(tmp_path / name) for name in names.split()]
    assert (other.certificate, other.private_key) == (
        "/etc/b.pem",
        str(tmp_path / "../b.key"),
    )
    assert proxy.iam.policy_files[1] == "/etc/two.json"


def test_what_is_no_file_stays_as_it_is(tmp_path):
    """Names of hosts, secrets and sockets are not taken for paths."""
    (tmp_path / "shop.yaml").write_text(FILES)
    (proxy,) = load_config(tmp_path / "shop.yaml").proxies
    assert proxy.iam.hosts == ("db.example",)
    assert proxy.auth[1].secret_arn == "shop/app"
    assert proxy.endpoints[0].listen == "unix:shop.sock"
    assert proxy.tls.certificates[1].private_key_password_file is None


def test_a_file_that_cannot_be_read_is_a_problem_without_a_line(tmp_path):
    """A missing file and a folder are refused with the system's words."""
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
        load_config(tmp_path / "missing.yaml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path)


def test_a_file_beyond_reason_is_refused(tmp_path):
    """What is larger than a configuration can be is not read."""
    file = tmp_path / "large.yaml"
    file.touch()
    os.truncate(file, MAX_FILE_BYTES + 1)
    with pytest.raises(ConfigError, match=r"large\.yaml: is larger than 1,048,576 bytes"):
        load_config(file)


def test_a_file_that_is_not_utf8_has_the_line_of_the_first_wrong_byte(tmp_path):
    """Bytes of another encoding are refused where they stand."""
    file = tmp_path / "latin.yaml"
    file.write_bytes(b"# fine\n# caf\xe9\n")
    with pytest.raises(ConfigError, match=r"latin\.yaml:2: is not UTF-8 text"):
        load_config(file)


@given(st.integers(0, len(SHOP)), st.text(max_size=5), st.integers(0, 5))
def test_a_damaged_text_is_loaded_or_refused(at, inserted, removed):
    """Whatever is written into a configuration, the only error is ConfigError."""
    text = SHOP[:at] + inserted + SHOP[at + removed :]
    try:
        found = len(load_text(text, "shop.yaml").proxies)
    except ConfigError as error:
        found = len(error.problems)
    assert found >= 1
