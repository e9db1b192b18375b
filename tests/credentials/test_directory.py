"""Tests of `proxy.credentials.directory`."""

import pytest
from twisted.internet.defer import Deferred

from proxy.config.auth import IamAuth
from proxy.credentials.directory import Directory
from proxy.credentials.source import Credential
from tests.support.passwords import Passwords, credential

ANYBODY = Credential("root", (), iam_auth=IamAuth.REQUIRED)


@pytest.fixture
def sources():
    """Two sources that claim nobody; both know "app", each with a password of its own."""
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


def test_a_stranger_belongs_to_one_source(sources):
    """Always the same one looks anew, so that its time tells nobody whether a name exists."""
    directory = Directory(sources)
    owners = set()
    for name in [f"nobody-{number}" for number in range(50)]:
        for _ in range(2):
            assert found(directory.refresh(name)) is None
        asked = [source.asked.count(("refresh", name)) for source in sources]
        assert sorted(asked) == [0, 2]
        owners.add(asked.index(2))
    assert owners == {0, 1}


def test_who_is_the_source_of_a_stranger_cannot_be_foreseen(sources):
    """Each directory has its own choice."""
    names = [f"nobody-{number}" for number in range(50)]
    choices = []
    for _ in range(2):
        directory = Directory(sources)
        choices.append([sources.index(directory._source_of(name)) for name in names])
    assert choices[0] != choices[1]


def test_a_user_who_is_new_is_found_by_looking_anew(sources):
    """Where its source has it by now, or another one has heard of it meanwhile."""
    directory = Directory(sources)
    source = directory._source_of("new")
    source.fresh["new"] = credential("new", "z")
    assert found(directory.refresh("new")) == ("z",)
    for source in sources:
        source.held = []
    looking = directory.refresh("newer")
    other = next(one for one in sources if one is not directory._source_of("newer"))
    other.there["newer"] = credential("newer", "y")
    directory._sources = (other,)
    for source in sources:
        for answer in source.held:
            answer()
    assert found(looking) == ("y",)


class Claims(Passwords):
    """A source that claims users whom it does not know at present."""

    def __init__(self, *credentials, claimed=()):
        super().__init__(*credentials)
        self.claimed = set(claimed)

    def claims(self, user):
        """See `Claiming`."""
        return user in self.claimed or user in self.there


@pytest.mark.parametrize("takes_all", [False, True])
def test_who_is_claimed_by_one_source_is_nobody_elses(takes_all):
    """A secret that cannot be read makes its user neither a stranger nor another's."""
    first, second = Claims(claimed=["app"]), Claims(credential("app", "other"))
    directory = Directory((first, second), takes_all=takes_all)
    assert directory.known("app") is None
    assert found(directory.find("app")) is None
    assert found(directory.refresh("app")) is None
    assert [source.asked for source in (first, second)] == [
        [("find", "app"), ("refresh", "app")],
        [],
    ]
    first.there["app"] = credential("app", "own")
    assert found(directory.find("app")) == ("own",)
    assert (directory.find("root").result is None) is not takes_all


def test_a_source_that_is_asked_first_holds_against_a_claim():
    """The order is that of the sources."""
    directory = Directory((Claims(credential("app", "own")), Claims(claimed=["app"])))
    assert found(directory.find("app")) == ("own",)
    assert found(directory.refresh("app")) == ("own",)


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


def test_users_of_monitors_are_listed_last(sources):
    """Who looks at a target for clients does so as one of theirs; what counts is who holds."""
    first, second = sources
    first.there["app"] = credential("app", "first", for_monitor=True)
    second.there["own"] = credential("own", "y", for_monitor=True)
    assert Directory(sources).users() == ("own", "other", "app")
    first.hidden.add("app")
    second.hidden.add("app")
    assert Directory(sources).users() == ("app", "own", "other")


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


def test_sources_can_be_replaced(sources):
    """From then on the others are asked, and strangers treated as it is wanted then."""
    directory = Directory(sources)
    directory.replace([Passwords(credential("app", "new"))], takes_all=True)
    assert directory.known("app").passwords == ("new",)
    assert directory.known("own") is None
    assert directory.find("root").result == ANYBODY


def test_who_asks_while_sources_are_replaced_hears_what_the_new_ones_know():
    """A user that the old ones do not know any more is no stranger for that."""
    slow = Passwords()
    answer = Deferred()
    slow.find = lambda _user: answer
    directory = Directory([slow])
    asked = directory.find("late")
    directory.replace([Passwords(credential("late", "new"))], takes_all=False)
    answer.callback(None)
    assert found(asked) == ("new",)
