"""Logins at several processes: tokens and guesses that one has seen are known to all."""

from __future__ import annotations

import contextlib

import attrs
import pymysql
import pytest

from proxy.embedded.aws import REGION
from proxy.embedded.certificates import Authority
from tests.support.tokens import ANA, WEB, statement, usual_token, write_keys, write_policy

pytestmark = pytest.mark.live

REFUSED = "a login was refused"
DENIED = 1045
LOST = 2013

THRESHOLD = 2
"""Failures that are refused at once."""

MORE = 5
"""Failures after those, by which the next refusal is 32 seconds away."""

HASTE_SECONDS = 0.5
"""How long somebody waits for a refusal who goes on guessing: half of the first delay."""

PATIENCE_SECONDS = 2.0
"""How long somebody waits who wants to see that there is no refusal."""

TRIES = 20
"""That a client who has just left still counts for a moment, when the next one is dealt."""


def seat(client):
    """The worker that has a client."""
    return client.thread_id() % 64


@attrs.frozen
class Office:
    """A proxy of two workers."""

    proxy: object

    @contextlib.contextmanager
    def busy(self, number):
        """Have this worker be the one with more clients: who comes goes to the other one."""
        with contextlib.ExitStack() as stay:
            found = 0
            with contextlib.ExitStack() as leave:
                for _ in range(TRIES):
                    client = self.proxy.connect("admin")
                    is_there = seat(client) == number
                    (stay if is_there else leave).callback(client.close)
                    found += is_there
                    if found == 2:
                        break
            assert found == 2
            yield

    def refusals(self):
        """The lines of the log about refusals."""
        return [line for line in self.proxy.log() if line["message"] == REFUSED]

    def refuse(self, number, code, user="app", **login):
        """Come to this worker, be refused with an error, or give up; why it is refused."""
        with self.busy(3 - number):
            for _ in range(TRIES):
                before = len(self.refusals())
                with pytest.raises(pymysql.OperationalError) as caught:
                    self.proxy.connect(user, **login)
                assert caught.value.args[0] == code
                (line,) = self.refusals()[before:]
                if line["worker"] == number:
                    return line["why"]
        raise AssertionError(f"nobody comes to worker {number}")


def test_a_token_serves_once_whichever_worker_it_comes_to(serve, mysql_server, tmp_path):
    """With token_reuse NONE the other worker refuses what the first one has let in."""
    files = Authority.make().issue().write(tmp_path)
    shown = {"certificate": str(files.certificate), "private_key": str(files.key)}
    settings = {
        "auth": [
            {"username": "app", "password": "app-secret-1", "iam_auth": "REQUIRED"},
            {"username": "admin", "password": "admin-secret-1"},
        ],
        "failed_login_threshold": 0,
        "tls": {"certificates": [shown]},
        "iam": {
            "region": REGION,
            "access_keys_file": write_keys(tmp_path, ANA, WEB),
            "policy_files": [write_policy(tmp_path, statement("Allow", "app"))],
            "hosts": ["127.0.0.1"],
            "token_reuse": "NONE",
        },
    }
    office = Office(serve(mysql_server, settings=settings, workers=2))
    ssl = {"ca": str(files.ca)}
    token = usual_token(ANA, "app", office.proxy.port)
    with office.proxy.connect("app", password=token, ssl=ssl) as client:
        first = seat(client)
    for number in (3 - first, first):
        why = office.refuse(number, DENIED, password=token, ssl=ssl)
        assert why == "the token has been used already"
    other = usual_token(WEB, "app", office.proxy.port)
    with office.busy(first), office.proxy.connect("app", password=other, ssl=ssl):
        assert "X-Amz-Signature" not in office.proxy.log_path.read_text()


def test_guesses_are_slowed_down_whichever_worker_they_come_to(serve, mysql_server):
    """Who failed at one hears nothing from the other; who is right there begins anew."""
    settings = {"failed_login_threshold": THRESHOLD, "max_failed_login_delay": 3600}
    office = Office(serve(mysql_server, settings=settings, workers=2))
    for _ in range(THRESHOLD):
        assert office.refuse(1, DENIED, password="wrong") == "wrong password"
    with office.busy(2):
        while len(office.refusals()) < THRESHOLD + MORE:
            with pytest.raises(pymysql.OperationalError):
                office.proxy.connect("app", password="wrong", read_timeout=HASTE_SECONDS)
    office.refuse(2, LOST, password="wrong", read_timeout=PATIENCE_SECONDS)
    with office.busy(1), office.proxy.connect("app"):
        assert office.refuse(1, DENIED, password="wrong") == "wrong password"
        assert {line["worker"] for line in office.refusals()} == {1, 2}
