"""Tests of `proxy.credentials.versions`."""

from proxy.credentials.versions import Versions
from tests.credentials.cached_stage import version


def test_passwords_come_in_the_order_in_which_they_will_be_taken():
    """The pending one before the previous one, which counts for a while only."""
    versions = Versions(version(2, "two"), version(3, "three"), version(1, "one"))
    assert versions.accounts(with_previous=True) == {"app": ("two", "three", "one")}
    assert versions.accounts(with_previous=False) == {"app": ("two", "three")}


def test_a_password_counts_once():
    """Whichever versions have it."""
    versions = Versions(version(2, "two"), version(3, "two"), version(1, "two"))
    assert versions.accounts(with_previous=True) == {"app": ("two",)}


def test_an_empty_password_counts_in_the_current_version_only():
    """In another one it would open the account to everybody beside its real password."""
    empty = version(3, "")
    versions = Versions(version(2, "two"), empty, version(1, ""))
    assert versions.accounts(with_previous=True) == {"app": ("two",)}
    other = Versions(version(2, "two"), None, version(1, "", user="app_clone"))
    assert other.accounts(with_previous=True) == {"app": ("two",)}
    meant = Versions(empty, version(4, "four"), version(2, "two"))
    assert meant.accounts(with_previous=True) == {"app": ("", "four", "two")}


def test_users_are_those_of_all_versions():
    """A rotation that alternates users has one in each."""
    versions = Versions(version(2, "two", user="app_clone"), None, version(1, "one"))
    assert versions.users == {"app", "app_clone"}


def test_no_password_is_shown():
    """The repr has none."""
    assert "hunter" not in repr(Versions(version(1, "hunter2")))
