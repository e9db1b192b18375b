"""Tests of `proxy.net.files`."""

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from proxy.net import files
from proxy.net.files import (
    FileChangingError,
    FileUnreadableError,
    Watched,
    first_line,
    is_readable_by_others,
    read_content,
    read_limited,
    version_of,
    warn_of_readers,
)
from proxy.observe.log import get_logger


@pytest.fixture
def path(tmp_path):
    """A file with two lines."""
    made = tmp_path / "file"
    made.write_bytes(b"hunter2\r\nmore")
    return made


def replace(path, content, like=None):
    """Put another file in the place of one, with the times of `like`."""
    fresh = path.with_name("fresh")
    fresh.write_bytes(content)
    if like is not None:
        os.utime(fresh, ns=(like.st_atime_ns, like.st_mtime_ns))
    fresh.replace(path)


def test_a_file_is_read_whole(path):
    """Up to its limit; its version is that of what was read."""
    assert read_limited(str(path), 13) == b"hunter2\r\nmore"
    content = read_content(path, 13)
    assert content.version == version_of(path)
    assert "hunter2" not in repr(content)


def test_a_file_that_is_too_large_is_refused(path):
    """The error says the limit, and which version of the file it was."""
    with pytest.raises(
        FileUnreadableError, match=f"^{path}: is larger than 12 bytes$"
    ) as caught:
        read_limited(path, 12)
    assert caught.value.path == path
    assert caught.value.reason == "is larger than 12 bytes"
    assert caught.value.version == version_of(path)


@pytest.mark.parametrize(
    "content", [b"hunter2", b"hunter2\n", b"hunter2\r\n", b"hunter2\n" + b"x" * 100]
)
def test_the_first_line_has_no_end(path, content):
    """What stands behind it does not matter, however long it is."""
    path.write_bytes(content)
    assert first_line(path, 8) == b"hunter2"


def test_a_first_line_is_not_cut_short(path):
    """Part of a password would be another password."""
    with pytest.raises(FileUnreadableError, match="its first line is longer than 6 bytes"):
        first_line(path, 6)


def test_a_first_line_may_be_empty(path):
    """Whether that is any good is for others to say."""
    path.write_bytes(b"")
    assert first_line(path, 8) == b""


@pytest.mark.parametrize("read", [read_limited, first_line])
def test_what_is_no_file_is_refused_at_once(tmp_path, read):
    """A pipe that nobody writes to does not keep anybody waiting."""
    for make in (os.mkfifo, os.mkdir):
        place = tmp_path / make.__name__
        make(place)
        with pytest.raises(FileUnreadableError, match="is not a file"):
            read(place, 100)


@pytest.mark.parametrize("read", [read_limited, first_line])
def test_a_file_that_is_not_there_is_named(tmp_path, read):
    """With the reason of the system, and without a version."""
    with pytest.raises(FileUnreadableError, match="cannot be read: No such file") as caught:
        read(tmp_path / "none", 100)
    assert caught.value.path == tmp_path / "none"
    assert caught.value.version is None


def test_what_changes_while_it_is_read_is_not_believed(path, monkeypatch):
    """It is an error of its own, for it is over soon."""
    states = iter([(1, 1, 1), (2, 2, 2)])
    monkeypatch.setattr(files, "_version", lambda _status: next(states))
    with pytest.raises(FileChangingError, match="is being written"):
        read_limited(path, 100)


def test_no_descriptor_is_left_open(path, tmp_path):
    """Neither of a file that was read nor of one that was refused."""
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    read_limited(path, 100)
    for refused in (path, tmp_path):
        with pytest.raises(FileUnreadableError):
            read_limited(refused, 1)
    assert len(list(descriptors.iterdir())) == before


def test_a_change_is_seen_once(path, tmp_path):
    """Written anew, replaced, gone and come again; what is not named does not count."""
    watched = Watched([str(path), None, tmp_path / "other"])
    assert repr(watched) == "<Watched: 2 files>"
    assert not watched.changed()
    changes = [
        lambda: os.utime(path, (1, 1)),
        lambda: replace(path, path.read_bytes(), path.stat()),
        path.unlink,
        lambda: path.write_bytes(b"x"),
        lambda: (tmp_path / "other").write_bytes(b"x"),
    ]
    for change in changes:
        change()
        assert watched.changed()
        assert not watched.changed()


def test_a_file_that_is_not_there_has_no_version(tmp_path):
    """That is a state like any other."""
    assert version_of(tmp_path / "none") is None


def test_a_secret_that_others_may_read_is_told(path, tmp_path):
    """Only the permissions of all others count; the line names the file."""
    log = get_logger(proxy="shop")
    for mode, told in ((0o604, True), (0o640, False), (0o600, False)):
        path.chmod(mode)
        assert is_readable_by_others(path) is told
        with capture_logs() as lines:
            warn_of_readers(log, path)
        assert [(line["log_level"], line["proxy"], line["file"]) for line in lines] == [
            ("warning", "shop", str(path))
        ] * told
    assert not is_readable_by_others(tmp_path / "none")
