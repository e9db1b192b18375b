"""What a process has, and tokens that it can check."""

import json

import attrs
import pytest
from twisted.internet.testing import MemoryReactorClock

from proxy.config.auth import IamAuth
from proxy.config.aws import IamConfig
from proxy.credentials.aws_threads import AwsThreads
from proxy.front.deadlines import Deadlines
from proxy.front.proxy import ConnectionIds
from proxy.service.assembly import Shared
from tests.support.assembling import APP, KEYS, POLICY


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """What a process has, with a reactor that does nothing."""
    (tmp_path / "users.yaml").write_text("users: [{username: batch, password: x}]")
    (tmp_path / "users.yaml").chmod(0o600)
    reactor = MemoryReactorClock()
    threads = AwsThreads(reactor)
    monkeypatch.chdir(tmp_path)  # where the paths of these tests begin
    return Shared(reactor, threads, Deadlines(reactor), None, ConnectionIds(), {})


@pytest.fixture
def tokens(tmp_path):
    """Settings with which tokens are taken."""
    (tmp_path / "keys.json").write_text(json.dumps(KEYS))
    (tmp_path / "policy.json").write_text(json.dumps(POLICY))
    iam = IamConfig(
        access_keys_file="keys.json", policy_files=("policy.json",), region="eu-central-1"
    )
    return {"iam": iam, "auth": (attrs.evolve(APP, iam_auth=IamAuth.REQUIRED),)}
