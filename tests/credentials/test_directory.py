"""Tests of `proxy.credentials.directory`."""

import pytest

from proxy.config.auth import IamAuth
from proxy.credentials.directory import Directory
from proxy.credentials.source import Credential
from tests.support.passwords import Passwords, credential

ANYBODY = Credential("root", (), iam_auth=IamAuth.REQUIRED)


@pytest.fixture
def sources():
    """Two sources; both know "app", each with a password of its own."""
    first = Passwords(credential("app", "first"), credential("own", "x"))
    return first, Passwords(credential("app", "second"), credential("other", "y"))


def found(deferred):
    """The passwords that were found, None for a stranger."""
    return None if deferred.result is None else deferred.result.passwords


def test_the_first_source_that_knows_a_user_holds(sources):
    """Those behind it are not asked."""
    directory = Directory(sources)
    assert directory.known("app").passwords == ("first",)
    assert directory.known("other").passwords == ("y",)
    assert directory.known("root") is None
    assert found(directory.find("app")) == ("first",)
    assert sources[1].asked == []


def test_what_is_known_need_not_be_looked_for(sources):
    """The others are asked in turn, and all of them for a stranger."""
    directory = Directory(sources)
    assert found(directory.find("other")) == ("y",)
    assert [source.asked for source in sources] == [[("find", "other")], []]
    assert found(directory.find("root")) is None
    assert sources[1].asked == [("find", "root")]


def test_a_user_may_have_to_be_looked_for(sources):
    """A source that has not read its secrets yet knows nobody at once, and answers later."""
    first, _ = sources
    first.hidden.add("own")
    first.held = []
    directory = Directory(sources)
    assert directory.known("own") is None
    finding = directory.find("own")
    assert not finding.called
    first.held.pop()()
    assert found(finding) == ("x",)


def test_only_the_source_of_a_user_looks_anew(sources):
    """Although another one has the name too: its password would not be taken anyway."""
    first, second = sources
    first.fresh["app"] = credential("app", "renewed")
    directory = Directory(sources)
    assert found(directory.refresh("app")) == ("renewed",)
    assert second.asked == []
    assert found(directory.refresh("other")) == ("y",)
    assert ("refresh", "other") not in first.asked


def test_a_user_who_is_new_is_found_by_looking_anew(sources):
    """Where nobody knows the name, all sources look, until one has it."""
    first, second = sources
    second.fresh["new"] = credential("new", "z")
    directory = Directory(sources)
    assert found(directory.refresh("new")) == ("z",)
    assert found(directory.refresh("root")) is None
    assert [source.asked[-1] for source in sources] == [("refresh", "root")] * 2
    assert first.asked == [("refresh", "new"), ("refresh", "root")]


def test_a_user_who_is_gone_is_a_stranger(sources):
    """Its own source has the last word."""
    first, _ = sources
    first.fresh["own"] = None
    directory = Directory(sources)
    assert found(directory.refresh("own")) is None
    assert directory.known("own") is None


def test_strangers_may_log_in_with_tokens(sources):
    """As RDS Proxy's DefaultAuthScheme has it; users who are known keep their way."""
    directory = Directory(sources, takes_all=True)
    for look in (directory.find, directory.refresh):
        assert look("root").result == ANYBODY
        assert look("app").result.passwords == ("first",)
    assert directory.known("root") is None


def test_users_are_listed_once(sources):
    """In the order of the sources."""
    assert Directory(sources).users() == ("app", "own", "other")
    assert Directory(()).users() == ()


def test_nobody_is_known_without_sources():
    """Everybody is a stranger then."""
    assert found(Directory(()).find("app")) is None
    assert found(Directory(()).refresh("app")) is None


def test_the_repr_is_that_of_the_sources():
    """An operator sees where passwords come from, and none of them."""

    class Named(Passwords):
        def __repr__(self):
            return "<Named>"

    assert repr(Directory((Named(),))) == "<Directory (<Named>,)>"
