"""Tests of `proxy.credentials.users_file`."""

import os

import pytest
from structlog.testing import capture_logs
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.task import Clock

from proxy.credentials import users_file
from proxy.credentials.aws_errors import AwsUnavailableError, Trouble
from proxy.credentials.source import Credential
from proxy.credentials.static import PasswordUnreadableError
from proxy.credentials.users_file import LOOK_SECONDS, UsersFile
from proxy.net import files
from proxy.observe.log import get_logger

APP = "users:\n- {username: app, password: hunter2}\n"
BOTH = """
users:
  - username: app
    password: hunter3
    previous_password: hunter2
  - {username: batch, password: ""}
"""


def write(path, text, mode=0o600):
    """Write a file the way programs do that others read it of: beside it, then in its place."""
    fresh = path.with_name("fresh")
    fresh.write_bytes(text if isinstance(text, bytes) else text.encode())
    fresh.chmod(mode)
    fresh.rename(path)


class Stage:
    """A users file, a source of it, and what it told."""

    def __init__(self, tmp_path, text=APP, run=maybeDeferred):
        self.path = tmp_path / "users.yaml"
        write(self.path, text)
        self.clock = Clock()
        self.changes = []
        self.source = UsersFile(
            self.path,
            lambda user, passwords: Credential(user, passwords, "plugin"),
            clock=self.clock,
            run=run,
            on_change=self.changes.append,
        )

    def passwords(self, user="app"):
        """Say the passwords of a user."""
        return self.source.known(user).passwords


@pytest.fixture
def stage(tmp_path):
    """A file with one user, looked at every second."""
    made = Stage(tmp_path)
    made.source.start()
    yield made
    made.source.stop()
    assert not made.clock.getDelayedCalls()


def test_users_are_read_at_the_start(tmp_path):
    """The order is that of the file, and the previous password comes after the new one."""
    source = Stage(tmp_path, BOTH).source
    assert source.users() == ("app", "batch")
    assert source.known("app") == Credential("app", ("hunter3", "hunter2"), "plugin")
    assert source.find("batch").result.passwords == ("",)
    assert source.find("root").result is None
    assert source.known("root") is None
    assert [source.claims(user) for user in ("app", "root")] == [True, False]


def test_the_same_password_twice_is_one(tmp_path):
    """A previous password that is the present one adds nothing."""
    text = "users: [{username: app, password: x, previous_password: x}]"
    assert Stage(tmp_path, text).passwords() == ("x",)


