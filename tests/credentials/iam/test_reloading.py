"""Tests of `proxy.credentials.iam.reloading`."""

import json
import os

import pytest
from structlog.testing import capture_logs
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred

from proxy.config.aws import IamVerification
from proxy.credentials.aws_errors import AwsUnavailableError, Trouble
from proxy.credentials.iam.document import PolicyUnusableError
from proxy.credentials.iam.identity import Identity
from proxy.credentials.iam.keys import AccessKeysUnusableError
from proxy.credentials.iam.reloading import ReloadingVerifier
from proxy.credentials.iam.signature import read_token
from proxy.credentials.iam.sts import make_sts_token
from proxy.credentials.iam.verify import IamSettings
from proxy.observe.log import get_logger

REGION, ACCOUNT = "eu-central-1", "123456789012"
RESOURCE = f"arn:aws:rds-db:{REGION}:{ACCOUNT}:dbuser:prx-shop/app"


def policy(effect="Allow", sid="First"):
    """Write a policy of one statement."""
    statement = {
        "Sid": sid,
        "Effect": effect,
        "Action": "rds-db:connect",
        "Resource": RESOURCE,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def entry(key):
    """Write an access key as the file has it."""
    entry = {
        "access_key_id": key.access_key_id,
        "secret_access_key": key.secret_access_key.reveal(),
        "principal": key.principal,
    }
    if key.session_token is not None:
        entry["session_token"] = key.session_token.reveal()
    return entry


def write(path, text):
    """Write a file beside the old one, then in its place: its inode is another one for sure."""
    fresh = path.with_name("fresh")
    fresh.write_text(text)
    fresh.chmod(0o600)
    fresh.rename(path)


class Stage:
    """A verifier over two files, and tokens that are ten seconds old."""

    def __init__(self, folder, sign, *keys):
        self.sign = sign
        self.keys_file, self.policy_file = folder / "keys.yaml", folder / "policy.json"
        self.write_keys(*keys)
        write(self.policy_file, policy())
        self.now = read_token(sign(keys[0])).presigned.signed_at + 10
        self.verifier = self.make()

    def make(self, access_keys=..., run=maybeDeferred, read=None, log=None, **settings):
        """Make a verifier."""
        return ReloadingVerifier(
            IamSettings(**{"region": REGION, "resource_id": "prx-shop", **settings}),
            self.keys_file if access_keys is ... else access_keys,
            [self.policy_file],
            run,
            lambda: self.now,
            read=read,
            log=log,
        )

    def write_keys(self, *keys):
        """Write the file of access keys."""
        write(self.keys_file, json.dumps({"access_keys": [entry(key) for key in keys]}))

    def verdict(self, token, address="10.0.0.1"):
        """Say what becomes of a login with this token."""
        return self.verifier.verify(token, "app", address).result

    def look(self):
        """Look at the files; the lines that are logged."""
        with capture_logs() as lines:
            self.verifier.look()
        return [(line["log_level"], line["event"], line.get("why", "")) for line in lines]


@pytest.fixture
def stage(tmp_path, sign, lasting_key):
    """A verifier that knows a lasting key, and a policy for the user `app`."""
    return Stage(tmp_path, sign, lasting_key)


IN_USE = ("info", "changed access keys and policies are in use", "")
KEPT = "changed access keys or policies cannot be used, the old ones stay"


def test_tokens_are_verified_by_what_the_files_say(stage, sign, lasting_key):
    """The keys and the policies are read at the start."""
    verdict = stage.verdict(sign(lasting_key))
    assert verdict.allowed
    assert verdict.principal == lasting_key.principal
    assert "statement 'First'" in verdict.reason


def test_a_token_is_used_where_another_process_has_verified_it(stage, sign, lasting_key):
    """It is bound to its address then, as if it had come here."""
    token = sign(lasting_key)
    presigned = read_token(token).presigned
    assert stage.verifier.use(presigned.digest, "10.0.0.2", presigned.expires).result is None
    assert "from another address" in stage.verdict(token).reason


def test_files_that_stay_as_they_are_are_not_read_again(stage, monkeypatch):
    """A look at files that nobody has touched reads nothing and says nothing."""
    monkeypatch.setattr(stage.verifier, "_read", lambda: pytest.fail("it was read"))
    assert stage.look() == []


def test_a_new_key_is_taken_up(stage, sign, lasting_key, temporary_key):
    """A key that is added to the file is known from the next look on, and not before."""
    token = sign(temporary_key)
    stage.write_keys(lasting_key, temporary_key)
    assert "is not known" in stage.verdict(token).reason
    assert stage.look() == [IN_USE]
    assert stage.verdict(token).allowed
    assert stage.look() == []


def test_a_key_that_is_taken_out_is_not_known_any_more(stage, sign, lasting_key, temporary_key):
    """Who is removed from the file cannot log in after the next look."""
    stage.write_keys(temporary_key)
    stage.look()
    assert "is not known" in stage.verdict(sign(lasting_key)).reason


def test_a_changed_policy_is_taken_up(stage, sign, lasting_key):
    """A statement that denies is obeyed from the next look on."""
    write(stage.policy_file, policy("Deny", "Closed"))
    assert stage.look() == [IN_USE]
    verdict = stage.verdict(sign(lasting_key))
    assert not verdict.allowed
    assert "denied by statement 'Closed'" in verdict.reason


@pytest.mark.parametrize("name", ["keys_file", "policy_file"])
def test_a_broken_file_leaves_what_was_known(stage, sign, lasting_key, name):
    """It is told once with the file and without its content, and the old one holds."""
    path = getattr(stage, name)
    secret = lasting_key.secret_access_key.reveal()
    write(path, json.dumps({"access_keys": secret, "Statement": secret}))
    ((level, event, why),) = stage.look()
    assert (level, event) == ("error", KEPT)
    assert path.name in why
    assert secret not in why
    assert stage.look() == []
    assert stage.verdict(sign(lasting_key)).allowed


def test_a_broken_file_does_not_keep_another_one_from_being_mended(
    stage, sign, lasting_key, temporary_key
):
    """Both files are taken up together, once both can be used."""
    write(stage.policy_file, "{")
    stage.write_keys(lasting_key, temporary_key)
    assert [event for _, event, _ in stage.look()] == [KEPT]
    assert not stage.verdict(sign(temporary_key)).allowed
    write(stage.policy_file, policy())
    assert stage.look() == [IN_USE]
    assert stage.verdict(sign(temporary_key)).allowed


def test_a_file_that_is_away_for_a_while_is_taken_when_it_is_back(stage, sign, lasting_key):
    """A missing file is told once, and its last content holds until there is a new one."""
    away = stage.keys_file.with_name("away")
    stage.keys_file.rename(away)
    ((level, event, why),) = stage.look()
    assert (level, event) == ("error", KEPT)
    assert "No such file" in why
    assert stage.look() == []
    assert stage.verdict(sign(lasting_key)).allowed
    away.rename(stage.keys_file)
    assert stage.look() == [IN_USE]


class Thread:
    """A thread in the test's hand."""

    def __init__(self):
        self.calls = []

    def run(self, *call):
        """Take a call."""
        self.calls.append((call, Deferred()))
        return self.calls[-1][1]

    def turn(self):
        """Make the first call."""
        (work, *arguments), done = self.calls.pop(0)
        done.callback(work(*arguments))


def test_files_are_read_elsewhere(stage, sign, lasting_key, temporary_key):
    """Meanwhile what was known holds, and no second thread begins."""
    thread = Thread()
    stage.verifier = stage.make(read=thread.run)
    token = sign(temporary_key)
    stage.write_keys(lasting_key, temporary_key)
    assert stage.look() == []
    assert stage.look() == []
    assert len(thread.calls) == 1
    assert not stage.verdict(token).allowed
    with capture_logs() as lines:
        thread.turn()
    assert [line["event"] for line in lines] == [IN_USE[1]]
    assert stage.verdict(token).allowed


def test_what_was_read_too_late_is_read_again(stage, sign, lasting_key, temporary_key):
    """A thread that takes too long is told, and what it read is not lost."""
    thread = Thread()
    stage.verifier = stage.make(read=thread.run)
    token = sign(temporary_key)
    stage.write_keys(lasting_key, temporary_key)
    stage.look()
    (work,), late = thread.calls.pop()
    work()
    with capture_logs() as lines:
        late.errback(AwsUnavailableError("no answer", Trouble.UNREACHABLE))
    assert [(line["event"], line["why"]) for line in lines] == [
        (KEPT, "reading them takes too long")
    ]
    stage.look()
    thread.turn()
    assert stage.verdict(token).allowed
    stage.look()
    with capture_logs() as lines:
        thread.turn()
    assert lines == []


def test_the_end_of_the_proxy_is_no_trouble(stage):
    """A look that is given up says nothing."""
    thread = Thread()
    stage.verifier = stage.make(read=thread.run)
    stage.look()
    with capture_logs() as lines:
        thread.calls[0][1].errback(CancelledError())
    assert lines == []


def test_a_mistake_of_ours_is_told_without_its_words(stage, sign, lasting_key, monkeypatch):
    """An error that nobody thought of is logged by its kind, and looks go on."""

    def fail():
        raise ZeroDivisionError("hunter2")

    monkeypatch.setattr(stage.verifier, "_read", fail)
    write(stage.policy_file, policy("Deny"))
    with capture_logs() as lines:
        stage.verifier.look()
    assert [(line["log_level"], line["kind"]) for line in lines] == [
        ("error", "ZeroDivisionError")
    ]
    assert "hunter2" not in repr(lines)
    monkeypatch.undo()
    write(stage.policy_file, policy("Deny", "Closed"))
    assert stage.look() == [IN_USE]
    assert not stage.verdict(sign(lasting_key)).allowed


@pytest.mark.parametrize("name", ["keys_file", "policy_file"])
def test_a_pipe_keeps_nobody_waiting(stage, sign, lasting_key, name):
    """It is no file, and the old one holds."""
    path = getattr(stage, name)
    path.unlink()
    os.mkfifo(path)
    ((_, event, why),) = stage.look()
    assert event == KEPT
    assert "is not a file" in why
    assert stage.verdict(sign(lasting_key)).allowed


def test_questions_to_sts_outlive_a_change(stage, session_of, lasting_key):
    """Who asked before it is judged by the policies after it."""
    thread = Thread()
    stage.verifier = stage.make(
        None, run=thread.run, read=maybeDeferred, method=IamVerification.STS, account=ACCOUNT
    )
    token = make_sts_token(session_of(lasting_key), "proxy.example.com", 3306, "app", REGION)
    waiting = stage.verifier.verify(token, "app", "10.0.0.1")
    write(stage.policy_file, policy("Deny", "Closed"))
    stage.look()
    assert stage.verifier._verifier._questions.total() == 1
    thread.calls[0][1].callback(Identity(lasting_key.principal, ACCOUNT))
    assert "denied by statement 'Closed'" in waiting.result.reason
    assert stage.verifier._verifier._questions.total() == 0


def test_access_keys_that_others_may_read_are_told(stage):
    """Whenever they are read; policies are no secret.  The line says whose they are."""
    stage.keys_file.chmod(0o604)
    stage.policy_file.chmod(0o644)
    with capture_logs() as lines:
        stage.make(log=get_logger(proxy="shop"))
    assert [(line["log_level"], line["proxy"], line["file"]) for line in lines] == [
        ("warning", "shop", str(stage.keys_file))
    ]


def test_tokens_that_were_used_stay_used(stage, sign, lasting_key):
    """The memory of tokens outlives a change of the files."""
    token = sign(lasting_key)
    assert stage.verdict(token, "10.0.0.1").allowed
    write(stage.policy_file, policy(sid="Second"))
    assert stage.look() == [IN_USE]
    verdict = stage.verdict(token, "10.0.0.2")
    assert verdict.reason == "the token has been used already, from another address"
    assert stage.verdict(token, "10.0.0.1").allowed


def test_files_that_cannot_be_used_are_an_error_at_the_start(stage):
    """Without a version that was good there is nothing to go on with."""
    write(stage.policy_file, "{}")
    with pytest.raises(PolicyUnusableError, match=r"policy\.json: has no Statement"):
        stage.make()
    write(stage.policy_file, policy())
    stage.keys_file.unlink()
    with pytest.raises(AccessKeysUnusableError, match=r"keys\.yaml: cannot be read: No such"):
        stage.make()


def test_sts_needs_no_access_keys(stage):
    """Without a file of keys none is looked at, and only the policies are read again."""
    stage.keys_file.unlink()
    stage.verifier = stage.make(None, method=IamVerification.STS, account=ACCOUNT)
    assert stage.look() == []
    write(stage.policy_file, policy(sid="Second"))
    assert stage.look() == [IN_USE]


def test_settings_that_no_token_could_meet_are_an_error(stage):
    """A host that is none is refused at the start."""
    with pytest.raises(ValueError, match="no host"):
        stage.make(hosts=("not a host",))


def test_it_shows_how_much_it_knows_and_no_key(stage, lasting_key):
    """The repr counts keys and statements."""
    assert "1 keys" in repr(stage.verifier)
    assert "1 statements" in repr(stage.verifier)
    for secret in (lasting_key.secret_access_key.reveal(), lasting_key.access_key_id):
        assert secret not in repr(stage.verifier)
