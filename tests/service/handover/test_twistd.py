"""Tests of `proxy.service.handover.twistd`."""

from __future__ import annotations

import os

import pytest

from proxy.service.handover.twistd import TwistdPidFile


@pytest.fixture
def options(tmp_path):
    """Those of a twistd that has written its file."""
    path = tmp_path / "twistd.pid"
    path.write_text("1")
    return {"pidfile": str(path)}


def test_another_twistd_can_start_while_the_file_is_away(options, tmp_path):
    """And this one is the service again when that has failed."""
    file = TwistdPidFile(options)
    file.put_away()
    assert not (tmp_path / "twistd.pid").exists()
    file.put_away()
    file.put_back()
    assert (tmp_path / "twistd.pid").read_text() == str(os.getpid())


def test_the_file_of_the_next_one_is_left_alone(options):
    """Twistd takes away what its options say."""
    TwistdPidFile(options).leave()
    assert options["pidfile"] == ""


def test_without_a_file_there_is_nothing_to_do():
    """As with `--pidfile=`."""
    file = TwistdPidFile({"pidfile": ""})
    file.put_away()
    file.put_back()


def test_a_folder_that_is_gone_does_not_matter(tmp_path):
    """The proxy serves without the file."""
    TwistdPidFile({"pidfile": str(tmp_path / "gone" / "pid")}).put_back()
