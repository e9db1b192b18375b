"""Tests of `proxy.embedded.aws`."""

import importlib.util
import time
import urllib.request
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from proxy.embedded import aws
from proxy.embedded.aws import AwsPortTakenError, AwsServer, start_aws
from proxy.embedded.errors import EmbeddedError, ServerFailedError, ServerNotFoundError
from proxy.embedded.process import GuardedProcess

SECRET = {"Name": "shop/app", "SecretString": '{"username": "app", "password": "x"}'}


@pytest.fixture(scope="module")
def server():
    """A stand-in for AWS."""
    with start_aws() as started:
        yield started


def read_secret(server):
    """Read the secret that tests put there."""
    client = server.client("secretsmanager")
    try:
        return client.get_secret_value(SecretId="shop/app")["SecretString"]
    finally:
        client.close()


def write_secret(server):
    """Put the secret there."""
    client = server.client("secretsmanager")
    try:
        client.create_secret(**SECRET)
    finally:
        client.close()


@pytest.mark.loopback
def test_it_serves_until_it_is_stopped_and_forgets(server):
    """It keeps its port over a stop, and nothing else."""
    port = server.port
    assert server.is_running()
    write_secret(server)
    assert read_secret(server) == SECRET["SecretString"]
    server.stop()
    assert not server.is_running()
    with pytest.raises(EndpointConnectionError):
        read_secret(server)
    server.start()
    server.start()
    assert server.port == port
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        read_secret(server)


@pytest.mark.loopback
def test_its_clients_know_nothing_of_this_machine(server, monkeypatch):
    """A profile that the environment names, and that is not there, does not matter."""
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    client = server.client("sts")
    assert client.meta.endpoint_url == server.endpoint_url
    assert client.meta.region_name == aws.REGION
    assert client.get_caller_identity()["Account"] == "123456789012"
    client.close()


@pytest.mark.loopback
def test_its_log_has_each_request(server):
    """What was asked of it can be read, and only this user can enter the folder."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(f"{server.endpoint_url}/moto-api/data.json").close()
    deadline = time.monotonic() + 20
    while "/moto-api/data.json" not in server.log_path.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert server.folder.stat().st_mode & 0o077 == 0


@pytest.mark.loopback
def test_the_end_of_the_block_takes_process_and_folder_along():
    """Nothing is left of it, and closing it twice is no error."""
    with start_aws() as started:
        folder = started.folder
        assert folder.is_dir()
    assert not started.is_running()
    assert not folder.exists()
    started.close()


@pytest.mark.loopback
def test_a_port_that_is_taken_is_told(server, tmp_path):
    """Another server on the port is no success, whatever answers there."""
    other = AwsServer(port=server.port, folder=tmp_path)
    with pytest.raises(AwsPortTakenError, match="ended while starting"):
        other.start()
    other.close()


@pytest.mark.parametrize("name", ["moto", "flask"])
def test_without_moto_there_is_advice(monkeypatch, name):
    """The error says what to install, and is one of the package's own."""
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda wanted: None if wanted == name else found(wanted)
    )
    with pytest.raises(ServerNotFoundError, match=rf"{name} is .*'mysqlproxy\[test\]'"):
        start_aws()
    assert issubclass(ServerNotFoundError, EmbeddedError)


@pytest.fixture
def start_instead(monkeypatch, tmp_path):
    """Has other programs run instead of moto's; none of their folders may stay."""
    start = GuardedProcess.start
    monkeypatch.setattr(aws.tempfile, "tempdir", str(tmp_path))

    def use(*commands):
        left = list(commands)

        def start_next(_command, **places):
            return start(left.pop(0) if len(left) > 1 else left[0], **places)

        monkeypatch.setattr(aws.GuardedProcess, "start", start_next)

    yield use
    assert list(tmp_path.iterdir()) == []


@pytest.mark.loopback
def test_last_words_are_told(start_instead):
    """A server that ends at once is an error with what it printed."""
    start_instead(("/bin/sh", "-c", "echo the disk is full"))
    with pytest.raises(ServerFailedError, match=r"ended while starting.*\nthe disk is full"):
        start_aws()


@pytest.mark.loopback
def test_a_server_that_does_not_answer_is_ended(start_instead, monkeypatch):
    """After the limit it is killed."""
    monkeypatch.setattr(aws, "START_LIMIT_SECONDS", 0.2)
    start_instead(("/bin/sleep", "60"))
    with pytest.raises(ServerFailedError, match="did not answer within"):
        start_aws()


@pytest.mark.loopback
def test_another_port_is_tried_where_one_is_taken(start_instead, monkeypatch):
    """A port that was lost between choice and start is another one next time, a few times."""
    start_instead(("/bin/sh", "-c", "echo Address already in use"))
    ports = []
    monkeypatch.setattr(aws, "free_port", lambda: ports.append(1) or 1)
    with pytest.raises(AwsPortTakenError):
        start_aws()
    assert len(ports) > 1


def test_it_imports_nothing_of_the_proxy_but_its_own_package():
    """The stand-in may be used without the proxy."""
    lines = Path(aws.__file__).read_text().splitlines()
    imports = [line for line in lines if "import" in line and "proxy." in line]
    assert all("proxy.embedded" in line for line in imports)