def test_a_file_without_users_is_a_file(tmp_path):
    """An empty list is a decision, and no mistake."""
    assert Stage(tmp_path, "users: []").source.users() == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"users: \xff", "line 1: is not UTF-8 text"),
        ("", 'must be a mapping with a list "users"'),
        ("- hunter2", 'must be a mapping with a list "users"'),
        ("users: hunter2", 'must be a mapping with a list "users"'),
        ("users: []\nmore: hunter2", 'must be a mapping with a list "users"'),
        ("users:\n- 'hunter2", "line 2: not YAML"),
        ("users: []\nusers: []", "line 2: users: stands here again"),
        ("users:\n- hunter2", r"line 2: users\[0\]: must be a mapping"),
        ("users:\n- {username: app}", r"users\[0\].password: is missing"),
        ("users:\n- {password: hunter2}", r"users\[0\].username: is missing"),
        ("users:\n- {username: '', password: hunter2}", r"users\[0\].username: must be"),
        (
            "users:\n- {username: app, password: 12345}",
            r"\.password: must be a text, in quotes",
        ),
        ("users:\n- {username: app, password: null}", r"\.password: must be a text, in quotes"),
        ('users:\n- {username: app, password: "hunter2\\0"}', r"\.password: has a character"),
        (
            "users:\n- {username: a, password: x, previous_password: [hunter2]}",
            r"\.previous_password: must be a text",
        ),
        (
            "users:\n- {username: a, password: hunter2, previous_password: ''}",
            r"line 2: users\[0\].previous_password: is empty; leave it out",
        ),
        (
            "users:\n- {username: a, password: '', previous_password: ''}",
            r"users\[0\].previous_password: is empty; leave it out",
        ),
        (
            "users:\n- {username: app, password: hunter2, pasword: hunter2}",
            r"users\[0\]: has a key that is none of username, password, previous_password",
        ),
        (APP + "- {username: app, password: x}", r"line 3: users\[1\].username: 'app' stands"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_at_the_start(tmp_path, text, words):
    """The error has the file and the line, and no password."""
    path = tmp_path / "users.yaml"
    if text is not None:
        write(path, text)
    with pytest.raises(PasswordUnreadableError, match=words) as caught:
        UsersFile(path, Credential, clock=Clock(), run=maybeDeferred)
    assert str(caught.value).startswith(f"{path} (users_file): ")
    assert "hunter2" not in str(caught.value)
    assert "12345" not in str(caught.value)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_only_a_file_is_read(tmp_path, make):
    """A pipe that nobody writes to does not keep the proxy waiting, and a folder is told."""
    make(tmp_path / "users.yaml")
    with pytest.raises(PasswordUnreadableError, match="is not a file"):
        UsersFile(tmp_path / "users.yaml", Credential, clock=Clock(), run=maybeDeferred)


def test_a_file_has_a_size_at_most(tmp_path, monkeypatch):
    """What is larger is not even parsed."""
    monkeypatch.setattr(users_file, "MAX_FILE_BYTES", len(APP))
    assert Stage(tmp_path).source.users() == ("app",)
    with pytest.raises(PasswordUnreadableError, match=f"is larger than {len(APP)} bytes"):
        Stage(tmp_path, APP + "\n")


def test_a_change_is_seen_within_a_second(stage):
    """New, changed and gone users are told once the source has them."""
    stage.source._on_change = lambda users: stage.changes.append((users, stage.passwords()))
    write(stage.path, BOTH)
    assert stage.passwords() == ("hunter2",)
    stage.clock.advance(LOOK_SECONDS)
    assert stage.passwords() == ("hunter3", "hunter2")
    assert stage.changes == [(("app", "batch"), ("hunter3", "hunter2"))]
    stage.clock.advance(LOOK_SECONDS)
    assert len(stage.changes) == 1


def test_a_user_who_is_gone_is_told_too(stage):
    """Whoever is not in the file any more is unknown, and named to the hook."""
    write(stage.path, "users: [{username: batch, password: x}]")
    stage.clock.advance(LOOK_SECONDS)
    assert stage.source.known("app") is None
    assert stage.changes == [("app", "batch")]


def test_a_file_that_says_the_same_changes_nobody(stage):
    """A file that was only touched tells no change."""
    os.utime(stage.path, (1, 1))
    stage.clock.advance(LOOK_SECONDS)
    assert stage.changes == []


def test_refresh_looks_at_once_for_whoever_it_is(stage):
    """The answer of `refresh` is what the file says now, for unknown names too."""
    write(stage.path, BOTH)
    assert stage.source.refresh("root").result is None
    assert stage.passwords() == ("hunter3", "hunter2")
    write(stage.path, APP)
    assert stage.source.refresh("app").result.passwords == ("hunter2",)


def test_a_broken_version_keeps_the_last_good_one(stage):
    """It is told once, without its content, and the next good version is taken."""
    write(stage.path, "users:\n- {username: app, password: [hunter9]}")
    with capture_logs() as logs:
        for _ in range(3):
            stage.clock.advance(LOOK_SECONDS)
    (line,) = logs
    assert line["log_level"] == "error"
    assert "users[0].password: must be a text" in line["why"]
    assert "hunter9" not in repr(logs)
    assert stage.passwords() == ("hunter2",)
    write(stage.path, BOTH)
    stage.clock.advance(LOOK_SECONDS)
    assert stage.passwords() == ("hunter3", "hunter2")


def test_a_broken_version_is_read_once(stage, monkeypatch):
    """A file that cannot be used is not parsed again before it changes."""
    write(stage.path, "users: 1")
    stage.clock.advance(LOOK_SECONDS)
    read = []
    monkeypatch.setattr(users_file, "_passwords", read.append)
    stage.clock.advance(LOOK_SECONDS)
    assert read == []


def test_a_file_that_is_away_is_taken_when_it_is_back(stage):
    """A missing file is told once and keeps what is known; the same file may come back."""
    away = stage.path.with_name("away")
    stage.path.rename(away)
    with capture_logs() as logs:
        stage.clock.advance(LOOK_SECONDS)
        stage.clock.advance(LOOK_SECONDS)
        away.rename(stage.path)
        stage.clock.advance(LOOK_SECONDS)
    assert [line["log_level"] for line in logs] == ["error", "info"]
    assert stage.passwords() == ("hunter2",)


def test_a_file_that_is_being_written_is_left_for_the_next_look(stage, monkeypatch):
    """What changed while it was read is not believed."""
    version = files._version
    states = iter([(0, 0, 0), (1, 1, 1), (2, 2, 2)])
    monkeypatch.setattr(files, "_version", lambda _status: next(states))
    write(stage.path, "users: []")
    with capture_logs() as logs:
        stage.clock.advance(LOOK_SECONDS)
    assert logs == []
    assert stage.source.users() == ("app",)
    monkeypatch.setattr(files, "_version", version)
    stage.clock.advance(LOOK_SECONDS)
    assert stage.source.users() == ()


def test_a_file_that_is_being_written_is_an_error_at_the_start(tmp_path, monkeypatch):
    """The start does not guess what the file will say."""
    states = iter([(1, 1, 1), (2, 2, 2)])
    monkeypatch.setattr(files, "_version", lambda _status: next(states))
    with pytest.raises(PasswordUnreadableError, match="is being written"):
        Stage(tmp_path)


def test_a_file_that_others_may_read_is_told(tmp_path):
    """The mode of the file matters to those who may read it, and to nobody else."""
    path = tmp_path / "users.yaml"
    for mode, levels in ((0o604, ["warning"]), (0o640, [])):
        write(path, APP, mode)
        with capture_logs() as logs:
            UsersFile(path, Credential, clock=Clock(), run=maybeDeferred)
        assert [line["log_level"] for line in logs] == levels


def test_looks_are_shared_and_do_not_block(tmp_path):
    """While a thread reads, more wishes wait for its answer; `stop` answers them."""
    runs = []

    def run(work):
        runs.append((work, Deferred()))
        return runs[-1][1]

    stage = Stage(tmp_path, run=run)
    write(stage.path, BOTH)
    first, second = stage.source.refresh("app"), stage.source.refresh("batch")
    assert len(runs) == 1
    assert not first.called
    work, done = runs.pop()
    done.callback(work())
    assert first.result.passwords == ("hunter3", "hunter2")
    assert second.result.passwords == ("",)
    third = stage.source.refresh("app")
    stage.source.stop()
    assert third.result.passwords == ("hunter3", "hunter2")
    runs.pop()[1].callback(None)
    assert stage.source.refresh("app").result.passwords == ("hunter3", "hunter2")
    assert not stage.clock.getDelayedCalls()


def test_a_thread_that_hangs_is_one_thread(tmp_path):
    """It is told once, nobody waits for it, and looks go on when it is back."""
    runs = []

    def run(work):
        runs.append((work, Deferred()))
        return runs[-1][1]

    stage = Stage(tmp_path, run=run)
    stage.source.start()
    stage.clock.advance(LOOK_SECONDS)
    reading = stage.source._reading
    late = AwsUnavailableError("no answer", Trouble.UNREACHABLE)
    reading._at_work = True
    waiting = stage.source.refresh("app")
    with capture_logs() as logs:
        runs[0][1].errback(late)
        for _ in range(3):
            stage.clock.advance(LOOK_SECONDS)
    assert [line["why"] for line in logs] == [
        f"{stage.path} (users_file): cannot be read: it takes too long"
    ]
    assert waiting.result.passwords == ("hunter2",)
    assert stage.source.refresh("app").result.passwords == ("hunter2",)
    assert len(runs) == 1
    reading._at_work = False
    write(stage.path, BOTH)
    stage.clock.advance(LOOK_SECONDS)
    work, done = runs[1]
    done.callback(work())
    assert stage.passwords() == ("hunter3", "hunter2")
    stage.source.stop()


def test_who_waits_no_more_is_forgotten(tmp_path):
    """A client that leaves takes nothing with it, and leaves nothing behind."""
    runs = []

    def run(work):
        runs.append((work, Deferred()))
        return runs[-1][1]

    stage = Stage(tmp_path, run=run)
    gone, stays = stage.source.refresh("app"), stage.source.refresh("app")
    gone.addErrback(lambda failure: failure.trap(CancelledError))
    gone.cancel()
    assert len(stage.source._waiters) == 1
    runs[0][1].callback(None)
    assert stays.result.passwords == ("hunter2",)
    stage.source.stop()


def test_lines_say_whose_they_are(tmp_path):
    """Those of several proxies are told apart."""
    write(tmp_path / "users.yaml", APP, 0o604)
    with capture_logs() as logs:
        UsersFile(
            tmp_path / "users.yaml",
            Credential,
            clock=Clock(),
            run=maybeDeferred,
            log=get_logger(proxy="shop"),
        )
    assert [line["proxy"] for line in logs] == ["shop"]


def test_a_mistake_of_ours_is_told_without_its_words(stage, monkeypatch):
    """An error that nobody thought of is logged by its kind, and looks go on."""

    def fail(_path, _known):
        raise ZeroDivisionError("hunter2")

    monkeypatch.setattr(users_file, "_read", fail)
    with capture_logs() as logs:
        stage.clock.advance(LOOK_SECONDS)
    assert logs[0]["kind"] == "ZeroDivisionError"
    assert "hunter2" not in repr(logs)
    monkeypatch.undo()
    write(stage.path, BOTH)
    stage.clock.advance(LOOK_SECONDS)
    assert stage.source.users() == ("app", "batch")


def test_a_source_shows_no_password(stage):
    """The repr says where and how many."""
    assert repr(stage.source) == f"<UsersFile {str(stage.path)!r} of 1 users>"
    content = users_file._read(stage.path, None)
    assert "hunter2" not in repr(content)
