"""Tests of `proxy.credentials.iam.hosts`."""

import pytest

from proxy.credentials.iam.hosts import HostPatternError, read_hosts


@pytest.mark.parametrize(
    ("pattern", "host", "port"),
    [
        ("proxy.example.com", "proxy.example.com", 3306),
        ("Proxy.Example.com", "pROXY.example.COM", 1),
        ("proxy.example.com:3306", "proxy.example.com", 3306),
        ("*.example.com", "proxy.example.com", 3306),
        ("*.example.com", "a.b.example.com", 3306),
        ("*.example.com:3306", "a.example.com", 3306),
        ("[::1]", "[::1]", 3306),
        ("[FE80::1]:3306", "[fe80::1]", 3306),
        ("localhost", "localhost", 3306),
    ],
)
def test_a_host_is_accepted_by_its_pattern(pattern, host, port):
    """Case does not matter, a port only where it is given, and a star is for any depth."""
    assert read_hosts([pattern]).accept(host, port)


@pytest.mark.parametrize(
    ("pattern", "host", "port"),
    [
        ("proxy.example.com", "example.com", 3306),
        ("proxy.example.com", "proxy.example.com.evil", 3306),
        ("proxy.example.com:3306", "proxy.example.com", 3307),
        ("*.example.com", "example.com", 3306),
        ("*.example.com", "evilexample.com", 3306),
        ("*.example.com:3306", "a.example.com", 3307),
        ("proxy.example.com", "proxyxexample.com", 3306),
    ],
)
def test_another_host_is_not(pattern, host, port):
    """Neighbours of a pattern are somebody else's."""
    assert not read_hosts([pattern]).accept(host, port)


def test_one_of_several_patterns_is_enough():
    """Each pattern adds hosts."""
    hosts = read_hosts(["a.example", "b.example"])
    assert hosts.accept("b.example", 1)
    assert not hosts.accept("c.example", 1)


def test_no_pattern_accepts_every_host():
    """An empty list is no restriction."""
    assert read_hosts([]).accept("anything", 1)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "*",
        "a.*",
        "*.*.example",
        "a b",
        "a:0",
        "a:65536",
        "a:x",
        "*.[::1]",
        "https://a",
        ".a",
    ],
)
def test_a_pattern_that_is_none_is_an_error(pattern):
    """The error quotes the pattern."""
    with pytest.raises(HostPatternError) as caught:
        read_hosts(["fine.example", pattern])
    assert repr(pattern) in str(caught.value)
