"""Tests of `proxy.admin.files`."""

from __future__ import annotations

import pytest

from proxy.admin.call import CallRefusedError
from proxy.admin.files import INDEX, Files


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "secret.txt").write_text("outside")
    folder = tmp_path / "dashboard"
    (folder / "more").mkdir(parents=True)
    (folder / "index.html").write_text("<p>page")
    (folder / "app.js").write_text("1")
    (folder / "notes.md").write_text("for us")
    (folder / "more" / "app.css").write_text("p {}")
    return folder


def test_each_file_is_what_its_name_says(folder):
    """Those of a folder inside too; what browsers do not need is not served."""
    files = Files(folder)
    assert files.names == ("app.js", "index.html", "more/app.css")
    assert files.answer("app.js", "").media_type == "text/javascript; charset=utf-8"
    assert files.answer("more/app.css", "").body == b"p {}"


@pytest.mark.parametrize(
    "name",
    [
        *("../secret.txt", "more/../../secret.txt", "/etc/passwd", "..", ".", "", "more"),
        *("notes.md", "app.js\0", "APP.JS", "..\\secret.txt", "more//app.css"),
    ],
)
def test_no_other_name_is_anything(folder, name):
    """Names are looked up and never opened, so that none leads out of the folder."""
    with pytest.raises(CallRefusedError) as caught:
        Files(folder).answer(name, "")
    assert caught.value.answer.status == 404


def test_files_are_read_once(folder):
    """What is in the folder later does not matter."""
    files = Files(folder)
    (folder / "app.js").write_text("2")
    assert files.answer("app.js", "").body == b"1"


def test_who_has_a_file_is_not_sent_it_again(folder):
    """As long as it is the same."""
    files = Files(folder)
    tag = files.answer(INDEX, "").headers["ETag"]
    for known in (tag, f'"other", {tag}', "*"):
        answer = files.answer(INDEX, known)
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["ETag"] == tag
    assert files.answer(INDEX, '"other"').status == 200


def test_a_page_may_load_its_own_files_only(folder):
    """And nobody may put it into a page of his own."""
    headers = Files(folder).answer(INDEX, "").headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["Referrer-Policy"] == "no-referrer"


def test_without_a_dashboard_there_is_a_page_that_says_so(tmp_path):
    """A build may leave it out."""
    answer = Files(tmp_path / "none").answer(INDEX, "")
    assert b"no dashboard" in answer.body


def test_the_dashboard_is_in_the_package():
    """Its page, and what that needs."""
    names = Files().names
    assert INDEX in names
